"""What cannot be known: the latent variable z, which tells apart what may follow the same belief and action."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Generator, Tensor, nn

from telos.core.errors import ConfigError

Predict = Callable[[Tensor], Tensor]
"""From values of z, `num` of them side by side for each row, `[batch * num z]`, to the latents that they lead to."""


class Inferred(NamedTuple):
    """What z must have been."""

    z: Float[Tensor, "batch z"]
    information: Float[Tensor, " batch"]
    """What it tells beyond what could have been known before, in nats."""


class AbstractChance(nn.Module, ABC):
    """A latent variable for each step. Its prior is a function of what is known (`context`: latent, hidden state, scenery, action), so that
    the future is a function of that and of noise which does not depend on what is done."""

    size: int
    """Numbers of z, which the predictor is given beside the action."""
    noise_size: int
    """Numbers of noise that decide about one step."""

    @abstractmethod
    def noise(self, num: int, steps: int, generator: Generator) -> Float[Tensor, "{num} {steps} noise"]:
        """Noise for `num` futures; where all of it is 0, what follows is the likeliest."""

    @abstractmethod
    def draw(self, context: Float[Tensor, "batch context"], noise: Float[Tensor, "batch noise"] | None) -> Float[Tensor, "batch z"]:
        """What z is where noise turns out so; None: the likeliest."""

    @abstractmethod
    def infer(self, context: Float[Tensor, "batch context"], target: Float[Tensor, "batch latent"], predict: Predict) -> Inferred:
        """What z must have been, now that `target` was seen: the one of least energy, information counted at its price. Differentiable
        where it trains something; in training it may be noisy, with chance of its own that goes on where a checkpoint left it."""

    @abstractmethod
    def guess(self, context: Float[Tensor, "batch context"], target: Float[Tensor, "batch latent"], predict: Predict) -> Float[Tensor, "batch z"]:
        """The same without noise and gradients, for what a belief carries on."""


@dataclass(frozen=True, kw_only=True)
class AbstractChanceConfig(ABC):
    """What a latent variable is made of.

    Raises:
        ConfigError: the price is negative, or the width is below 1.
    """

    price: float = 0.01
    """What a nat of information costs where z is inferred, in units of the energy (the mean squared error of the latent). With the same
    weight in `LatentInformation` training lowers what inference lowers. At 0 nothing keeps z from carrying all; far above what z
    could save it carries nothing."""
    width: int = 128
    """Neurons in the two hidden layers of the prior, and of whatever guesses z."""

    def __post_init__(self) -> None:
        if not self.price >= 0:
            raise ConfigError(f"The price of a nat is {self.price}.", expected="a number of 0 or more")
        if self.width < 1:
            raise ConfigError(f"The latent variable has networks of {self.width} neurons.", expected="1 or more")

    @property
    @abstractmethod
    def size(self) -> int:
        """Numbers of z."""

    @abstractmethod
    def build(self, *, context_size: int, latent_size: int) -> AbstractChance:
        """A latent variable with fresh weights."""


def energy(found: Float[Tensor, "*batch latent"], target: Float[Tensor, "*#batch latent"]) -> Float[Tensor, "*batch"]:
    """How badly what was imagined fits what was seen."""
    return (found - target).square().mean(dim=-1)


def layered(num: int, steps: int, size: int, generator: Generator) -> Float[Tensor, "{num} {steps} {size}"]:
    """Even numbers between 0 and 1, of which each step has one in each of `num` equal layers.

    With numbers that know nothing of each other a search finds the step at which, by luck, no bad future was drawn, and acts just then. Here
    every step is met by its share of bad luck. Source: McKay, Beckman & Conover (1979), Latin hypercube sampling.
    """
    drawn = torch.rand(2, num, steps, size, generator=generator, device=generator.device)
    order = drawn[0].argsort(dim=0)
    return ((order + drawn[1]) / num).clamp(1e-6, 1 - 1e-6)
