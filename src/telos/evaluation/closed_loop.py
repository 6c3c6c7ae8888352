"""Episodes in a world, many side by side."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from telos.core.world import AbstractWorld, WorldState
from telos.evaluation.contestants import AbstractContestant, ScriptedContestant
from telos.evaluation.intervals import Rate
from telos.evaluation.protocols import Pairs, Protocol, select_rows

EXPERT_LIMIT = 1000
"""Steps after which the scripted expert itself counts as lost."""


@dataclass(frozen=True)
class Outcome:
    """How a contestant fared, episode by episode."""

    success: np.ndarray
    """`[episodes]`: inside the radius for `hold` steps in a row, in time."""
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
    world: AbstractWorld, pairs: Pairs, contestant: AbstractContestant, protocol: Protocol, progress: Callable[[int, int], None] | None = None
) -> Outcome:
    """Runs all episodes of a protocol side by side; those that are through leave the batch.

    Args:
        progress: called after each step with the episodes that are through, and all.
    """
    num = len(pairs)
    outcome = Outcome(np.zeros(num, dtype=bool), np.zeros(num, dtype=bool), np.array(pairs.limits))
    contestant.begin(world, pairs.starts, pairs.goals)
    alive, inside_for = np.arange(num), np.zeros(num, dtype=int)
    states, goals = pairs.starts, pairs.goals
    for time in range(1, int(pairs.limits.max(initial=0)) + 1):
        states = world.advance(states, contestant.act(states))
        inside = world.distance(states, goals) <= protocol.radius
        inside_for = np.where(inside, inside_for + 1, 0)
        outcome.success_any[alive] |= inside
        done = inside_for >= protocol.hold
        outcome.success[alive[done]] = True
        outcome.steps[alive[done]] = time
        stay = ~done & (pairs.limits[alive] > time)
        if progress is not None:
            progress(num - int(stay.sum()), num)
        if stay.all():
            continue
        alive, inside_for, states, goals = alive[stay], inside_for[stay], select_rows(states, stay), select_rows(goals, stay)
        if not len(alive):
            break
        contestant.keep(stay)
    return outcome


def expert_steps(world: AbstractWorld, protocol: Protocol, starts: WorldState, goals: WorldState) -> np.ndarray:
    """Steps `[batch]` that the scripted expert takes to succeed; `EXPERT_LIMIT` where it does not."""
    num = len(next(iter(starts.values())))
    return play(world, Pairs(starts, goals, np.full(num, EXPERT_LIMIT)), ScriptedContestant(), protocol).steps
