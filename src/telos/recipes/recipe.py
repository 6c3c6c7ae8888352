"""A recipe: everything that decides how a run turns out, in one value."""

from dataclasses import dataclass

from telos.agent.loop import AgentSettings
from telos.core.contracts import AbstractWorldModelConfig
from telos.training import Curriculum


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What is built, how it is trained, and how it plans afterwards. Saved with the run, as JSON with import paths."""

    name: str
    """What it is called."""
    world_model: AbstractWorldModelConfig
    """What is built."""
    curriculum: Curriculum
    """How it is trained."""
    agent: AgentSettings
    """How it plans."""
