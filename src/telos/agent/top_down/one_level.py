"""One upper level at its own clock: what is still good of its last plan, and new plans for those that need one."""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from telos.agent.merging import merge_aims
from telos.agent.top_down.guarded import BEHIND_GUARDRAILS, reachable
from telos.agent.top_down.scale import LevelScale, apart
from telos.agent.top_down.upper_plans import UpperPlans, behind
from telos.agent.top_down.usefulness import NO_NEARER, Use, by_depth, by_distance, by_time
from telos.core.levels import AbstractTimeToGo
from telos.core.types import Aim, Batched, Plan, State

DETOUR = 1.5
"""How many times longer than it seems a way may be; upper plans are made so long, and no longer."""


@dataclass(frozen=True)
class Ground(Batched):
    """Where episodes are, and what a level goes for in each."""

    lowest: State
    """The present, at the lowest level."""
    here: State
    """The same as the level sees it."""
    target: State
    """What it goes for, at the lowest level."""
    goal: State
    """The same as the level sees it."""


@dataclass(frozen=True, kw_only=True)
class LevelPlanning:
    """How one level plans, and keeps its plans."""

    plans: UpperPlans
    scale: LevelScale
    overlooked: float
    """Steps of the world that plans of the level below overlook."""
    time_to_go: AbstractTimeToGo | None
    """What says how far goals are; None: distance does."""
    ways: AbstractTimeToGo | None
    """What knows the ways round what guardrails forbid; None: nothing is forbidden."""
    depth: Int[Tensor, " batch"] | None
    """Levels that plan for each episode; None: as many as help."""

    def __call__(self, ground: Ground, before: Aim | None) -> Aim:
        """The aim of this level."""
        steps = None if self.time_to_go is None else self.time_to_go(ground.lowest.latent, ground.target.latent)
        use, aim = self._use(ground, steps), self._kept(ground, before)
        step, toward = self._advanced(ground, aim)
        due = use.helps & ((aim.age >= self._clock) | (step >= self.plans.horizon) & aim.helps)
        if due.any():
            some = None if steps is None else steps[due]
            aim = merge_aims(due, aim, self._planned(ground.select(due), replace(aim, step=step).select(due), some))
            step, toward = self._advanced(ground, aim)
        use = use.but(step >= self.plans.horizon, NO_NEARER)
        step = step.clamp_max(self.plans.horizon - 1)
        rows = torch.arange(len(step), device=step.device)
        if self.ways is not None:
            use = use.but(~reachable(self.ways, ground.lowest.latent, aim.subgoals[rows, step]), BEHIND_GUARDRAILS)
        reason, reasons = use.reasons(step.device)
        return replace(aim, step=step, toward=toward[rows, step], helps=use.helps, reason=reason, reasons=reasons)

    @property
    def _clock(self) -> int:
        """Steps of the world for which a plan is good."""
        return self.plans.top_down.replan_every * self.plans.level.steps

    def _use(self, ground: Ground, steps: Tensor | None) -> Use:
        if self.depth is not None:
            return by_depth(self.depth, len(self.plans.levels) + 1, steps)
        if steps is not None:
            return by_time(steps, self.overlooked)
        return by_distance(apart(ground.here.latent, ground.goal.latent), self.scale.step)

    def _kept(self, ground: Ground, before: Aim | None) -> Aim:
        """What is left of the last aim; plans that are overdue for who has none, or goes elsewhere now."""
        resting, num = self.plans.resting(ground.here.num_rows, ground.here.latent), self.plans.horizon
        rows, along = torch.zeros(len(resting), dtype=torch.long, device=resting.device), (-1, num, -1)
        imagined = ground.goal.latent[:, None].expand(*along)
        blank = Aim(
            plan=Plan(resting, resting.new_zeros(len(resting), num), imagined),
            subgoals=ground.target.belief[:, None].expand(*along),
            step=rows,
            toward=ground.goal.latent,
            age=rows + self._clock,
            helps=rows.bool(),
            reason=rows,
            reasons=("",),
            goal=ground.target.belief,
        )
        if before is None or before.goal is None or before.plan.actions.shape != resting.shape:
            return blank
        moved = (before.goal != ground.target.belief).any(dim=-1)
        before = replace(before, plan=replace(before.plan, aim=None))
        return merge_aims(moved, before, blank.select(moved)) if moved.any() else before

    def _advanced(self, ground: Ground, aim: Aim) -> tuple[Int[Tensor, " batch"], Float[Tensor, "batch horizon latent"]]:
        """The next subgoal that is neither reached nor overdue, as its number, which is the horizon behind the last; and all of them."""
        toward = self.plans.toward(aim.plan, aim.subgoals)
        overdue = aim.age.div(self.plans.level.steps, rounding_mode="floor").clamp_max(self.plans.horizon)
        within = max(self.plans.top_down.reached * self.scale.step, self.scale.spacing)
        return behind(ground.here.latent, toward, torch.maximum(aim.step, overdue), within), toward

    def _needed(self, ground: Ground, steps: Tensor | None) -> Int[Tensor, " batch"]:
        """Steps of this level that the way is thought to take."""
        if steps is not None:
            return (DETOUR * steps / self.plans.level.steps).clamp_max(self.plans.horizon).ceil().long()
        away = apart(ground.here.latent, ground.goal.latent)
        return (DETOUR * away / max(self.scale.step, 1e-12)).clamp_max(self.plans.horizon).ceil().long()

    def _settles(self, ground: Ground, steps: Tensor | None) -> Bool[Tensor, " batch"]:
        """Whose goal lies within a plan, so that energy is a distance: see `TimeToGo`."""
        if steps is None:
            return torch.ones(ground.here.num_rows, dtype=torch.bool, device=ground.here.latent.device)
        return steps <= self.plans.horizon * self.plans.level.steps

    def _planned(self, ground: Ground, old: Aim, steps: Tensor | None) -> Aim:
        """New plans for all of these episodes; the search starts from what is left of the old ones."""
        needed = self._needed(ground, steps)
        left = (old.step[:, None] + torch.arange(self.plans.horizon, device=needed.device)).clamp_max(self.plans.horizon - 1)
        start = old.plan.actions.gather(1, left[..., None].expand_as(old.plan.actions))
        plan, now = self.plans(ground.here, ground.goal, needed, start), torch.zeros_like(needed)
        subgoals = self.plans.subgoals(plan, ground.goal, ground.target.belief, self._settles(ground, steps))
        return replace(old, plan=plan, subgoals=subgoals, step=now, age=now, helps=torch.ones_like(old.helps), goal=ground.target.belief)
