"""Guardrails of an upper level: what its plans must not imagine, through the same gate as that of actions."""

from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from telos.agent.actor.guard import Guard
from telos.agent.cost.time_seen_above import SeenAbove, seen_above
from telos.agent.cost.time_to_go import RATE
from telos.agent.guardrails import Hold
from telos.agent.top_down.within_reach import WithinReach
from telos.core.guarding import AbstractRequirement, Ahead, Guardrail, Now
from telos.core.levels import AbstractLevel, Landmarks
from telos.core.readouts import AbstractReadout, Fidelity

KEPT = 8
"""Guards that are remembered."""
STATES, WAYS = "like what is forbidden", "place among landmarks"


class _Reading(AbstractReadout):
    """Of what a level sees; it is exact, since it speaks of what the level knows and not of the world."""

    def __init__(self, name: str, unit: str, size: int) -> None:
        super().__init__()
        self.name, self.unit, self.size = name, unit, size
        self.fidelity = Fidelity(error=0.0, floor=1.0, untrained=1.0)


class Likeness(_Reading):
    """How much more a state is like one that is forbidden than like any that is not: the difference of its distances to the nearest of each."""

    def __init__(self, forbidden: Float[Tensor, "some latent"], allowed: Float[Tensor, "others latent"]) -> None:
        super().__init__(STATES, "distances of the level", 1)
        self.forbidden, self.allowed = Landmarks(forbidden, forbidden), Landmarks(allowed, allowed)

    def forward(self, belief: Float[Tensor, "*batch belief"]) -> Float[Tensor, "*batch 1"]:
        return self.allowed.nearest(belief)[0].sqrt() - self.forbidden.nearest(belief)[0].sqrt()


class Placing(_Reading):
    """Where among landmarks a state is, as the critic of time needs to know it."""

    def __init__(self, critic: SeenAbove) -> None:
        super().__init__(WAYS, "numbers of landmarks, and weights", 2 * critic.neighbours)
        self.critic = critic

    def forward(self, belief: Float[Tensor, "*batch belief"]) -> Float[Tensor, "*batch place"]:
        return self.critic.place(belief)


@dataclass(frozen=True, kw_only=True)
class InTime(AbstractRequirement):
    """Every step is one that an allowed way can make in its time. Its value is how many steps of the world are missing.

    This is the worst over a step's stride: where all short ways break a guardrail, only a longer one is left.
    """

    graded: ClassVar[bool] = True

    critic: SeenAbove
    steps: int
    """Steps of the world in one of the level."""

    @property
    def quantities(self) -> tuple[str, ...]:
        return (WAYS,)

    @property
    def of_states(self) -> bool:
        return False

    def value(self, now: Now, ahead: Ahead, memory: Float[Tensor, "batch memory"]) -> Float[Tensor, "batch horizon"]:
        before = torch.cat([now[WAYS][:, None], ahead[WAYS][:, :-1]], dim=1)
        return self.critic.between(before, ahead[WAYS]) - (RATE * self.steps + self.critic.slack)


@dataclass(frozen=True, kw_only=True)
class Unlike(AbstractRequirement):
    """No state is more like one that is forbidden than like any that is not."""

    @property
    def quantities(self) -> tuple[str, ...]:
        return (STATES,)

    def value(self, now: Now, ahead: Ahead, memory: Float[Tensor, "batch memory"]) -> Float[Tensor, "batch horizon"]:
        return ahead[STATES][..., 0]


@lru_cache(maxsize=KEPT)
def upper_guard(ways: WithinReach, levels: tuple[AbstractLevel, ...], latent_size: int, committed: int) -> Guard:
    """What plans of the last of the levels are given; made once for each critic and level.

    Args:
        ways: which states there are, which of them are forbidden, and how long allowed ways take.
        latent_size: numbers of a latent of the lowest level.
        committed: steps of a plan that are gone for before there is another one.
    """
    level, latents = levels[-1], ways.known[:, :latent_size]
    for view in levels:
        latents = view.raised(latents)
    critic = seen_above(ways, level, latent_size)
    rails = [_rail("ways", InTime(critic=critic, steps=level.steps))]
    readouts: list[AbstractReadout] = [Placing(critic)]
    if ways.broken.any() and not ways.broken.all():
        rails.append(_rail("states", Unlike()))
        readouts.append(Likeness(latents[ways.broken], latents[~ways.broken]))
    for readout in readouts:
        readout.requires_grad_(False).eval()
    return Guard(guardrails=tuple(rails), readouts={readout.name: readout for readout in readouts}, committed=committed)


def _rail(name: str, requirement: AbstractRequirement) -> Guardrail:
    return Guardrail(name=name, requirement=requirement, fallback=Hold())
