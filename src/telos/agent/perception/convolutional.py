"""Small convolutional encoder for pictures."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from telos.core.contracts import AbstractEncoder, AbstractEncoderConfig
from telos.core.errors import ConfigError
from telos.core.layers import Linear, Normalization
from telos.core.logs import Moments
from telos.core.pieces import in_pieces
from telos.core.spaces import ObservationSpace, PixelSpace


@dataclass(frozen=True, kw_only=True)
class ConvolutionalConfig(AbstractEncoderConfig):
    """Sizes of the convolutional encoder."""

    channels: tuple[int, ...] = (16, 32, 32)
    """Channels of each layer; each halves the picture."""

    def build(
        self, space: ObservationSpace, latent_size: int, moments: Mapping[str, Moments] | None = None, name: str = "observation"
    ) -> "ConvolutionalEncoder":
        """Raises ConfigError for anything but pictures, and for pictures that are too small."""
        if not isinstance(space, PixelSpace):
            raise ConfigError(
                f"ConvolutionalConfig reads pictures, and is given {space.describe()}.", fix="take EncoderConfig, which fits every space"
            )
        smallest = 2 ** len(self.channels)
        if min(space.height, space.width) < smallest:
            raise ConfigError(
                f"A picture of {space.height} x {space.width} is too small for {len(self.channels)} halvings.",
                expected=f"{smallest} pixels or more a side",
                fix="give fewer channels to ConvolutionalConfig, or record larger pictures",
            )
        return ConvolutionalEncoder(space=space, latent_size=latent_size, channels=self.channels, moments=(moments or {}).get(name))


class ConvolutionalEncoder(AbstractEncoder):
    """Strided convolutions with ReLU, then one linear layer on the flattened map: position must survive, so nothing is pooled."""

    def __init__(self, *, space: PixelSpace, latent_size: int, channels: tuple[int, ...], moments: Moments | None = None) -> None:
        super().__init__()
        self.latent_size = latent_size
        self.normalization = Normalization(size=space.channels, moments=moments)
        layers: list[nn.Module] = []
        size_in = space.channels
        for size_out in channels:
            layers += [nn.Conv2d(size_in, size_out, kernel_size=3, stride=2, padding=1), nn.ReLU()]
            size_in = size_out
        self.features = nn.Sequential(*layers)
        with torch.no_grad():
            num_features = self.features(torch.zeros(1, space.channels, space.height, space.width)).numel()
        self.project = Linear(num_features, latent_size)

    def forward(self, observation: UInt8[Tensor, "batch height width channel"]) -> Float[Tensor, "batch latent"]:  # type: ignore[bad-override] - each reads its own kind of observation
        return in_pieces(self._encode, observation)

    def _encode(self, pictures: UInt8[Tensor, "batch height width channel"]) -> Float[Tensor, "batch latent"]:
        # The permuted view is already channels-last in memory, the layout in which convolutions on a CPU are fastest.
        return self.project(self.features(self.normalization(pictures).permute(0, 3, 1, 2)).flatten(1))
