"""A vision transformer that learns: pictures in patches, every patch looking at all others."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from telos.agent.perception.blocks import Block
from telos.core.contracts import AbstractEncoder, AbstractEncoderConfig
from telos.core.errors import ConfigError
from telos.core.layers import Linear, Normalization, projection_head
from telos.core.logs import Moments
from telos.core.pieces import in_pieces
from telos.core.spaces import ObservationSpace, PixelSpace

INITIAL_STD = 0.02
"""Of fresh weights, class token and learned positions, as is usual for vision transformers."""
SLOWEST = 10_000
"""Wavelength of the slowest sine among the positions, over 2 pi, in patches."""


@dataclass(frozen=True, kw_only=True)
class ViTConfig(AbstractEncoderConfig):
    """Sizes of a vision transformer that is trained from scratch.

    Use for worlds with several things whose places relate to each other, and for weights of LeWorldModel and its kin. Not for
    few logs of small drawn worlds: a convolutional encoder learns them in a tenth of the time.
    """

    patch: int = 8
    """Pixels a side of a patch; height and width are multiples of it."""
    width: int = 96
    """Numbers in a token."""
    depth: int = 4
    """Blocks."""
    num_heads: int = 4
    """Attention heads in each, which share a token's numbers evenly."""
    hidden: int = 0
    """Neurons in the perceptron of a block; 0: four times the width."""
    positions: Literal["sines", "learned"] = "sines"
    """How a token says where its patch is: fixed sines and cosines of row and column, or numbers that are learned."""
    pool: Literal["class", "mean"] = "class"
    """What stands for the picture: a token of its own, or the mean of all patches."""
    head_hidden: int = 0
    """Neurons of the projection head between the transformer and the latent; 0: a single linear layer."""
    head_norm: Literal["batch", "layer", "none"] = "batch"
    """What normalises them; `batch` keeps the statistics of training, over all processes, for use at run time."""
    epsilon: float = 1e-6
    """Of layer norms."""

    def __post_init__(self) -> None:
        for name, least in (("patch", 1), ("width", 1), ("depth", 1), ("num_heads", 1), ("hidden", 0), ("head_hidden", 0)):
            if getattr(self, name) < least:
                raise ConfigError(f"ViTConfig has {name} = {getattr(self, name)}.", expected=f"{least} or more")
        for name, choices in (("positions", ("sines", "learned")), ("pool", ("class", "mean")), ("head_norm", ("batch", "layer", "none"))):
            if getattr(self, name) not in choices:
                raise ConfigError(f"ViTConfig has {name} = '{getattr(self, name)}'.", expected=" or ".join(choices))
        if self.width % self.num_heads or (self.positions == "sines" and self.width % 4):
            raise ConfigError(
                f"Tokens of {self.width} numbers do not divide among {self.num_heads} heads, or into sines and cosines of two axes.",
                expected="a width that is a multiple of num_heads and, with sines, of 4",
            )

    def build(
        self, space: ObservationSpace, latent_size: int, moments: Mapping[str, Moments] | None = None, name: str = "observation"
    ) -> "ViTEncoder":
        """Raises ConfigError for anything but pictures, and for pictures that are no whole number of patches."""
        if not isinstance(space, PixelSpace):
            raise ConfigError(f"ViTConfig reads pictures, and is given {space.describe()}.", fix="take EncoderConfig(pixels=ViTConfig())")
        if space.height % self.patch or space.width % self.patch:
            raise ConfigError(
                f"A picture of {space.height} x {space.width} is no whole number of patches of {self.patch} pixels.",
                fix=f"give ViTConfig a patch that divides both sides, such as {_divisor(space.height, space.width, self.patch)}",
            )
        return ViTEncoder(config=self, space=space, latent_size=latent_size, moments=(moments or {}).get(name))


class ViTEncoder(AbstractEncoder):
    """Patches become tokens, blocks of attention mix them, and a head makes the latent.

    Only what the latent hangs on is computed: in the last block of a model with a class token, that token alone is carried on.

    Source: Dosovitskiy et al. (2021), arXiv 2010.11929; with a projection head as in LeWorldModel, Maes et al. (2026), arXiv 2603.19312.
    """

    places: Tensor

    def __init__(self, *, config: ViTConfig, space: PixelSpace, latent_size: int, moments: Moments | None = None) -> None:
        super().__init__()
        self.latent_size, self.patch = latent_size, config.patch
        rows, columns, width = space.height // config.patch, space.width // config.patch, config.width
        self.normalization = Normalization(size=space.channels, moments=moments)
        self.embed = Linear(config.patch**2 * space.channels, width)
        self.class_token = nn.Parameter(torch.empty(1, 1, width)) if config.pool == "class" else None
        num_tokens = rows * columns + (config.pool == "class")
        if config.positions == "learned":
            self.places = nn.Parameter(torch.empty(1, num_tokens, width))
        else:
            fixed = sines(rows, columns, width)
            # The class token stands nowhere.
            self.register_buffer("places", torch.cat([fixed.new_zeros(num_tokens - len(fixed), width), fixed])[None], persistent=False)
        hidden = config.hidden or 4 * width
        self.blocks = nn.ModuleList(
            Block(width=width, num_heads=config.num_heads, hidden=hidden, epsilon=config.epsilon) for _ in range(config.depth)
        )
        self.norm = nn.LayerNorm(width, eps=config.epsilon)
        self._start_small()
        head = projection_head(width, config.head_hidden, latent_size, norm=config.head_norm) if config.head_hidden else Linear(width, latent_size)
        self.head = head

    def _start_small(self) -> None:
        for part in self.modules():
            if isinstance(part, Linear):
                nn.init.trunc_normal_(part.weight, std=INITIAL_STD)
                nn.init.zeros_(part.bias)
        for loose in (self.class_token, self.places):
            if isinstance(loose, nn.Parameter):
                nn.init.trunc_normal_(loose, std=INITIAL_STD)

    def forward(self, observation: UInt8[Tensor, "batch height width channel"]) -> Float[Tensor, "batch latent"]:  # type: ignore[bad-override] - each reads its own kind of observation
        return self.head(in_pieces(self.features, observation))

    def features(self, pictures: UInt8[Tensor, "batch height width channel"]) -> Float[Tensor, "batch numbers"]:
        """What stands for each picture, before the head."""
        value = self.embed(self._patches(pictures))
        if self.class_token is not None:
            value = torch.cat([self.class_token.expand(value.shape[0], -1, -1), value], dim=1)
        value = value + self.places
        *others, last = self.blocks
        for block in others:
            value = block(value)
        if self.class_token is None:
            return self.norm(last(value)).mean(dim=1)
        return self.norm(last(value, wanted=1)[:, 0])

    def _patches(self, pictures: UInt8[Tensor, "batch height width channel"]) -> Float[Tensor, "batch patches numbers"]:
        """Normalised, row by row; the pixels of each row by row too, their channels side by side."""
        height, width = (side // self.patch for side in pictures.shape[1:3])
        squares = pictures.unflatten(2, (width, self.patch)).unflatten(1, (height, self.patch))
        # Moved as bytes, which are a quarter of what they become.
        return self.normalization(squares.permute(0, 1, 3, 2, 4, 5).flatten(3, 4).flatten(1, 2)).flatten(2)


def sines(rows: int, columns: int, width: int) -> Float[Tensor, "places width"]:
    """Positions of a grid, row by row: sines, then cosines, of the row in the first half, of the column in the second.

    Source: Vaswani et al. (2017), arXiv 1706.03762, section 3.5, for two axes.
    """
    rates = SLOWEST ** -(torch.arange(width // 4, dtype=torch.float64) / (width // 4))
    row, column = (part.flatten()[:, None] * rates for part in torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij"))
    return torch.cat([row.sin(), row.cos(), column.sin(), column.cos()], dim=1).float()


def _divisor(height: int, width: int, patch: int) -> int:
    """The size of patch next to the one that was asked for."""
    fitting = [size for size in range(1, min(height, width) + 1) if not height % size and not width % size]
    return min(fitting, key=lambda size: abs(size - patch))
