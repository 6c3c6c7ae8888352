"""Other looks of the same picture, drawn at random: what the encoder is to learn to see through."""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, UInt8
from torch import Generator, Tensor
from torch.nn import functional

from telos.core.colours import hue_rotations
from telos.core.errors import ConfigError
from telos.core.logs import map_tree
from telos.core.types import Observation

Pictures = Float[Tensor, "batch height width channel"]
"""From 0 (black) to 1 (white); more and less while augmentations follow one another."""


@dataclass(frozen=True, kw_only=True)
class AbstractAugmentation(ABC):
    """Changes the look of pictures at random, and nothing that matters for what happens next. A value."""

    @abstractmethod
    def __call__(self, pictures: Pictures, generator: Generator) -> Pictures:
        """Every picture with a draw of its own; all chance comes from `generator`, which lives in the processor's memory."""


@dataclass(frozen=True, kw_only=True)
class ColourJitter(AbstractAugmentation):
    """Hue, saturation, brightness and contrast of the whole picture. Pictures without colour keep to the last two."""

    hue: float = 180.0
    """Farthest turn of the hue, in degrees."""
    saturation: float = 0.5
    """Most that is added to, or taken from, the factor on colours."""
    brightness: float = 0.5
    """Most that is added to, or taken from, the factor on light."""
    contrast: float = 0.5
    """Most that is added to, or taken from, the factor on the distance from the middle grey."""

    def __post_init__(self) -> None:
        _check_shares(self, "saturation", "brightness", "contrast")
        if not 0 <= self.hue <= 180:
            raise ConfigError(f"ColourJitter turns the hue by {self.hue:g} degrees.", expected="0 to 180")

    def __call__(self, pictures: Pictures, generator: Generator) -> Pictures:
        num, channels = len(pictures), pictures.shape[-1]
        turn, *factors = 2 * torch.rand(4, num, generator=generator) - 1
        saturation, brightness, contrast = (
            (1 + most * draw)[:, None, None] for most, draw in zip((self.saturation, self.brightness, self.contrast), factors, strict=True)
        )
        matrix = torch.eye(channels).expand(num, channels, channels)
        if channels == 3:
            matrix = torch.from_numpy(hue_rotations(self.hue * turn.double().numpy())).float()
            matrix = saturation * matrix + (1 - saturation) / 3
        matrix = (contrast * brightness * matrix).to(pictures.device)
        offset = (0.5 * (1 - contrast))[..., None].to(pictures.device)
        return torch.einsum("bhwc,bdc->bhwd", pictures, matrix) + offset


@dataclass(frozen=True, kw_only=True)
class UnevenLight(AbstractAugmentation):
    """Light that falls off along a random direction."""

    depth: float = 0.6
    """Most that is lost at the darkest edge."""

    def __post_init__(self) -> None:
        _check_shares(self, "depth")

    def __call__(self, pictures: Pictures, generator: Generator) -> Pictures:
        num, height, width = pictures.shape[:3]
        angle, depth = torch.rand(2, num, generator=generator).to(pictures.device)
        rows, columns = (torch.linspace(-1, 1, size, device=pictures.device) for size in (height, width))
        across = (2 * math.pi * angle).cos()[:, None, None] * columns + (2 * math.pi * angle).sin()[:, None, None] * rows[:, None]
        # Along the diagonal `across` runs from -sqrt(2) to sqrt(2): the shade from 0 to 1.
        shade = 0.5 + across / math.sqrt(8)
        return pictures * (1 - self.depth * depth[:, None, None] * shade)[..., None]


@dataclass(frozen=True, kw_only=True)
class PixelNoise(AbstractAugmentation):
    """A camera's noise: Gaussian, on every number anew, in every picture of another strength."""

    deviation: float = 0.1
    """Of the strongest noise."""

    def __post_init__(self) -> None:
        _check_shares(self, "deviation")

    def __call__(self, pictures: Pictures, generator: Generator) -> Pictures:
        strength = self.deviation * torch.rand(len(pictures), 1, 1, 1, generator=generator)
        noise = strength * torch.randn(pictures.shape, generator=generator)
        return pictures + noise.to(pictures.device)


@dataclass(frozen=True, kw_only=True)
class Defocus(AbstractAugmentation):
    """Out of focus, in every picture more or less: a mixture of the picture and its mean over 3 by 3 pixels."""

    most: float = 1.0
    """Largest share of the blurred picture."""

    def __post_init__(self) -> None:
        _check_shares(self, "most")

    def __call__(self, pictures: Pictures, generator: Generator) -> Pictures:
        share = (self.most * torch.rand(len(pictures), 1, 1, 1, generator=generator)).to(pictures.device)
        padded = functional.pad(pictures.permute(0, 3, 1, 2), (1, 1, 1, 1), mode="replicate")
        blurred = functional.avg_pool2d(padded, kernel_size=3, stride=1).permute(0, 2, 3, 1)
        return torch.lerp(pictures, blurred, share)


def augment(observations: Observation, augmentations: Sequence[AbstractAugmentation], generator: Generator) -> Observation:
    """Pictures `[batch height width channel]` in another look, uint8 again; everything else as it was."""
    return map_tree(lambda leaf: _augmented(leaf, augmentations, generator) if _is_picture(leaf) else leaf, observations)


def _augmented(frames: UInt8[Tensor, "batch height width channel"], augmentations: Sequence[AbstractAugmentation], generator: Generator) -> Tensor:
    pictures = frames.float() / 255
    for augmentation in augmentations:
        pictures = augmentation(pictures, generator)
    return (255 * pictures).round_().clamp_(0, 255).to(torch.uint8)


def _is_picture(leaf: Tensor) -> bool:
    return leaf.dtype == torch.uint8 and leaf.ndim == 4


def _check_shares(value: AbstractAugmentation, *names: str) -> None:
    for name in names:
        if not 0 <= getattr(value, name) <= 1:
            raise ConfigError(f"{type(value).__name__} has {name} = {getattr(value, name):g}.", expected="a share from 0 to 1")
