"""Perception with weights that somebody else has trained: they stay frozen, and a small head on top learns."""

import hashlib
import inspect
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn
from torch.nn import functional

from telos.agent.perception.vector import VectorConfig, VectorEncoder
from telos.agent.perception.vit import VisionTransformer
from telos.agent.perception.weights import checksum, load_strictly, load_vit, read_tensors
from telos.core import config
from telos.core.contracts import AbstractEncoder, AbstractEncoderConfig, AbstractFeatures
from telos.core.errors import ConfigError
from telos.core.logs import Moments
from telos.core.spaces import ObservationSpace, PixelSpace, VectorSpace

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
"""Of red, green and blue from 0 to 1: what nearly all published weights were trained on."""


@dataclass(frozen=True, kw_only=True)
class AbstractWeightsFile(AbstractFeatures):
    """Features made with a file of weights. The file stays where it is: a run keeps its path and its checksum, not a copy."""

    weights: str
    """Safetensors file, with its whole path."""
    checksum: str
    """Of the file, so that nobody goes on with other weights unawares."""
    resolution: int = 224
    """Pixels a side to which pictures are brought by bicubic interpolation, antialiased; what is no square becomes one."""

    @property
    def key(self) -> str:
        settings = {name: value for name, value in config.to_json(self).items() if name != "weights"}
        return hashlib.blake2b(json.dumps([settings, self.code()], sort_keys=True).encode(), digest_size=16).hexdigest()

    def code(self) -> str:
        """Whatever else decides about the numbers, as a checksum."""
        return ""

    def prepare(self, pictures: UInt8[Tensor, "batch height width channel"]) -> Float[Tensor, "batch 3 size size"]:
        """Resized, in three channels, normalised as ImageNet is."""
        value = pictures.permute(0, 3, 1, 2).float() / 255
        if value.shape[-2:] != (self.resolution, self.resolution):
            size = (self.resolution, self.resolution)
            value = functional.interpolate(value, size=size, mode="bicubic", align_corners=False, antialias=True).clamp(0, 1)
        mean, std = (value.new_tensor(part)[:, None, None] for part in (IMAGENET_MEAN, IMAGENET_STD))
        return (value.expand(-1, 3, -1, -1) - mean) / std

    def check_file(self) -> None:
        """Raises ConfigError if the file is gone, or not the one that it was."""
        if checksum(self.weights) != self.checksum:
            raise ConfigError(
                f"The weights {self.weights} are not those that this was made with: their checksum is another one.",
                fix="bring the old file back, or train again",
            )


@dataclass(frozen=True, kw_only=True)
class ViTFeatures(AbstractWeightsFile):
    """The class token of a vision transformer as in DINOv2, and its patch tokens averaged over a coarse grid.

    Use for pictures of the real world, or where logs are few. The grid is there because a class token hardly says *where*
    things are. Not for small drawn worlds: a convolutional encoder learns them in a minute.

    Source: Oquab et al. (2023), DINOv2, arXiv 2304.07193.
    """

    num_heads: int | None = None
    """Attention heads; None: one for every 64 numbers of a token, as in DINOv2."""
    grid: int = 4
    """Cells a side over which patch tokens are averaged; 0: the class token alone."""

    @classmethod
    def of(cls, weights: Path | str, **settings: Any) -> "ViTFeatures":
        """Features made with this file. Raises ConfigError if it cannot be read or does not fit."""
        made = cls(weights=str(Path(weights).resolve()), checksum=checksum(weights), **settings)
        made.load()
        return made

    def load(self) -> VisionTransformer:
        return _load(self)

    def read(self) -> VisionTransformer:
        self.check_file()
        model = load_vit(self.weights, self.num_heads)
        side, over = divmod(self.resolution, model.sizes.patch)
        if over or not 0 <= self.grid <= side:
            raise ConfigError(
                f"Pictures of {self.resolution} pixels cannot be seen in patches of {model.sizes.patch}, and on a grid of {self.grid} cells a side.",
                expected=f"a resolution that is a multiple of {model.sizes.patch}, and at most one cell a patch",
            )
        return model

    @property
    def size(self) -> int:
        return self.load().sizes.width * (1 + self.grid**2)

    def compute(self, model: nn.Module, pictures: UInt8[Tensor, "batch height width channel"]) -> Float[Tensor, "batch size"]:
        assert isinstance(model, VisionTransformer)
        tokens = model(self.prepare(pictures))
        if not self.grid:
            return tokens[:, 0]
        side = self.resolution // model.sizes.patch
        cells = functional.adaptive_avg_pool2d(tokens[:, 1:].unflatten(1, (side, side)).permute(0, 3, 1, 2), self.grid)
        return torch.cat([tokens[:, 0], cells.permute(0, 2, 3, 1).flatten(1)], dim=1)


@dataclass(frozen=True, kw_only=True)
class BackboneFeatures(AbstractWeightsFile):
    """What any architecture makes of pictures, with a file of weights under its own names."""

    backbone: AbstractEncoderConfig
    """The architecture; built for a picture of `resolution` pixels a side with 3 channels, and shown raw ones (uint8, channels last)."""
    num_features: int
    """Numbers that it gives."""

    @classmethod
    def of(cls, weights: Path | str, **settings: Any) -> "BackboneFeatures":
        """Features made with this file. Raises ConfigError if it cannot be read or does not fit."""
        made = cls(weights=str(Path(weights).resolve()), checksum=checksum(weights), **settings)
        made.load()
        return made

    def load(self) -> AbstractEncoder:
        return _load(self)

    def read(self) -> AbstractEncoder:
        self.check_file()
        model = self.backbone.build(PixelSpace(self.resolution, self.resolution), self.num_features)
        load_strictly(model, read_tensors(self.weights), self.weights)
        return model

    @property
    def size(self) -> int:
        return self.num_features

    def code(self) -> str:
        return hashlib.blake2b(Path(inspect.getfile(type(self.backbone))).read_bytes(), digest_size=16).hexdigest()

    def compute(self, model: nn.Module, pictures: UInt8[Tensor, "batch height width channel"]) -> Float[Tensor, "batch size"]:
        if pictures.shape[1:3] != (self.resolution, self.resolution):
            size = (self.resolution, self.resolution)
            value = functional.interpolate(pictures.permute(0, 3, 1, 2).float(), size=size, mode="bicubic", align_corners=False, antialias=True)
            pictures = value.round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1)
        return model(pictures.expand(-1, -1, -1, 3))


@lru_cache(maxsize=4)
def _load(features: Any) -> Any:
    """The frozen network, once for all that use it."""
    return features.read()


@dataclass(frozen=True, kw_only=True)
class PretrainedConfig(AbstractEncoderConfig):
    """Frozen features of pictures, and a small head on top of them that is trained."""

    features_of: AbstractFeatures
    """What is frozen."""
    head: VectorConfig = VectorConfig(width=256)
    """What is trained."""

    def features(self, space: ObservationSpace, name: str = "observation") -> Mapping[str, AbstractFeatures]:
        return {name: self.features_of}

    def build(
        self, space: ObservationSpace, latent_size: int, moments: Mapping[str, Moments] | None = None, name: str = "observation"
    ) -> "PretrainedEncoder":
        """`moments` are those of the features; those of the pictures themselves are of no use here.

        Raises:
            ConfigError: for anything but pictures of one or three channels, and for weights that are gone or have changed.
        """
        if not isinstance(space, PixelSpace) or space.channels not in (1, 3):
            raise ConfigError(f"Pretrained features are made of pictures in colour or grey, not of {space.describe()}.")
        seen, own = VectorSpace(self.features_of.size), (moments or {}).get(name)
        own = own if own is not None and len(own.mean) == seen.size else None
        return PretrainedEncoder(features=self.features_of, head=self.head.build(seen, latent_size, {name: own} if own else None, name))


class PretrainedEncoder(AbstractEncoder):
    """A frozen network, which is no part of the model's weights, and a head, which is.

    It reads pictures as stored, or the features of them that were made before: training never sees a pixel.
    """

    def __init__(self, *, features: AbstractFeatures, head: VectorEncoder) -> None:
        super().__init__()
        self.latent_size = head.latent_size
        self.features, self.head = features, head
        # Within a tuple it is no submodule: it is not saved with every run, nor shown to an optimizer.
        self._frozen = (features.load(),)

    def forward(self, observation: Tensor) -> Float[Tensor, "batch latent"]:  # type: ignore[bad-override] - each reads its own kind of observation
        if observation.is_floating_point():
            return self.head(observation)
        (frozen,) = self._frozen
        if next(frozen.parameters()).device != observation.device:
            frozen.to(observation.device)
        return self.head(self.features(frozen, observation))
