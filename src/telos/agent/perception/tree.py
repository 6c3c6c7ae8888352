"""Encoder for dictionaries of pictures and readings."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from telos.agent.perception.convolutional import ConvolutionalConfig
from telos.agent.perception.vector import VectorConfig
from telos.core.contracts import AbstractEncoder, AbstractEncoderConfig, AbstractFeatures
from telos.core.layers import Linear
from telos.core.logs import Moments
from telos.core.spaces import ObservationSpace, PixelSpace, TreeSpace


@dataclass(frozen=True, kw_only=True)
class EncoderConfig(AbstractEncoderConfig):
    """The encoder that fits an observation space: pictures, vectors, or a named tree of both."""

    pixels: AbstractEncoderConfig = ConvolutionalConfig()
    """For every picture."""
    vector: AbstractEncoderConfig = VectorConfig()
    """For every vector."""
    part_size: int = 64
    """Features of each part of a tree, before they are joined."""

    def features(self, space: ObservationSpace, name: str = "observation") -> Mapping[str, AbstractFeatures]:
        if isinstance(space, TreeSpace):
            parts = [self.features(part_space, f"{name}/{part}") for part, part_space in space.spaces.items()]
            return {column: found for part in parts for column, found in part.items()}
        return (self.pixels if isinstance(space, PixelSpace) else self.vector).features(space, name)

    def build(
        self, space: ObservationSpace, latent_size: int, moments: Mapping[str, Moments] | None = None, name: str = "observation"
    ) -> AbstractEncoder:
        """`moments` are by column name: `observation`, or `observation/PART`."""
        if isinstance(space, TreeSpace):
            parts = {part: self.build(part_space, self.part_size, moments, f"{name}/{part}") for part, part_space in space.spaces.items()}
            return TreeEncoder(parts=parts, latent_size=latent_size)
        config = self.pixels if isinstance(space, PixelSpace) else self.vector
        return config.build(space, latent_size, moments, name)


class TreeEncoder(AbstractEncoder):
    """One encoder per part; their features are joined by one hidden layer."""

    def __init__(self, *, parts: dict[str, AbstractEncoder], latent_size: int) -> None:
        super().__init__()
        self.latent_size = latent_size
        self.parts = nn.ModuleDict(parts)
        size = sum(part.latent_size for part in parts.values())
        self.join = nn.Sequential(nn.SiLU(), Linear(size, size), nn.SiLU(), Linear(size, latent_size))

    def forward(self, observation: dict[str, Tensor]) -> Float[Tensor, "batch latent"]:  # type: ignore[bad-override] - each reads its own kind of observation
        return self.join(torch.cat([part(observation[name]) for name, part in self.parts.items()], dim=-1))
