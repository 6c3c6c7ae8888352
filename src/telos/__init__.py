"""Telos: objective-driven agents. Learns how a world works from logged trajectories, and acts by minimising energy."""

__version__ = "0.1.0"
