"""Subgoals, and energies that are measured from them where they were chosen: in the space of the level above."""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from telos.core.contracts import AbstractCost, WeightedSum
from telos.core.levels import AbstractLevel
from telos.core.tasks import EnergyTogether, split_drives
from telos.core.types import Problem, Rollout, State


@dataclass(frozen=True, kw_only=True)
class Subgoal(State):
    """A goal that the level above has chosen for some of the episodes; for the others it is what they go for anyway."""

    toward: Float[Tensor, "batch above"]
    """The same as the level above sees it."""
    chosen: Bool[Tensor, " batch"]
    """For which episodes the level above has chosen it."""


@dataclass(frozen=True, kw_only=True)
class SeenFrom(AbstractCost):
    """A cost about goals, measured in the space of the level above for those whose goal was chosen there; as it is for the others.

    What a level predicts is right up to what it leaves out: a plan below that were to match all of a predicted state's latents would be asked
    for what nobody knows. Up there nothing else counts than what the level above has planned with.
    """

    cost: AbstractCost
    level: AbstractLevel
    """The one above."""
    below_share: float = 0.0
    """Weight of the same energy in the latents of the level that plans."""

    def energy(self, rollout: Rollout, problem: Problem) -> Float[Tensor, "batch horizon"]:
        goal = problem.goal
        if not isinstance(goal, Subgoal) or not bool(goal.chosen.any()):
            return self.cost.energy(rollout, problem)
        if bool(goal.chosen.all()):
            above = self._above(rollout.latent, rollout, problem, goal)
            return above + self.below_share * self.cost.energy(rollout, problem) if self.below_share else above
        rows = goal.chosen
        below = self.cost.energy(rollout, problem)
        some = problem.select(rows)
        assert isinstance(some.goal, Subgoal)
        above = self._above(rollout.latent[rows], Rollout(rollout.latent[rows], rollout.actions[rows]), some, some.goal)
        return torch.where(rows[:, None], self.below_share * below, below).index_add(0, rows.nonzero()[:, 0], above)

    def _above(self, latent: Tensor, rollout: Rollout, problem: Problem, goal: Subgoal) -> Tensor:
        seen = Rollout(latent=self.level.raised(latent), actions=rollout.actions)
        return self.cost.energy(seen, replace(problem, goal=State(goal.toward, goal.toward)))


def seen_from(cost: AbstractCost, level: AbstractLevel, below_share: float = 0.0) -> AbstractCost:
    """What of a cost measures from goals, measured from the level above; what is asked of the way stays as it is."""
    if isinstance(cost, EnergyTogether):
        return replace(cost, costs=tuple(seen_from(part, level, below_share) for part in cost.costs))
    if not isinstance(cost, WeightedSum):
        return SeenFrom(cost=cost, level=level, below_share=below_share) if cost.about_goals else cost
    if any(isinstance(term, (EnergyTogether, WeightedSum)) for term in cost.terms):
        return replace(cost, terms=tuple(seen_from(term, level, below_share) for term in cost.terms))
    # All that measures from goals at once: states are looked at from above one time.
    goals, ways = split_drives(cost)
    if goals is None:
        return cost
    seen = SeenFrom(cost=goals, level=level, below_share=below_share)
    return seen if ways is None else seen + ways
