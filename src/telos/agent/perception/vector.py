"""Encoder for sensor readings."""

from collections.abc import Mapping
from dataclasses import dataclass

from jaxtyping import Float, Num
from torch import Tensor, nn

from telos.core.contracts import AbstractEncoder, AbstractEncoderConfig
from telos.core.errors import ConfigError
from telos.core.layers import Normalization, Perceptron
from telos.core.logs import Moments
from telos.core.spaces import ObservationSpace, VectorSpace


@dataclass(frozen=True, kw_only=True)
class VectorConfig(AbstractEncoderConfig):
    """Sizes of the vector encoder."""

    width: int = 128
    """Neurons in each hidden layer."""
    depth: int = 2
    """Hidden layers."""

    def build(
        self, space: ObservationSpace, latent_size: int, moments: Mapping[str, Moments] | None = None, name: str = "observation"
    ) -> "VectorEncoder":
        """Raises ConfigError for anything but vectors."""
        if not isinstance(space, VectorSpace):
            raise ConfigError(f"VectorConfig reads vectors, and is given {space.describe()}.", fix="take EncoderConfig, which fits every space")
        own = (moments or {}).get(name)
        return VectorEncoder(space=space, latent_size=latent_size, width=self.width, depth=self.depth, moments=own)


class VectorEncoder(AbstractEncoder):
    """A multilayer perceptron on normalised numbers, beside a linear path: what is already a good state may pass unbent."""

    def __init__(self, *, space: VectorSpace, latent_size: int, width: int, depth: int, moments: Moments | None = None) -> None:
        super().__init__()
        self.latent_size = latent_size
        self.normalization = Normalization(size=space.size, moments=moments)
        self.bent = Perceptron(space.size, [width] * depth, latent_size)
        self.straight = nn.Linear(space.size, latent_size)

    def forward(self, observation: Num[Tensor, "batch size"]) -> Float[Tensor, "batch latent"]:  # type: ignore[bad-override] - each reads its own kind of observation
        value = self.normalization(observation)
        return self.straight(value) + self.bent(value)
