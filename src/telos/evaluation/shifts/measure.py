"""Success in every look, on the starts and goals of the evaluation, less success in the look that was learned."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from telos.agent.loop import Agent
from telos.agent.tasks import ReachGoal
from telos.core import config
from telos.core.errors import ConfigError
from telos.core.world import AbstractWorld, WorldState
from telos.evaluation.closed_loop import Outcome, play
from telos.evaluation.contestants import AbstractContestant, AgentContestant
from telos.evaluation.evaluate import Evaluation
from telos.evaluation.intervals import paired_difference
from telos.evaluation.shifts.base import AbstractShift, ShiftedWorld

Goals = Literal["shifted", "as-learned"]
"""Whether the goal is shown in the new look too, or in the one that was learned."""


@dataclass(frozen=True)
class ShiftReport:
    """How the agent fared in every look."""

    goals: Goals
    plain: Outcome
    """In the look that was learned."""
    outcomes: tuple[tuple[AbstractShift, Outcome], ...]
    left_out: tuple[tuple[AbstractShift, str], ...]
    """Shifts that this world does not have, and why."""

    def to_json(self) -> dict[str, Any]:
        """Rows in the order of the shifts; `difference` is to the same starts and goals in the look that was learned."""
        return {
            "goals": self.goals,
            "rows": [{"label": shift.label, "shift": config.to_json(shift), **self._row(outcome)} for shift, outcome in self.outcomes],
            "left_out": [{"label": shift.label, "why": why} for shift, why in self.left_out],
        }

    def _row(self, outcome: Outcome) -> dict[str, Any]:
        value, low, high = paired_difference(outcome.success, self.plain.success)
        return {**outcome.to_json(), "difference": value, "difference_low": low, "difference_high": high}


def measure_shifts(
    agent: Agent,
    world: AbstractWorld,
    evaluation: Evaluation,
    shifts: Sequence[AbstractShift],
    *,
    goals: Goals = "shifted",
    progress: Callable[[str, int, int], None] | None = None,
) -> ShiftReport:
    """Plays the episodes of an evaluation once more in every look.

    The judge sees the world as it is, in every look alike.

    Args:
        evaluation: of the same agent in the same world; its starts, goals and rules are used again.
        goals: `shifted` asks whether the agent copes with a world that looks different; `as-learned`, whether it also
            recognises in the new look what it was shown in the old one.
        progress: called with "shifts", the episodes that are through, and all.

    Raises:
        ConfigError: none of the shifts fits this world.
    """
    misfits = {shift: shift.misfit(world) for shift in shifts}
    fitting = [shift for shift, why in misfits.items() if not why]
    if not fitting:
        reasons = "; ".join(sorted({why for why in misfits.values() if why}))
        raise ConfigError(f"None of these shifts fits {type(world).__name__}: {reasons}.", fix="evaluate without --shifts")
    outcomes = []
    for number, shift in enumerate(fitting):

        def tell(done: int, total: int, number: int = number) -> None:
            if progress is not None:
                progress("shifts", number * total + done, len(fitting) * total)

        shifted = ShiftedWorld(world=world, shift=shift)
        contestant = AgentContestant(agent) if goals == "shifted" else _GoalAsLearned(agent, world)
        outcome = play(shifted, evaluation.pairs, contestant, evaluation.protocol, tell, reached=evaluation.success.reached)
        outcomes.append((shift, outcome))
    return ShiftReport(goals, evaluation.agent, tuple(outcomes), tuple((shift, why) for shift, why in misfits.items() if why))


class _GoalAsLearned(AbstractContestant):
    """The agent in a world that looks different, shown the goal in the look that it knows."""

    name = "agent"

    def __init__(self, agent: Agent, plain: AbstractWorld) -> None:
        self.inner, self.plain = AgentContestant(agent), plain

    def begin(self, world: AbstractWorld, starts: WorldState, goals: WorldState) -> None:
        self.inner.begin(world, starts, goals)
        self.inner.agent.set_task(ReachGoal(self.plain.observe(goals)))

    def act(self, states: WorldState) -> np.ndarray:
        return self.inner.act(states)

    def keep(self, rows: np.ndarray) -> None:
        self.inner.keep(rows)
