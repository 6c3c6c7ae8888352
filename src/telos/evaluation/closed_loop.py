"""Episodes in a world, many side by side."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from telos.core.world import AbstractWorld, WorldState
from telos.evaluation.contestants import AbstractContestant, ScriptedContestant
from telos.evaluation.intervals import Rate
from telos.evaluation.protocols import Pairs, Protocol, select_rows

Reached = Callable[[WorldState, WorldState], np.ndarray]
"""`(states, goals) -> [batch]` of truth values."""
Recorder = Callable[[np.ndarray, np.ndarray, WorldState], None]
"""`(episodes under way [batch], their actions, where these led)`."""
EXPERT_LIMIT = 1000
"""Steps after which the scripted expert itself counts as lost."""


@dataclass(frozen=True)
class Outcome:
    """How a contestant fared, episode by episode."""

    success: np.ndarray
    """`[episodes]`: inside the radius for `hold` steps in a row, in time (or at the end of it, where the protocol says so)."""
    success_any: np.ndarray
    """`[episodes]`: inside the radius at any step, in time."""
    steps: np.ndarray
    """`[episodes]`: steps until success, or until time was up."""

    @property
    def rate(self) -> Rate:
        return Rate(int(self.success.sum()), len(self.success))

    def to_json(self) -> dict[str, float | None]:
        """Rates with their intervals, and the median of the steps of the episodes that succeeded (None if none did)."""
        low, high = self.rate.interval
        reached = self.steps[self.success]
        return {
            "success": self.rate.value,
            "success_low": low,
            "success_high": high,
            "success_any": float(self.success_any.mean()),
            "steps": float(np.median(reached)) if len(reached) else None,
        }


def play(
    world: AbstractWorld,
    pairs: Pairs,
    contestant: AbstractContestant,
    protocol: Protocol,
    progress: Callable[[int, int], None] | None = None,
    *,
    reached: Reached | None = None,
    record: Recorder | None = None,
) -> Outcome:
    """Runs all episodes of a protocol side by side; those that are through leave the batch.

    Args:
        progress: called after each step with the episodes that are through, and all.
        reached: the judge; by default whoever is within the protocol's radius has arrived.
        record: called after each step with the numbers of the episodes that are under way, their actions, and where these led.
    """
    reached = reached or (lambda states, goals: world.distance(states, goals) <= protocol.radius)
    num = len(pairs)
    outcome = Outcome(np.zeros(num, dtype=bool), np.zeros(num, dtype=bool), np.array(pairs.limits))
    contestant.begin(world, pairs.starts, pairs.goals)
    alive, inside_for = np.arange(num), np.zeros(num, dtype=int)
    states, goals = pairs.starts, pairs.goals
    for time in range(1, int(pairs.limits.max(initial=0)) + 1):
        actions = contestant.act(states)
        states = world.advance(states, actions)
        if record is not None:
            record(alive, actions, states)
        inside = reached(states, goals)
        inside_for = np.where(inside, inside_for + 1, 0)
        outcome.success_any[alive] |= inside
        last = pairs.limits[alive] <= time
        done = (inside_for >= protocol.hold) & (last | (not protocol.at_end))
        outcome.success[alive[done]] = True
        outcome.steps[alive[done]] = time
        # Where the world has ended an episode nothing moves any more: whoever is outside stays there.
        stay = ~done & ~last & ~(world.over(states) & ~inside)
        if progress is not None:
            progress(num - int(stay.sum()), num)
        if stay.all():
            continue
        alive, inside_for, states, goals = alive[stay], inside_for[stay], select_rows(states, stay), select_rows(goals, stay)
        if not len(alive):
            break
        contestant.keep(stay)
    return outcome


def expert_steps(world: AbstractWorld, protocol: Protocol, starts: WorldState, goals: WorldState, reached: Reached | None = None) -> np.ndarray:
    """Steps `[batch]` that the scripted expert takes to succeed; `EXPERT_LIMIT` where it does not."""
    num = len(next(iter(starts.values())))
    return play(world, Pairs(starts, goals, np.full(num, EXPERT_LIMIT)), ScriptedContestant(), protocol, reached=reached).steps
