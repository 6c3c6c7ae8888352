"""What a plan must not do, as the actor needs it: guardrails, the readouts that they speak through, and how long a plan is in force."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Bool, Float, Num
from torch import Tensor

from telos.core.errors import SpaceError
from telos.core.guarding import AbstractFallback, Guardrail
from telos.core.readouts import AbstractReadout
from telos.core.types import Batched, Plan, Problem, Rollout, State

PROGRESS = 0.01
"""Share of the way back inside that a plan makes at the least, where the present is outside."""
Watch = Mapping[str, Float[Tensor, "batch memory"]]
"""What each guardrail remembers of the episode, by its name."""


@dataclass(frozen=True, kw_only=True)
class Guard:
    """All guardrails that are in force."""

    guardrails: tuple[Guardrail, ...]
    readouts: Mapping[str, AbstractReadout]
    """Those that they and their fallbacks speak of, by name."""
    committed: int = 1
    """Steps of a plan that are carried out before the next one is made."""
    fingerprint: str = ""
    """Goes into every verdict."""

    @cached_property
    def fallbacks(self) -> tuple[AbstractFallback, ...]:
        """Each once, in the order of the guardrails."""
        return tuple(dict.fromkeys(guardrail.fallback for guardrail in self.guardrails))

    @cached_property
    def quantities(self) -> tuple[str, ...]:
        """Names of what the requirements speak of."""
        return tuple(dict.fromkeys(name for guardrail in self.guardrails for name in guardrail.requirement.quantities))

    @cached_property
    def graded(self) -> tuple[int, ...]:
        """Places of the guardrails that say how far inside one is: those can guide."""
        return tuple(place for place, guardrail in enumerate(self.guardrails) if guardrail.requirement.graded)

    def only_graded(self, values: Float[Tensor, "*batch guardrails"]) -> Float[Tensor, "*batch graded"]:
        """The values of those that can guide."""
        return values if len(self.graded) == len(self.guardrails) else values[..., list(self.graded)]

    def values(self, rollout: Rollout, problem: Problem) -> Float[Tensor, "batch horizon guardrails"]:
        """How far outside of each guardrail every step lies, margin included: at most 0 where it is kept."""
        now = {name: problem.state.read(self.readouts[name]) for name in self.quantities}
        ahead = {name: rollout.read(self.readouts[name]) for name in self.quantities}
        found = []
        for guardrail in self.guardrails:
            value = guardrail.requirement.value(now, ahead, problem.watch[guardrail.name])
            if value.shape != rollout.actions.shape[:2]:
                raise SpaceError(
                    f"The requirement of '{guardrail.name}' gives {list(value.shape)}.",
                    expected=f"a value for each step, {list(rollout.actions.shape[:2])}",
                )
            found.append(value + guardrail.margin if guardrail.margin else value)
        return torch.stack(found, dim=-1) if len(found) > 1 else found[0][..., None]

    def allowance(self, problem: Problem) -> Float[Tensor, "batch guardrails"]:
        """How far outside a plan may be: not at all, or as far as the present is already, for the time that it takes to lead back."""
        present = {name: problem.state.read(self.readouts[name])[:, None] for name in self.quantities}
        here = Rollout(latent=problem.state.latent[:, None], actions=problem.state.latent[:, None, :1])
        for name, value in present.items():
            here.readings[self.readouts[name]] = value
        return torch.nan_to_num(self.values(here, problem)[:, 0], nan=0.0).clamp(min=0)

    def begin(self, state: State) -> Watch:
        """What is remembered at the beginning of an episode."""
        now = self._now(state)
        return {guardrail.name: guardrail.requirement.begin(now) for guardrail in self.guardrails}

    def remember(self, watch: Watch, state: State) -> Watch:
        """What is remembered once `state` has been reached."""
        now = self._now(state)
        return {guardrail.name: guardrail.requirement.remember(watch[guardrail.name], now) for guardrail in self.guardrails}

    def _now(self, state: State) -> dict[str, Tensor]:
        return {name: state.read(self.readouts[name]) for name in self.quantities}


@dataclass(frozen=True)
class SafeRest(Batched):
    """What is left of the last plan that was found safe to its end; for fallbacks that go on with it."""

    actions: Num[Tensor, "batch horizon action"]
    left: Num[Tensor, " batch"]
    """Steps of it; none: there is no such plan."""

    @classmethod
    def after(cls, plan: Plan, before: "SafeRest | None") -> "SafeRest":
        """The plan, where it is safe to its end, else what was left before."""
        num_rows, horizon = plan.actions.shape[:2]
        assert plan.verdict is not None
        good = plan.verdict.feasible & ~plan.verdict.fallback
        left = torch.full((num_rows,), horizon, device=plan.actions.device)
        if before is None:
            return cls(plan.actions, torch.where(good, left, 0))
        return cls(torch.where(good[:, None, None], plan.actions, before.actions), torch.where(good, left, before.left))

    def shift(self, num_steps: int) -> "SafeRest":
        """The same after some steps."""
        held = torch.cat([self.actions[:, num_steps:], self.actions[:, -1:].expand(-1, min(num_steps, self.actions.shape[1]), -1)], dim=1)
        return SafeRest(held, (self.left - num_steps).clamp(min=0))


def kept(values: Float[Tensor, "*batch horizon guardrails"], allowance: Float[Tensor, "*#batch guardrails"]) -> Bool[Tensor, "*batch"]:
    """Whether every guardrail is kept at every step; what is not a number is not kept.

    Where the present is outside already, inside of a margin at least: whether no step leads farther out. Otherwise an agent could
    never come back: whatever it did, doing nothing included, would be forbidden.
    """
    inside = (values <= allowance[..., None, :]).flatten(-2)
    return inside[..., 0] if inside.shape[-1] == 1 else inside.all(dim=-1)


def leads_back(values: Float[Tensor, "*batch horizon guardrails"], allowance: Float[Tensor, "*#batch guardrails"]) -> Bool[Tensor, "*batch"]:
    """`kept`, and the end lies inside of every guardrail, or nearer to it than the present."""
    # An allowance is 0 or more.
    return kept(values, allowance) & kept(values[..., -1:, :], (1 - PROGRESS) * allowance)
