"""What a report is made from; whatever a run does not have is None, and a sentence says why."""

from dataclasses import dataclass

from telos.agent.loop import Agent
from telos.core.run import Run
from telos.core.world import AbstractWorld
from telos.data import AbstractEpisodes


@dataclass(frozen=True, kw_only=True)
class Sources:
    """A run, and what can still be found of the world and the logs that it came from."""

    run: Run
    agent: Agent
    """As it was evaluated."""
    world: AbstractWorld | None = None
    training: AbstractEpisodes | None = None
    """The episodes that the model was trained on."""
    held_out: AbstractEpisodes | None = None
    """Those that it never saw."""
    missing: tuple[str, ...] = ()
    """What the report has to do without, and why: a sentence each."""
