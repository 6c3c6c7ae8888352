"""Episodes of a task, many side by side, judged by what was true."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from telos.core.spaces import VectorSpace
from telos.core.world import AbstractWorld, WorldState
from telos.evaluation.closed_loop import Recorder
from telos.evaluation.contestants import AbstractContestant
from telos.evaluation.intervals import Rate
from telos.evaluation.protocols import select_rows
from telos.evaluation.tasks.judge import TaskJudge


@dataclass(frozen=True)
class TaskOutcome:
    """How a contestant fared, episode by episode."""

    success: np.ndarray
    """`[episodes]`: whether it did what was asked, in time."""
    steps: np.ndarray
    """`[episodes]`: steps until it had, or until time was up."""
    effort: np.ndarray
    """`[episodes]`: sum of the squared actions until then, each number as a share of its bound; NaN where actions have no size."""

    @property
    def rate(self) -> Rate:
        return Rate(int(self.success.sum()), len(self.success))

    def to_json(self) -> dict[str, float | None]:
        """Rates with their intervals; medians of steps and effort over the episodes that succeeded (None if none did)."""
        low, high = self.rate.interval
        won = self.success
        effort = float(np.median(self.effort[won])) if won.any() and np.isfinite(self.effort).all() else None
        return {
            "success": self.rate.value,
            "success_low": low,
            "success_high": high,
            "steps": float(np.median(self.steps[won])) if won.any() else None,
            "effort": effort,
        }


def play_task(
    world: AbstractWorld,
    judge: TaskJudge,
    starts: WorldState,
    limits: np.ndarray,
    contestant: AbstractContestant,
    progress: Callable[[int, int], None] | None = None,
    record: Recorder | None = None,
) -> TaskOutcome:
    """Runs all episodes side by side; those that are through leave the batch.

    Args:
        judge: a fresh one, which has seen the starts.
        limits: steps allowed `[episodes]`.
        progress: called after each step with the episodes that are through, and all.
        record: called after each step with the numbers of the episodes that are under way, their actions, and where these led.
    """
    num = len(limits)
    outcome = TaskOutcome(np.zeros(num, dtype=bool), np.array(limits), np.zeros(num))
    contestant.begin(world, starts, starts)
    alive, states = np.arange(num), starts
    for time in range(1, int(limits.max(initial=0)) + 1):
        actions = contestant.act(states)
        states = world.advance(states, actions)
        if record is not None:
            record(alive, actions, states)
        outcome.effort[alive] += _effort(world, actions)
        done = judge.step(states)
        outcome.success[alive[done]], outcome.steps[alive[done]] = True, time
        stay = ~done & (limits[alive] > time) & ~world.over(states)
        if progress is not None:
            progress(num - int(stay.sum()), num)
        if stay.all():
            continue
        alive, states = alive[stay], select_rows(states, stay)
        if not len(alive):
            break
        judge.keep(stay)
        contestant.keep(stay)
    return outcome


def _effort(world: AbstractWorld, actions: Any) -> np.ndarray:
    space = world.spaces.action
    if not isinstance(space, VectorSpace) or not space.bounded:
        return np.full(len(actions), np.nan)
    strongest = np.maximum(*map(np.abs, space.bounds))
    return np.square(actions / np.where(strongest > 0, strongest, 1)).mean(axis=1)
