"""How soon an agent notices that the world has changed, and how it fares then."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from telos.agent.loop import Agent
from telos.core.errors import ConfigError
from telos.core.world import AbstractWorld, WorldState
from telos.evaluation.changes.worlds import AbstractChange, ChangedWorld, begun
from telos.evaluation.closed_loop import Outcome, play
from telos.evaluation.contestants import AgentContestant
from telos.evaluation.intervals import Rate
from telos.evaluation.protocols import Pairs, Protocol

SOON = 10
"""Steps within which a change should be noticed."""


@dataclass(frozen=True)
class Noticing:
    """What an agent noticed, episode by episode."""

    outcome: Outcome
    p_values: np.ndarray
    """`[episodes time]`: of what was seen before each action; not numbers where an episode was over."""
    planned: np.ndarray
    """`[episodes time]`: whether a plan was made at that step."""
    after: int | None
    """The step from which on the world was another one; None: it never was."""

    def delays(self, level: float) -> np.ndarray:
        """`[episodes]`: actions carried out in the changed world until one was followed by a surprise and a new plan; infinite where none was."""
        return self._first((self.p_values < level) & self.planned)

    def judged(self) -> np.ndarray:
        """`[episodes]`: whether an episode lasted long enough to be judged: `SOON` actions in the changed world."""
        start = (self.after or 0) + SOON
        return np.isfinite(self.p_values[:, start]) if start < self.p_values.shape[1] else np.zeros(len(self.p_values), bool)

    def within(self, level: float) -> Rate:
        """Episodes in which it noticed in time, of those that lasted long enough."""
        rows = self.judged()
        return Rate(int((self.delays(level)[rows] <= SOON).sum()), int(rows.sum()))

    def alarms(self, level: float) -> float:
        """Surprises in 100 steps; false ones, where the world never changed."""
        known = np.isfinite(self.p_values)
        return 100 * float((self.p_values[known] < level).mean())

    def to_json(self, level: float) -> dict[str, Any]:
        """Success, and how soon it noticed: median and 95 % quantile of the steps, infinite ones included (None then)."""
        rows, delays = self.judged(), self.delays(level)
        found = np.quantile(delays[rows], [0.5, 0.95], method="inverted_cdf") if rows.any() else np.full(2, np.inf)
        rate = self.within(level)
        return {
            **self.outcome.to_json(),
            "alarms_in_100_steps": self.alarms(level),
            "within": rate.value,
            "within_low": rate.interval[0],
            "within_high": rate.interval[1],
            "judged": rate.total,
            "delay": float(found[0]) if np.isfinite(found[0]) else None,
            "delay_95": float(found[1]) if np.isfinite(found[1]) else None,
        }

    def _first(self, where: np.ndarray) -> np.ndarray:
        start = (self.after or 0) + 1
        later = where[:, start:]
        return np.where(later.any(axis=1), later.argmax(axis=1) + 1.0, np.inf)


def measure_noticing(
    agent: Agent, world: AbstractWorld, pairs: Pairs, protocol: Protocol, change: AbstractChange | None = None, *, after: int = 0
) -> Noticing:
    """Plays all episodes in a world that changes after some steps of each; or never, for what is noticed where there is nothing to notice.

    Raises:
        ConfigError: nobody has measured what is usual for this agent.
    """
    if agent.knowledge.surprise is None:
        raise ConfigError("Nobody has measured what is usual for this agent, so nothing surprises it.", fix="telos surprise RUN")
    num, longest = len(pairs), int(pairs.limits.max(initial=0))
    p_values, planned = np.full((num, longest), np.nan), np.zeros((num, longest), dtype=bool)
    time = 0

    def record(alive: np.ndarray, actions: np.ndarray, states: WorldState) -> None:
        nonlocal time
        assert agent.surprise is not None
        p_values[alive, time] = agent.surprise.cpu().numpy()
        # Where not all were planned for, it was those who were surprised.
        planned[alive, time] = (agent.num_planned == len(alive)) | (p_values[alive, time] < agent.settings.surprise_level)
        time += 1

    outcome = play(*changed(world, pairs, change, after=after), AgentContestant(agent), protocol, record=record)
    return Noticing(outcome, p_values, planned, None if change is None else after)


def changed(world: AbstractWorld, pairs: Pairs, change: AbstractChange | None, *, after: int = 0) -> tuple[AbstractWorld, Pairs]:
    """A world that changes after some steps of each episode, and the same episodes in it; without a change both as they are."""
    if change is None:
        return world, pairs
    return ChangedWorld(world=world, change=change, after=after), replace(pairs, starts=begun(pairs.starts), goals=begun(pairs.goals))
