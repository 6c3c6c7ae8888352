"""Staying near what the model knows: how far an imagined state lies from the states that it was trained on."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from telos.core.contracts import AbstractCost
from telos.core.errors import ConfigError
from telos.core.taught import AbstractDescription
from telos.core.types import Problem, Rollout


@dataclass(frozen=True, kw_only=True)
class FamiliarityConfig(AbstractDescription):
    """Sizes of a sense of the familiar. Raises ConfigError for sizes that cannot be."""

    latent_size: int
    """Numbers of a latent."""
    num_directions: int
    """Directions in latent space, the widest first, along which density is looked at; all others are looked at together."""
    num_components: int
    """Gaussians that the density is made of."""
    num_ranks: int = 512
    """Held-out values that are kept, so that a value can be ranked among them."""
    level: float = 0.99
    """Share of what held-out logs show, and of what is imagined along them, that costs nothing."""
    source: str = ""
    """Which logs it was fitted on, for people."""

    def __post_init__(self) -> None:
        if not 1 <= self.num_directions <= self.latent_size or min(self.num_components, self.num_ranks) < 1:
            raise ConfigError(
                f"A latent of {self.latent_size} numbers cannot be looked at along {self.num_directions} directions with "
                f"{self.num_components} Gaussians and {self.num_ranks} ranks.",
                expected="1 or more of each, and no more directions than numbers",
            )
        if not 0.5 <= self.level < 1:
            raise ConfigError(f"A level of {self.level} is no share of held-out frames.", expected="0.5 or more, and less than 1")

    def build(self) -> "Familiarity":
        return Familiarity(
            latent_size=self.latent_size, num_directions=self.num_directions, num_components=self.num_components, num_ranks=self.num_ranks
        )


class Familiarity(nn.Module, AbstractCost):
    """How many deviations an imagined state lies beyond what is familiar, the mean over the path; 0 within.

    The latents of the logs are described by a mixture of Gaussians; a state lies as far out as it does from the nearest of them, in its
    deviations (Mahalanobis distance). What is imagined is never quite on the manifold of real latents, so each Gaussian is as
    much wider as the model errs half-way to its horizon.

    As a cost it is a drive: add it, scaled, to what the task asks for. With `p_value` and `surprise` it tells that something has
    changed since training; both are ranks among held-out frames, so a share of 5 % lies below 0.05 where nothing has.

    Not for scenery (a layout that is read once an episode), and not for what a recurrent predictor carries: latents are looked at alone.

    Source: Lee et al. (2018), "A simple unified framework for detecting out-of-distribution samples", arXiv 1807.03888, with the Gaussians
    fitted without labels.
    """

    about_goals: ClassVar[bool] = False

    def __init__(self, *, latent_size: int, num_directions: int, num_components: int, num_ranks: int) -> None:
        super().__init__()
        self.mean: Tensor
        self.register_buffer("mean", torch.zeros(latent_size))
        self.directions: Tensor
        self.register_buffer("directions", torch.eye(latent_size, num_directions))
        self.rest_precision: Tensor
        self.register_buffer("rest_precision", torch.ones(()))
        self.quadratic: Tensor
        self.register_buffer("quadratic", torch.zeros(num_directions * (num_directions + 1) // 2, num_components))
        self.linear: Tensor
        self.register_buffer("linear", torch.zeros(num_directions, num_components))
        self.constant: Tensor
        self.register_buffer("constant", torch.zeros(num_components))
        self.threshold: Tensor
        self.register_buffer("threshold", torch.ones(()))
        self.ranks: Tensor
        self.register_buffer("ranks", torch.zeros(num_ranks))
        self.step_ranks: Tensor
        self.register_buffer("step_ranks", torch.zeros(num_ranks))

    def energy(self, rollout: Rollout, problem: Problem) -> Float[Tensor, "batch horizon"]:
        return (self._squares(rollout.latent).clamp_min(self.threshold.square()).sqrt() - self.threshold).to(rollout.latent) / rollout.horizon

    def deviations(self, latent: Float[Tensor, "*batch latent"]) -> Float[Tensor, "*batch"]:
        """How far out each latent lies, in deviations of the Gaussian that it is nearest to."""
        return self._squares(latent).sqrt()

    def p_value(self, latent: Float[Tensor, "*batch latent"]) -> Float[Tensor, "*batch"]:
        """Share of held-out frames that lie as far out as each latent, or farther."""
        return _rank(self.deviations(latent), self.ranks)

    def surprise(self, expected: Float[Tensor, "*batch latent"], seen: Float[Tensor, "*batch latent"]) -> Float[Tensor, "*batch"]:
        """Share of held-out steps after which the model was as wrong as here, or more: small where the world does not do what it did."""
        return _rank((expected - seen).square().mean(dim=-1), self.step_ranks)

    def _squares(self, latent: Tensor) -> Tensor:
        centred = latent.flatten(0, -2) - self.mean.to(latent)
        along = centred @ self.directions.to(latent)
        # One product of pairs of numbers gives the distances to all Gaussians: cheaper than a product for each.
        pairs = torch.cat([along[:, i : i + 1] * along[:, i:] for i in range(along.shape[1])], dim=1)
        squares = torch.addmm(self.constant.to(latent), along, self.linear.to(latent)).addmm(pairs, self.quadratic.to(latent)).amin(dim=1)
        if self.directions.shape[0] > self.directions.shape[1]:
            rest = (centred.square().sum(dim=1) - along.square().sum(dim=1)).clamp_min(0)
            squares = squares + rest * self.rest_precision.to(latent)
        return squares.clamp_min(0).unflatten(0, latent.shape[:-1])


def _rank(values: Tensor, held_out: Float[Tensor, " ranks"]) -> Tensor:
    """Share of `held_out`, which is in order, that is no less than each value; the value itself counts too, so that none is 0."""
    below = torch.searchsorted(held_out.to(values), values.contiguous())
    return (len(held_out) - below + 1).to(values) / (len(held_out) + 1)
