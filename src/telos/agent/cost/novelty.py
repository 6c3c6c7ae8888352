"""Novelty as an objective: energy is least where nobody has been."""

from typing import ClassVar

import torch
from jaxtyping import Float, Num
from torch import Tensor, nn

from telos.core.contracts import AbstractCost
from telos.core.errors import ConfigError
from telos.core.types import Problem, Rollout

WHOLLY_NEW = 10.0
"""A state that is so many times as far from all places as they are wide is as new as can be."""


class Novelty(nn.Module, AbstractCost):
    """The newest state along the path, from -1 (like nothing that was seen) up to 0 (seen all the time).

    A state is as new as its nearest place is rarely visited, `1 / sqrt(visits)`, and the newer the farther it lies beyond it.

    Use to choose what to do next while logs are gathered. Not for reaching a goal: it leads to wherever the model knows least.

    Args:
        places: latents that were seen.
        visits: how often, 1 or more.
        reach: mean squared difference within which a latent is a place.

    Raises:
        ConfigError: there are no places, or not one number of visits for each.

    Source: visit counts as a bonus after Strehl & Littman (2008), "An analysis of model-based interval estimation for Markov
    decision processes", MBIE-EB.
    """

    about_goals: ClassVar[bool] = False

    def __init__(self, *, places: Float[Tensor, "places latent"], visits: Num[Tensor, "counts"], reach: float) -> None:
        super().__init__()
        if len(places) == 0 or len(visits) != len(places) or not reach > 0:
            raise ConfigError(
                f"Novelty was given {len(places)} places of the size {reach:g}, and {len(visits)} numbers of visits.",
                expected="one number for each place, a place or more, and a size above 0",
            )
        self.reach = reach
        self.places: Tensor
        self.register_buffer("places", places)
        self.visits: Tensor
        self.register_buffer("visits", visits)

    def forward(self, latent: Float[Tensor, "*batch latent"]) -> Float[Tensor, "*batch"]:
        """How new each latent is, from 0 to 1."""
        places, flat = self.places.to(latent), latent.flatten(0, -2)
        nearest = (places.square().sum(dim=1) - 2 * flat @ places.T).argmin(dim=1)
        distance = (flat - places[nearest]).square().mean(dim=1)
        rarity = self.visits.to(latent)[nearest].clamp_min(1).rsqrt()
        beyond = ((distance / self.reach - 1) / (WHOLLY_NEW - 1)).clamp(0, 1)
        return (rarity + (1 - rarity) * beyond).unflatten(0, latent.shape[:-1])

    def energy(self, rollout: Rollout, problem: Problem) -> Float[Tensor, "batch horizon"]:
        novelty = self(rollout.latent)
        newest = novelty.argmax(dim=1, keepdim=True)
        return torch.zeros_like(novelty).scatter(1, newest, -novelty.gather(1, newest))
