"""Plans of an upper level: searched like any other, then drawn to states that were really seen."""

import math
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from telos.agent.actor import MPPI, Pace, make_plan
from telos.agent.actor.guard import Guard
from telos.agent.actor.plan import NO_TIME
from telos.agent.top_down.scale import apart, rise
from telos.core.action_box import ActionBox
from telos.core.contracts import AbstractCost, AbstractPlanner
from telos.core.levels import AbstractLevel
from telos.core.seeding import torch_generator
from telos.core.top_down import TopDown
from telos.core.types import Plan, Problem, State

USUAL = MPPI(horizon=5, num_candidates=64, num_iterations=3, noise_exponent=0.0)
"""Macro-actions need no smoothness, and few steps of them lead far."""


def upper_planner(top_down: TopDown) -> AbstractPlanner:
    """What searches for macro-actions."""
    return top_down.planner or USUAL


@dataclass(frozen=True, kw_only=True)
class UpperPlans:
    """What it takes to plan on one level, for any number of episodes. Each plans alike alone and in company."""

    levels: tuple[AbstractLevel, ...]
    """Up to the one that plans, which is the last."""
    top_down: TopDown
    cost: AbstractCost
    """What energy is up there."""
    seed: int
    """Of all chance."""
    pace: Pace
    budget_ms: float | None = None
    """For all plans of this level together."""
    guard: Guard | None = None
    """What no plan may imagine, where guardrails are in force; None: nothing is forbidden."""

    @property
    def level(self) -> AbstractLevel:
        """The one that plans."""
        return self.levels[-1]

    @property
    def horizon(self) -> int:
        """Steps that its plans have, whatever part of them was searched for."""
        return upper_planner(self.top_down).horizon

    def __call__(self, here: State, goal: State, needed: Int[Tensor, " batch"], start: Float[Tensor, "batch horizon macro"]) -> Plan:
        """A plan for each episode, held at its last step beyond what was searched for.

        Args:
            here, goal: as this level sees them.
            needed: steps that the way is thought to take; no more are searched for.
            start: what is left of the plans before.
        """
        # Two lengths, since each length is a search of its own for those that need it.
        half = math.ceil(self.horizon / 2)
        steps = torch.where(needed <= half, half, self.horizon)
        groups = [(int(num), (steps == num).nonzero()[:, 0]) for num in steps.unique()]
        plans = [self._search(num, here.select(rows), goal.select(rows), start[rows], 1 / len(groups)) for num, rows in groups]
        order = torch.cat([rows for _, rows in groups]).argsort()
        actions, energies, imagined = (torch.cat([getattr(plan, name) for plan in plans])[order] for name in ("actions", "energies", "imagined"))
        return Plan(actions, energies, imagined, trace=plans[-1].trace)

    def subgoals(
        self, plan: Plan, goal: State, goal_belief: Float[Tensor, "batch belief"], settles: Bool[Tensor, " batch"]
    ) -> Float[Tensor, "batch horizon belief"]:
        """For each imagined state the real one that is most like it: a landmark, or the goal itself, where nobody goes on any more.

        Args:
            goal: as this level sees it.
            goal_belief: the same, of the lowest level.
            settles: whose energy was a distance: such a plan ends where it comes nearest, and what is behind that is chance. By the clock of
                a critic a plan goes on to its end.
        """
        marks = self.level.landmarks
        far, which = marks.nearest(plan.imagined)
        away = (plan.imagined - goal.latent[:, None]).square().mean(dim=-1)
        arrived = (away < far[..., 0]).cumsum(dim=1) > 0
        found = torch.where(arrived[..., None], goal_belief[:, None], marks.beliefs[which[..., 0]])
        steps = torch.arange(away.shape[1], device=away.device)
        last = torch.where(settles[:, None], torch.minimum(steps, away.argmin(dim=1, keepdim=True)), steps)
        return found.gather(1, last[..., None].expand_as(found))

    def toward(self, plan: Plan, subgoals: Float[Tensor, "batch horizon belief"]) -> Float[Tensor, "batch horizon latent"]:
        """Each subgoal as this level sees it: the real state, or, where subgoals are not drawn to such, what is imagined."""
        return rise(self.levels, subgoals.flatten(0, 1)).unflatten(0, subgoals.shape[:2]) if self.top_down.snap else plan.imagined

    def resting(self, num: int, like: Tensor) -> Float[Tensor, "batch horizon macro"]:
        """The likeliest macro-actions throughout."""
        box = ActionBox(self.level.spaces.action)
        return box.to_actions(like.new_zeros(num, self.horizon, *box.space.shape))

    def _search(self, horizon: int, here: State, goal: State, start: Tensor, share: float) -> Plan:
        plan = make_plan(
            replace(upper_planner(self.top_down), horizon=horizon),
            world_model=self.level,
            cost=self.cost,
            problem=Problem(state=here, goal=goal, budget_ms=None if self.budget_ms is None else share * self.budget_ms),
            generator=torch_generator(self.seed, "level", len(self.levels) + 1, device=here.latent.device),
            warm_start=Plan(start[:, :horizon], start.new_zeros(len(start), horizon), start.new_zeros(len(start), horizon, self.level.latent_size)),
            pace=self.pace,
            guard=self.guard,
        )
        # A search that had no time gives back what it was given, which nobody has imagined.
        imagined = self.level.rollout(here, plan.actions).latent if plan.trace.stopped.startswith(NO_TIME) else plan.imagined
        actions, imagined = (_held(part, self.horizon) for part in (plan.actions, imagined))
        none = plan.energies.new_zeros(len(start), self.horizon - horizon)
        return replace(plan, actions=actions, imagined=imagined, energies=torch.cat([plan.energies, none], dim=1))


def behind(
    here: Float[Tensor, "batch latent"], toward: Float[Tensor, "batch horizon latent"], step: Int[Tensor, " batch"], within: float
) -> Int[Tensor, " batch"]:
    """How many of a plan's subgoals lie behind.

    Args:
        here: where one is, as the level sees it.
        toward: the subgoals.
        step: how many did already.
        within: how near counts as there.
    """
    there = apart(here[:, None], toward) <= within
    passed = torch.arange(there.shape[1], device=there.device) < step[:, None]
    return (there | passed).long().cumprod(dim=1).sum(dim=1)


def _held(part: Float[Tensor, "batch some _"], steps: int) -> Float[Tensor, "batch {steps} _"]:
    return torch.cat([part, part[:, -1:].expand(-1, steps - part.shape[1], -1)], dim=1)
