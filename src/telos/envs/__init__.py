"""Worlds that ship with Telos, and any Gymnasium environment by name."""

from telos.envs.two_rooms import TwoRooms

__all__ = ["TwoRooms"]
