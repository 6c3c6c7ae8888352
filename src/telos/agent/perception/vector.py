"""Encoder for sensor readings."""

from dataclasses import dataclass

from jaxtyping import Float, Num
from torch import Tensor, nn

from telos.core.contracts import AbstractEncoder
from telos.core.layers import Normalization, perceptron
from telos.core.logs import Moments
from telos.core.spaces import VectorSpace


@dataclass(frozen=True, kw_only=True)
class VectorConfig:
    """Sizes of the vector encoder."""

    width: int = 128
    """Neurons in each hidden layer."""
    depth: int = 2
    """Hidden layers."""

    def build(self, space: VectorSpace, latent_size: int, moments: Moments | None = None) -> "VectorEncoder":
        return VectorEncoder(space=space, latent_size=latent_size, width=self.width, depth=self.depth, moments=moments)


class VectorEncoder(AbstractEncoder):
    """A multilayer perceptron on normalised numbers, beside a linear path: what is already a good state may pass unbent."""

    def __init__(self, *, space: VectorSpace, latent_size: int, width: int, depth: int, moments: Moments | None = None) -> None:
        super().__init__()
        self.latent_size = latent_size
        self.normalization = Normalization(size=space.size, moments=moments)
        self.bent = perceptron(space.size, [width] * depth, latent_size)
        self.straight = nn.Linear(space.size, latent_size)

    def forward(self, observation: Num[Tensor, "batch size"]) -> Float[Tensor, "batch latent"]:  # type: ignore[bad-override] - each reads its own kind of observation
        value = self.normalization(observation)
        return self.straight(value) + self.bent(value)
