"""A quasimetric: steps between states as a distance that need not be the same both ways, and that obeys the triangle inequality."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from telos.agent.critics.pair_network import AbstractNetworkConfig, check_sizes
from telos.core.errors import ConfigError
from telos.core.layers import Perceptron
from telos.core.levels import AbstractTimeToGo

TINY = 1e-8


@dataclass(frozen=True, kw_only=True)
class QuasimetricConfig(AbstractNetworkConfig):
    """Sizes of a quasimetric, and how it was taught. Raises ConfigError for sizes that cannot be."""

    num_parts: int = 16
    """Distances that are looked at side by side; the largest counts."""
    part_size: int = 16
    """Numbers of each: half for the way there and back, half for what is longer one way than the other."""

    def __post_init__(self) -> None:
        check_sizes("A quasimetric", self.latent_size, self.width, self.depth, self.scale)
        if self.num_parts < 1 or self.part_size < 2 or self.part_size % 2:
            raise ConfigError(
                f"A quasimetric cannot have {self.num_parts} parts of {self.part_size} numbers.",
                expected="1 part or more, of an even number, 2 or more",
            )

    def build(self) -> "Quasimetric":
        return Quasimetric(
            latent_size=self.latent_size,
            width=self.width,
            depth=self.depth,
            num_parts=self.num_parts,
            part_size=self.part_size,
            scale=self.scale,
        )


class Quasimetric(AbstractTimeToGo):
    """Steps as a distance between what a network makes of each state: 0 from a state to itself, asymmetric, and no way is longer than a detour.

    Use as a smooth stand-in for a map of landmarks: the inequality holds for pairs that nobody has shown it too. A state is looked at once,
    whatever it is compared with.

    Source: the metric residual network of Liu et al. (2023), "Metric residual networks for sample efficient goal-conditioned reinforcement
    learning", arXiv 2208.08133: a symmetric part and the largest asymmetric difference; the largest over several.
    """

    def __init__(self, *, latent_size: int, width: int, depth: int, num_parts: int, part_size: int, scale: float) -> None:
        super().__init__()
        self.scale, self.num_parts = scale, num_parts
        self.layers = Perceptron(latent_size, [width] * depth, num_parts * part_size)
        self.slack: Tensor
        self.register_buffer("slack", torch.zeros(()))

    def place(self, latents: Float[Tensor, "*batch latent"]) -> Float[Tensor, "*batch place"]:
        return self.layers(latents)

    def between(self, here: Float[Tensor, "*#batch place"], there: Float[Tensor, "*#batch place"]) -> Float[Tensor, "*#batch"]:
        apart = (here - there).unflatten(-1, (self.num_parts, -1))
        both, one = apart.chunk(2, dim=-1)
        # The root is shifted so that it has a slope at 0, and is still 0 there.
        symmetric = (both.square().sum(dim=-1) + TINY).sqrt() - TINY**0.5
        return self.scale * (symmetric + nn.functional.relu(one).amax(dim=-1)).amax(dim=-1)

    def forward(self, here: Float[Tensor, "*#batch latent"], there: Float[Tensor, "*#batch latent"]) -> Float[Tensor, "*#batch"]:
        return self.between(self.place(here), self.place(there))
