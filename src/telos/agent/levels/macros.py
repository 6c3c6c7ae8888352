"""Macro-actions: a few numbers for all that was done in between, inferred once it is known where that has led."""

from typing import NamedTuple

import torch
from jaxtyping import Float, Num
from torch import Tensor, nn

from telos.core.action_features import ActionFeatures
from telos.core.layers import Perceptron
from telos.core.logs import Moments
from telos.core.seeding import derive_seed
from telos.core.spaces import ActionSpace, DiscreteSpace

LEAST_LOG_STD, MOST_LOG_STD = -4.0, 0.5


class Told(NamedTuple):
    """What a macro-action must have been."""

    macro: Float[Tensor, "batch macro"]
    """In training drawn around the guess."""
    information: Float[Tensor, " batch"]
    """What it tells of where one ends beyond what could have been known before, in nats."""


class MacroActions(nn.Module):
    """Guesses the macro-action that led from one state of a level to the next, from both and from what was done below in between.

    The prior is the same everywhere, mean 0 and deviation 1: what a macro-action of 1 amounts to in a state is for the predictor to learn,
    which is given both. So a search in a box around 0 goes where logs have gone from that very state, and 0 is the likeliest. The guess is
    noisy, with a deviation of its own, and what it tells beyond the prior has a price.

    Source: Kingma & Welling (2014), arXiv 1312.6114; a latent action of a few numbers after Schmidt & Jiang (2024), LAPO, arXiv 2312.10812.
    """

    count: Tensor

    def __init__(self, *, acts: ActionSpace, stride: int, latent_size: int, size: int, width: int, moments: Moments | None = None) -> None:
        super().__init__()
        self.features = ActionFeatures(space=acts, moments=moments)
        self.stride = stride
        self.guess = Perceptron(2 * latent_size + stride * self.features.size, [width] * 2, 2 * size)
        self.register_buffer("count", torch.zeros((), dtype=torch.int64))

    def between(self, actions: Num[Tensor, "*batch between"]) -> Float[Tensor, "*batch features"]:
        """All that was done below in one step, as the guess reads it."""
        return self.features(actions.unflatten(-1, (self.stride, -1))).flatten(-2)

    def infer(
        self,
        before: Float[Tensor, "batch latent"],
        after: Float[Tensor, "batch latent"],
        between: Float[Tensor, "batch features"],
    ) -> Told:
        """The macro-action, and what it tells: the divergence of guess and prior."""
        mean, log_std = self.guess(torch.cat([before, after - before, between], dim=-1)).chunk(2, dim=-1)
        log_std = log_std.clamp(LEAST_LOG_STD, MOST_LOG_STD)
        told = 0.5 * ((2 * log_std).exp() + mean.square() - 1) - log_std
        return Told(mean + log_std.exp() * self._noise_like(mean) if self.training else mean, told.sum(dim=-1))

    def _noise_like(self, mean: Tensor) -> Tensor:
        """A function of how many batches there were, so that training that was resumed goes on with it."""
        self.count += 1
        generator = torch.Generator().manual_seed(derive_seed(0, "macro", int(self.count)))
        return torch.randn(mean.shape, generator=generator).to(mean)


def numbers_of(space: ActionSpace) -> int:
    """How many numbers an action has as logs keep it."""
    return 1 if isinstance(space, DiscreteSpace) else space.shape[0]
