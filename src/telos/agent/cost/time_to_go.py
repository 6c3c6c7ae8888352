"""Energies in time: how long it takes to the goal, and what is too good to be true."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from telos.agent.cost.seen_from import Subgoal
from telos.core.contracts import AbstractCost, WeightedSum
from telos.core.levels import AbstractTimeToGo
from telos.core.tasks import EnergyTogether
from telos.core.types import Problem, Rollout

RATE = 1.2
"""Steps that may pass by the critic's clock for each one that is imagined."""
VETO = 10.0
"""Weight of what is too good to be true, against the time to the goal."""


@dataclass(frozen=True, kw_only=True)
class TooGoodToBeTrue(AbstractCost):
    """Steps that a plan gains over what was ever seen to take so long: 0 for what is possible.

    A search finds the rare states in which the model passes through walls, again and again. The critic knows from the logs how long the way
    is really. Halfway and at the end of a plan, what is imagined may be no farther away than `rate` times the steps imagined, and the
    critic's own slack; what goes beyond is energy, as a share of the plan.
    """

    about_goals: ClassVar[bool] = False

    critic: AbstractTimeToGo
    """On the latents that are imagined; on an upper level see `seen_by`."""
    rate: float = RATE
    """Steps by the critic's clock for each step of the world."""
    steps: int = 1
    """Steps of the world in one that is imagined."""

    def energy(self, rollout: Rollout, problem: Problem) -> Float[Tensor, "batch horizon"]:
        return _excess(_Looks(self.critic, rollout, problem), self)


@dataclass(frozen=True, kw_only=True)
class TimeToGo(AbstractCost):
    """Time from the end of the plan to the goal, where the goal lies beyond the plan; nearer, the task's own cost, which knows the last bit
    better than any landmark. Either way with a veto on what is too good to be true.

    A time counts as a share of the plan: energy falls by 1 where a plan goes straight to the goal.

    Use for goals farther than a plan looks, which latent distance knows nothing of. Without a goal state the veto alone is left.

    Source: the veto, the slack from the logs and the change near the goal are our own; a learned time to go as terminal cost is in arXiv 2608.12959.
    """

    critic: AbstractTimeToGo
    """On the latents that are imagined; on an upper level see `seen_by`."""
    near: AbstractCost
    """Energy where the goal is within the plan's reach."""
    veto: float = VETO
    """Weight of what is too good to be true; 0: none is."""
    rate: float = RATE
    """Of the veto."""
    steps: int = 1
    """Steps of the world in one that is imagined."""
    led: bool = True
    """Whether also for subgoals of a level above. They are near, and have been judged up there; without this they cost no second look."""

    def energy(self, rollout: Rollout, problem: Problem) -> Float[Tensor, "batch horizon"]:
        energy = self.near.energy(rollout, problem)
        if self.led or not isinstance(problem.goal, Subgoal):
            return self._timed(energy, rollout, problem)
        rows = ~problem.goal.chosen
        if not bool(rows.any()):
            return energy
        some = Rollout(rollout.latent[rows], rollout.actions[rows])
        return energy.index_copy(0, rows.nonzero()[:, 0], self._timed(energy[rows], some, problem.select(rows)))

    def _timed(self, energy: Float[Tensor, "batch horizon"], rollout: Rollout, problem: Problem) -> Float[Tensor, "batch horizon"]:
        looks = _Looks(self.critic, rollout, problem)
        if problem.goal is not None:
            overlooked = rollout.horizon * self.steps
            away = looks.times(looks.start, looks.goal)
            # Of places that nobody was seen to go between, the task's own cost knows no less.
            far = (away > overlooked) & (away <= self.critic.longest_known)
            energy = torch.where(far[:, None], _at_the_end(looks.times(looks.end, looks.goal) / overlooked, rollout), energy)
        return energy + self.veto * _excess(looks, self) if self.veto else energy


def with_time_to_go(cost: AbstractCost, critic: AbstractTimeToGo, *, steps: int = 1, veto: float = VETO, led: bool = True) -> AbstractCost:
    """What of a cost measures from goals, measured in time where they are far; what is asked of the way stays as it is.

    Args:
        critic: on the latents that are imagined.
        steps: of the world, in one that is imagined.
        led: whether also for subgoals of a level above.
    """

    def wrapped(part: AbstractCost) -> AbstractCost:
        return TimeToGo(critic=critic, near=part, steps=steps, veto=veto, led=led)

    return _about_goals(cost, wrapped)


def _about_goals(cost: AbstractCost, wrapped: Callable[[AbstractCost], AbstractCost]) -> AbstractCost:
    """The same cost with another in place of all of it that measures from goals."""
    if isinstance(cost, EnergyTogether):
        return replace(cost, costs=tuple(_about_goals(part, wrapped) for part in cost.costs))
    if not isinstance(cost, WeightedSum):
        return wrapped(cost) if cost.about_goals else cost
    parts = list(zip(cost.terms, cost.weights, strict=True))
    if any(isinstance(term, (EnergyTogether, WeightedSum)) for term, _ in parts):
        return replace(cost, terms=tuple(_about_goals(term, wrapped) for term, _ in parts))
    # All that measures from one goal is one energy: time takes its place as a whole.
    goals, ways = ([part for part in parts if part[0].about_goals is about_goals] for about_goals in (True, False))
    if not goals:
        return cost
    whole = wrapped(WeightedSum(terms=tuple(term for term, _ in goals), weights=tuple(weight for _, weight in goals)))
    return WeightedSum(terms=(whole, *(term for term, _ in ways)), weights=(1.0, *(weight for _, weight in ways)))


@dataclass(frozen=True)
class _Looks:
    """States of a rollout as the critic places them, each looked at once."""

    critic: AbstractTimeToGo
    rollout: Rollout
    problem: Problem

    @cached_property
    def start(self) -> Tensor:
        return _once(self.critic, self.problem.state.latent)

    @cached_property
    def goal(self) -> Tensor:
        assert self.problem.goal is not None
        return _once(self.critic, self.problem.goal.latent)

    @cached_property
    def middle(self) -> Tensor:
        return self.critic.place(self.rollout.latent[:, self.rollout.horizon // 2 - 1])

    @cached_property
    def end(self) -> Tensor:
        return self.critic.place(self.rollout.latent[:, -1])

    def times(self, here: Tensor, there: Tensor) -> Float[Tensor, " batch"]:
        return self.critic.between(here, there)


def _once(critic: AbstractTimeToGo, latents: Float[Tensor, "batch latent"]) -> Tensor:
    """The same states as the critic places them; candidates of one problem stand side by side, and start from one state."""
    with torch.no_grad():
        if latents.is_cuda or torch.compiler.is_compiling():
            # How many there are is known to nobody while a graph is captured.
            return critic.place(latents)
        some, counts = latents.unique_consecutive(dim=0, return_counts=True)
        return critic.place(some).repeat_interleave(counts, dim=0)


def _excess(looks: _Looks, veto: TooGoodToBeTrue | TimeToGo) -> Float[Tensor, "batch horizon"]:
    """At the end of the plan, and halfway: steps too many, as a share of the plan."""
    horizon = looks.rollout.horizon
    beyond = looks.rollout.latent.new_zeros(len(looks.rollout.latent))
    for length, place in ((horizon // 2, "middle"), (horizon, "end")):
        if length:
            allowed = veto.rate * length * veto.steps + looks.critic.slack
            taken = looks.times(looks.start, getattr(looks, place))
            # What nobody was seen to do may be new, or a tunnel: logs cannot tell.
            beyond = beyond + torch.where(taken <= looks.critic.longest_known, (taken - allowed).clamp_min(0), 0.0)
    return _at_the_end(beyond / (horizon * veto.steps), looks.rollout)


def _at_the_end(energy: Float[Tensor, " batch"], rollout: Rollout) -> Float[Tensor, "batch horizon"]:
    return torch.cat([rollout.latent.new_zeros(len(energy), rollout.horizon - 1), energy[:, None]], dim=1)
