"""What is seen, as it is, but for what is near, which counts most."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float, Num
from torch import Tensor

from telos.core.contracts import AbstractEncoder, AbstractEncoderConfig
from telos.core.errors import ConfigError
from telos.core.logs import Moments
from telos.core.spaces import ObservationSpace, VectorSpace


@dataclass(frozen=True, kw_only=True)
class NearFirstConfig(AbstractEncoderConfig):
    """An encoder without weights: a car at ten metres is as far from one at five as one at a hundred is from one at fifty.

    An encoder that was learned here, for what can be predicted, let go of part of what tells that a crash is near (docs/log.md).

    Raises:
        ConfigError: the sharpness is not positive; on `build`, the latent is not as large as what is seen.
    """

    sharpness: float = 40.0
    """How much more what is near counts; numbers of the table go from -1 to 1."""

    def __post_init__(self) -> None:
        if not self.sharpness > 0:
            raise ConfigError(f"Numbers cannot be spread with a sharpness of {self.sharpness}.", expected="a number above 0")

    def build(
        self, space: ObservationSpace, latent_size: int, moments: Mapping[str, Moments] | None = None, name: str = "observation"
    ) -> "NearFirst":
        if not isinstance(space, VectorSpace) or space.size != latent_size:
            raise ConfigError(f"What is seen, {space.describe()}, is no latent of {latent_size} numbers.", fix="latent_size = the size of the vector")
        return NearFirst(latent_size, self.sharpness)


class NearFirst(AbstractEncoder):
    """Logarithms of numbers, with their signs, from -2 to 2."""

    def __init__(self, size: int, sharpness: float) -> None:
        super().__init__()
        self.latent_size, self.sharpness = size, sharpness

    def forward(self, observation: Num[Tensor, "batch size"]) -> Float[Tensor, "batch latent"]:  # type: ignore[bad-override] - reads vectors alone
        value = observation.float()
        return 2.0 / math.log1p(self.sharpness) * value.sign() * torch.log1p(self.sharpness * value.abs())
