"""A network that looks at two states and tells the steps between them."""

import math
from dataclasses import dataclass, field
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from telos.core.errors import ConfigError
from telos.core.layers import Perceptron
from telos.core.levels import AbstractTimeToGo
from telos.core.taught import AbstractDescription


@dataclass(frozen=True, kw_only=True)
class AbstractNetworkConfig(AbstractDescription):
    """What all networks that tell times are made of, and how one was taught."""

    latent_size: int
    """Numbers of a latent."""
    width: int = 128
    """Numbers in each hidden layer."""
    depth: int = 3
    """Hidden layers."""
    scale: float = 10.0
    """Steps that an output of one stands for, so that a fresh network says something sensible."""
    kind: str = ""
    """How it was taught, for people."""
    teacher: str = ""
    """Which critic it was taught by; empty: by the logs themselves."""
    source: str = ""
    """Which logs it was taught on, for people."""
    measures: dict[str, Any] = field(default_factory=dict)
    """What was measured when it was taught, for people."""


@dataclass(frozen=True, kw_only=True)
class PairNetworkConfig(AbstractNetworkConfig):
    """Sizes of a network over pairs, and how it was taught. Raises ConfigError for sizes that cannot be."""

    def __post_init__(self) -> None:
        check_sizes("A network over pairs", self.latent_size, self.width, self.depth, self.scale)

    def build(self) -> "PairNetwork":
        return PairNetwork(latent_size=self.latent_size, width=self.width, depth=self.depth, scale=self.scale)


class PairNetwork(AbstractTimeToGo):
    """Steps between two states, by a network that looks at both: smooth, so that planners by gradient can follow it.

    It can be taught anything, and is taught by hindsight, by expectiles, or by a map of landmarks. Not where two states may be told apart
    only by what was between them: it knows of no states in between, so it has no waypoints, and cannot go round what is forbidden.
    """

    def __init__(self, *, latent_size: int, width: int, depth: int, scale: float) -> None:
        super().__init__()
        self.scale = scale
        self.layers = Perceptron(3 * latent_size, [width] * depth, 1)
        self.slack: Tensor
        self.register_buffer("slack", torch.zeros(()))

    def forward(self, here: Float[Tensor, "*#batch latent"], there: Float[Tensor, "*#batch latent"]) -> Float[Tensor, "*#batch"]:
        here, there = torch.broadcast_tensors(here, there)
        apart = there - here
        raw = self.layers(torch.cat([here, there, apart], dim=-1))[..., 0]
        # Nothing is away from itself.
        return self.scale * nn.functional.softplus(raw) * (1 - torch.exp(-apart.square().sum(dim=-1) * 10))


def check_sizes(what: str, latent_size: int, width: int, depth: int, scale: float) -> None:
    """Raises ConfigError for sizes of which no network can be made."""
    if min(latent_size, width, depth) < 1 or not (scale > 0 and math.isfinite(scale)):
        raise ConfigError(
            f"{what} cannot have latents of {latent_size}, {depth} layers of {width}, and a scale of {scale}.",
            expected="1 or more of each, and a scale above 0",
        )
