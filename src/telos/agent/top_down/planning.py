"""Planning from the top down: what an upper level expects to come through is where the level below goes."""

import math
import time
from dataclasses import dataclass, replace

import torch

from telos.agent.actor import Pace
from telos.agent.actor.guard import Guard
from telos.agent.cost.seen_from import Subgoal
from telos.agent.top_down.one_level import Ground, LevelPlanning
from telos.agent.top_down.scale import bottom_size, scale_of
from telos.agent.top_down.upper_guard import upper_guard
from telos.agent.top_down.upper_plans import UpperPlans, upper_planner
from telos.agent.top_down.within_reach import WithinReach
from telos.core.contracts import AbstractCost
from telos.core.levels import AbstractLevel, AbstractTimeToGo
from telos.core.tasks import Intent, Part, Parts
from telos.core.types import Aim, Problem, State

SHARE = 0.25
"""Of the time that is left, for the plans of one upper level."""
STRIDES, LEAST = 0.75, 6
"""Of the level above, that the lowest one looks ahead: logs wander, and who has an aim comes to a subgoal in less time than they did. But never
less far than it takes to arrive somewhere and to stay."""


def lowest_horizon(intent: Intent, levels: tuple[AbstractLevel, ...]) -> int:
    """Steps that the lowest level looks ahead: no more than a subgoal needs."""
    if intent.levels == 1 or not levels:
        return intent.planner.horizon
    return min(intent.planner.horizon, intent.top_down.horizon or max(LEAST, math.ceil(STRIDES * levels[0].stride)))


def sight(intent: Intent, levels: tuple[AbstractLevel, ...], depth: int) -> int:
    """Steps of the world that plans of the lowest `depth` levels overlook."""
    return lowest_horizon(intent, levels) if depth == 1 else levels[depth - 2].steps * upper_planner(intent.top_down).horizon


@dataclass(frozen=True, kw_only=True)
class TopDownPlanning:
    """All levels above the lowest, one after the other, from the top. Each goes for what the one above has chosen, each at its own clock: a plan
    is kept until its time is up, its last subgoal is reached, or what it goes for has moved. Each episode is planned for by itself.

    Source: LeCun (2022), "A Path Towards Autonomous Machine Intelligence", section 4.7.
    """

    levels: tuple[AbstractLevel, ...]
    """Those that plan above the lowest, from below."""
    costs: tuple[AbstractCost, ...]
    """What energy is on each of them."""
    intent: Intent
    seed: int
    """Of all chance."""
    pace: Pace
    time_to_go: AbstractTimeToGo | None = None
    """What says how far goals are; None: distance does."""
    ways: AbstractTimeToGo | None = None
    """What knows the ways round what guardrails forbid; None: nothing is forbidden."""

    def __call__(self, state: State, goal: State, before: Aim | None, budget_ms: float | None = None) -> Aim:
        """Where each episode goes next.

        Args:
            state, goal: of the lowest level.
            before: what is left of the aim before; None: there was none.
            budget_ms: wall-clock time for all that is planned.
        """
        started, views, last = time.perf_counter(), _climbed(self.levels, state), _by_level(before, len(self.levels))
        target, aim = goal, None
        for place in reversed(range(len(self.levels))):
            left = None if budget_ms is None else max(0.0, budget_ms - 1000 * (time.perf_counter() - started))
            above, planning = aim, self._planning(place, left)
            aim = planning(Ground(state, views[place + 1], target, _seen(self.levels[: place + 1], target)), last[place])
            aim = replace(aim, plan=replace(aim.plan, aim=above))
            target = towards(target, aim)
        assert aim is not None
        return aim

    def _planning(self, place: int, budget_ms: float | None) -> LevelPlanning:
        top_down, pace = self.intent.top_down, self.pace
        for _ in range(place + 1):
            pace = pace.above
        plans = UpperPlans(
            levels=self.levels[: place + 1],
            top_down=top_down,
            cost=self.costs[place],
            seed=self.seed,
            pace=pace,
            budget_ms=None if budget_ms is None else SHARE * budget_ms,
            guard=self._guard(place),
        )
        return LevelPlanning(
            plans=plans,
            scale=scale_of(self.levels, place),
            overlooked=sight(self.intent, self.levels, place + 1),
            time_to_go=self.time_to_go,
            ways=self.ways,
            depth=self.intent.depth,
        )

    def _guard(self, place: int) -> Guard | None:
        """What plans of a level may imagine, where guardrails are in force; a plan is gone for until the next one, and a step beyond."""
        if not isinstance(self.ways, WithinReach):
            return None
        levels, size = self.levels[: place + 1], bottom_size(self.levels)
        committed = min(self.intent.top_down.replan_every + 1, upper_planner(self.intent.top_down).horizon)
        return upper_guard(self.ways, levels, size, committed)


def towards(target: State, aim: Aim) -> Subgoal:
    """What the level below goes for, at the lowest level: the subgoal where that level helps, else what it would have gone for itself."""
    rows = torch.arange(len(aim.step), device=aim.step.device)
    belief = torch.where(aim.helps[:, None], aim.subgoals[rows, aim.step], target.belief)
    return Subgoal(latent=belief[:, : target.latent.shape[1]], belief=belief, toward=aim.toward, chosen=aim.helps)


def aimed(problem: Problem, aim: Aim) -> Problem:
    """The problem of the lowest level: the same, but for the goal. Where several tasks are to be done at once, the one that has a goal goes
    for the subgoal; the others ask of the way what they asked before."""
    goal, above = problem.goal, aim.plan.aim
    assert goal is not None
    if above is not None:
        goal = aimed(problem, above).goal
        assert goal is not None
    goal, progress = towards(goal, aim), problem.progress
    if isinstance(progress, Parts):
        progress = Parts(tuple(replace(part, goal=part.goal and goal) if isinstance(part, Part) else part for part in progress.parts))
    return replace(problem, goal=goal, progress=progress)


def why_led(aim: Aim) -> tuple[str, ...]:
    """Whether each level above the lowest helps, and why, in a few words for people; of a batch, in how many of its episodes."""
    told, number, above = [], 2, aim
    while above is not None:
        helped = above.helps.tolist()
        if len(helped) == 1:
            told.append(f"level {number} {'leads' if helped[0] else 'is left out'}: {above.reasons[int(above.reason[0])]}")
        else:
            told.append(f"level {number} leads in {sum(helped)} of {len(helped)} episodes")
        number, above = number + 1, above.plan.aim
    return tuple(told)


def _climbed(levels: tuple[AbstractLevel, ...], state: State) -> list[State]:
    """The present as every level sees it, the lowest first."""
    views = [state]
    for level in levels:
        views.append(level.observe(None, None, views[-1].latent))
    return views


def _seen(levels: tuple[AbstractLevel, ...], target: State) -> State:
    """What is gone for, as the last of the levels sees it; costs find the belief of the lowest level beside it."""
    latent = target.latent
    for level in levels[:-1]:
        latent = level.raised(latent)
    latent = levels[-1].observe_goal(latent).latent
    if isinstance(target, Subgoal):
        return replace(target, latent=latent, memory={}, readings={})
    return State(latent=latent, belief=target.belief)


def _by_level(aim: Aim | None, num: int) -> list[Aim | None]:
    """Aims from the lowest up, as many as there are levels; None for those that are missing."""
    found: list[Aim | None] = []
    while len(found) < num:
        found.append(aim)
        aim = None if aim is None else aim.plan.aim
    return found
