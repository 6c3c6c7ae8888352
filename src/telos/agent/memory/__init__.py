"""Episodic memory: what was found out is remembered for the rest of the episode, and beyond it when asked."""

from telos.agent.memory.episodic import EpisodicMemory, EpisodicMemoryConfig
from telos.agent.memory.remembering import Recollection, RememberingModel, recollection

__all__ = ["EpisodicMemory", "EpisodicMemoryConfig", "Recollection", "RememberingModel", "recollection"]
