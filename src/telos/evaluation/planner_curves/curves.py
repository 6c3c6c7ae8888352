"""Success against CPU time, planner by planner, on the starts and goals of an evaluation."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from telos.agent.actor import MEASURED, setting_of
from telos.agent.loop import Agent
from telos.core import config
from telos.core.config import short_name
from telos.core.contracts import AbstractPlanner
from telos.core.errors import RunError
from telos.core.run import Run
from telos.core.world import AbstractWorld
from telos.evaluation.closed_loop import Outcome, play
from telos.evaluation.contestants import AgentContestant
from telos.evaluation.evaluate import Evaluation
from telos.evaluation.intervals import paired_difference
from telos.evaluation.planner_curves.knee import MARGIN, Knee, enough_episodes, find_knee
from telos.evaluation.protocols import Pairs, select_rows

ALONE_EPISODES, ALONE_STEPS = 5, 6
"""How many episodes, and steps of each, are played one at a time to see what a plan costs when it has no company."""

OF_ALL = ("episodes", "floors", "protocol", "protocol_hash", "pairs_from", "judge", "seed", "versions")
"""What the curves take over from the evaluation."""
OF_EACH = ("name", "setting", "planner", "success", "success_low", "success_high", "difference", "difference_low", "difference_high")


@dataclass(frozen=True)
class PlannerPoint:
    """One planner with one budget."""

    planner: AbstractPlanner
    outcome: Outcome
    cpu_seconds: float
    """CPU time of one plan of an agent that acts in one world; the first plan of an episode and some with a warm start."""
    cpu_seconds_together: float
    """CPU time of one plan where all episodes are planned side by side, as in an evaluation."""


@dataclass(frozen=True)
class PlannerCurves:
    """All planners on the same starts and goals, and which of them to take."""

    evaluation: Evaluation
    points: tuple[PlannerPoint, ...]
    choice: Knee

    @property
    def says(self) -> str:
        """The choice in a sentence."""
        best = setting_of(self.points[self.choice.best].planner)
        if self.choice.knee is None:
            return f"None is better than acting at random; the most successes has {best}."
        margin = f"{100 * MARGIN:g} points"
        if len(self.evaluation.pairs) < enough_episodes():
            return f"{best} has the most successes; to tell what does as well within {margin} takes {enough_episodes()} episodes or more."
        return f"{setting_of(self.points[self.choice.knee].planner)} is the cheapest as good as the best ({best}) within {margin}."

    def to_json(self) -> dict[str, Any]:
        """Rows in the order in which they were played; `difference` is to the best, on the same starts and goals."""
        whole = self.evaluation.to_json()
        return {
            **{name: whole[name] for name in OF_ALL},
            "margin": MARGIN,
            "says": self.says,
            "best": self.choice.best,
            "knee": self.choice.knee,
            "rows": [self._row(point) for point in self.points],
        }

    def _row(self, point: PlannerPoint) -> dict[str, Any]:
        value, low, high = paired_difference(point.outcome.success, self.points[self.choice.best].outcome.success)
        return {
            "name": short_name(type(point.planner)),
            "setting": setting_of(point.planner),
            "planner": config.to_json(point.planner),
            **point.outcome.to_json(),
            "difference": value,
            "difference_low": low,
            "difference_high": high,
            "cpu_seconds": point.cpu_seconds,
            "cpu_seconds_together": point.cpu_seconds_together,
            # Kept, so that several worlds can be judged together without playing again.
            "episode_by_episode": "".join("1" if success else "0" for success in point.outcome.success),
        }


def measure_planners(
    agent: Agent,
    world: AbstractWorld,
    evaluation: Evaluation,
    planners: Sequence[AbstractPlanner],
    *,
    progress: Callable[[str, int, int], None] | None = None,
) -> PlannerCurves:
    """Plays the episodes of an evaluation once more with every planner, and measures what their plans cost.

    CPU time counts all threads, and nothing that a GPU does.

    Args:
        evaluation: of the same agent in the same world; its starts, goals and rules are used again, and its outcome if its planner is asked for.
        planners: as `climb` gives them.
        progress: called with "planners", the episodes that are through, and all.
    """
    points = []
    for number, planner in enumerate(planners):

        def tell(done: int, total: int, number: int = number) -> None:
            if progress is not None:
                progress("planners", number * total + done, len(planners) * total)

        points.append(_point(agent, world, evaluation, planner, tell))
    random = evaluation.floors["random"]
    choice = find_knee(
        [point.outcome.success for point in points],
        [point.cpu_seconds for point in points],
        floor=None if random is None else random.success,
    )
    return PlannerCurves(evaluation, tuple(points), choice)


def read_curves(run: Run) -> dict[str, Any] | None:
    """What `measure_planners` found for this run, as JSON; None if nobody asked. Raises RunError if the file is damaged."""
    if not (run.path / MEASURED).is_file():
        return None
    content = run.read_json(MEASURED)
    rows = content.get("rows")
    whole = isinstance(rows, list) and {*OF_ALL, "margin", "says", "best", "knee"} <= set(content)
    if not whole or not all(isinstance(row, dict) and {*OF_EACH, "cpu_seconds", "cpu_seconds_together"} <= set(row) for row in rows):
        raise RunError(f"{run.path / MEASURED} is damaged: it does not hold curves of planners.", fix="remove it, and measure again")
    return content


def _point(agent: Agent, world: AbstractWorld, evaluation: Evaluation, planner: AbstractPlanner, tell: Callable[[int, int], None]) -> PlannerPoint:
    other = _with(agent, planner)
    alone = _cpu_seconds_alone(other, world, evaluation)
    if planner == agent.settings.planner:
        tell(len(evaluation.pairs), len(evaluation.pairs))
        return PlannerPoint(planner, evaluation.agent, alone, evaluation.plan_cpu_seconds)
    contestant = AgentContestant(other)
    outcome = play(world, evaluation.pairs, contestant, evaluation.protocol, tell, reached=evaluation.success.reached)
    return PlannerPoint(planner, outcome, alone, contestant.seconds_per_plan)


def _with(agent: Agent, planner: AbstractPlanner) -> Agent:
    settings = replace(agent.settings, planner=planner, replan_every=min(agent.settings.replan_every, planner.horizon))
    # Every planner obeys; what was calibrated for one of them promises nothing of another.
    guardrails = tuple(replace(guardrail, calibration=None) for guardrail in agent.guardrails)
    return Agent(agent.knowledge, settings, guardrails=guardrails, drives=agent.drives, configurator=agent.configurator, seed=agent.seed)


def _cpu_seconds_alone(agent: Agent, world: AbstractWorld, evaluation: Evaluation) -> float:
    """CPU time of one plan in one episode at a time."""
    contestant, pairs = AgentContestant(agent), evaluation.pairs
    run = partial(play, world, contestant=contestant, protocol=evaluation.protocol, reached=evaluation.success.reached)
    for row in range(min(ALONE_EPISODES, len(pairs))):
        here = slice(row, row + 1)
        run(pairs=Pairs(select_rows(pairs.starts, here), select_rows(pairs.goals, here), np.minimum(pairs.limits[here], ALONE_STEPS)))
    return contestant.seconds_per_plan
