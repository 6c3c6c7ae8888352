"""A world model that is right about what it cannot know: the point mass, and a wind that may blow once."""

from dataclasses import replace

import torch
from jaxtyping import Num
from torch import Generator, Tensor

from telos.core.types import State
from telos.testing.true_point_mass import TruePointMass

ONE_IN = 4
"""In one of so many futures the wind blows."""
WIND = (0.3, 0.1)
"""How far it carries, in its first step."""


class WindyPointMass(TruePointMass):
    """`TruePointMass`, and in every fourth future a wind that carries the point away at the first step.

    Who plans for the mean leans a quarter of the way against it, and who plans for the worst a half: whether a planner follows its risk
    shows in its plans. The likeliest future has no wind.
    """

    def futures(self, state: State, horizon: int, num: int, generator: Generator) -> State:
        """Exactly one of four futures is windy, or one at the least; which ones is drawn."""
        windy = torch.randperm(num, generator=generator, device=generator.device) < max(1, num // ONE_IN)
        wind = windy[:, None] * torch.tensor(WIND, device=generator.device)
        alike = state.repeat(num)
        return replace(alike, memory={**alike.memory, "wind": wind.to(state.latent).repeat(state.num_rows, 1)}, readings={})

    def step(self, state: State, action: Num[Tensor, "batch action"]) -> State:
        after = super().step(state, action)
        if "wind" not in state.memory:
            return after
        latent = after.latent + state.memory["wind"]
        return State(latent=latent, belief=torch.cat([latent, after.belief[:, self.latent_size :]], dim=-1), memory=after.memory)
