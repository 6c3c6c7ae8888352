"""Turns latents back into what they stand for. For looking only: trained afterwards, on frozen latents; no agent ever uses it."""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

FIRST_MASK = -2.0
"""What the mask begins with: nearly transparent."""


@dataclass(frozen=True, kw_only=True)
class DecoderConfig:
    """How the decoder is made and trained; some seconds of one processor core."""

    num_frames: int = 12000
    """Frames of the training logs that it learns from."""
    num_steps: int = 700
    """Batches."""
    batch_size: int = 64
    """Frames in a batch."""
    learning_rate: float = 3e-3
    """Peak of one cycle."""
    channels: tuple[int, ...] = (48, 32, 16)
    """Of the feature maps, each twice as large as the one before; for pictures only."""
    width: int = 256
    """Of the hidden layer."""


class Decoder(nn.Module, ABC):
    """From codes `[batch code]` to pictures `[batch 3 height width]` from 0 to 1, or to vectors `[batch size]`."""

    code_mean: Tensor
    code_std: Tensor
    mean: Tensor
    scale: Tensor
    low: Tensor
    high: Tensor

    def __init__(self, codes: Float[Tensor, "frames code"], targets: Float[Tensor, "some ..."]) -> None:
        super().__init__()
        # A picture's pixels share their range and unit, each number of a vector has its own.
        shared = (0, 2, 3) if targets.ndim == 4 else (0,)
        self.register_buffer("code_mean", codes.mean(dim=0))
        self.register_buffer("code_std", codes.std(dim=0) + 1e-6)
        self.register_buffer("mean", targets.mean(dim=0))
        self.register_buffer("scale", targets.std(dim=0) + 1e-6 if targets.ndim == 2 else torch.ones(()))
        self.register_buffer("low", targets.amin(dim=shared, keepdim=True))
        self.register_buffer("high", targets.amax(dim=shared, keepdim=True))

    @abstractmethod
    def draw(self, codes: Float[Tensor, "batch code"]) -> Float[Tensor, "batch ..."]:
        """The same from codes of mean 0 and deviation 1."""

    def forward(self, codes: Float[Tensor, "batch code"]) -> Float[Tensor, "batch ..."]:
        return self.draw((codes - self.code_mean) / self.code_std)

    def mean_target(self) -> np.ndarray:
        """The mean of what it was trained on, as `Codec.decode` gives it but for rounding: the floor of any decoder."""
        mean = self.mean.cpu()
        return mean.numpy() if mean.ndim == 1 else (mean * 255).permute(1, 2, 0).numpy()


class VectorDecoder(Decoder):
    """A perceptron."""

    def __init__(self, codes: Tensor, targets: Tensor, config: DecoderConfig) -> None:
        super().__init__(codes, targets)
        widths = (codes.shape[1], config.width, config.width)
        layers = [layer for before, after in pairwise(widths) for layer in (nn.Linear(before, after), nn.GELU())]
        self.body = nn.Sequential(*layers, nn.Linear(config.width, targets.shape[1]))

    def draw(self, codes: Float[Tensor, "batch code"]) -> Float[Tensor, "batch size"]:
        return self.mean + self.scale * self.body(codes)


class PictureDecoder(Decoder):
    """Two layers of paint: behind, what the scenery (the code but for the latent) tells, or the mean frame if there is none;
    in front, through a mask, what the latent tells."""

    def __init__(self, codes: Tensor, targets: Tensor, latent_size: int, config: DecoderConfig) -> None:
        super().__init__(codes, targets)
        self.latent_size = latent_size
        height, width = targets.shape[2:]
        self.front = _painter(latent_size, 4, height, width, config)
        scenery_size = codes.shape[1] - latent_size
        self.behind = _painter(scenery_size, 3, height, width, config) if scenery_size else None

    def draw(self, codes: Float[Tensor, "batch code"]) -> Float[Tensor, "batch 3 height width"]:
        behind = self.mean if self.behind is None else self.mean + self._cut(self.behind(codes[:, self.latent_size :]))
        front = self._cut(self.front(codes[:, : self.latent_size]))
        mask = torch.sigmoid(front[:, 3:] + FIRST_MASK)
        return behind + mask * (self.mean + front[:, :3] - behind)

    def _cut(self, pictures: Tensor) -> Tensor:
        return pictures[..., : self.mean.shape[1], : self.mean.shape[2]]


def _painter(size: int, channels: int, height: int, width: int, config: DecoderConfig) -> nn.Module:
    """A small grid of features, doubled in size by every layer; what juts out over the picture is to be cut off."""
    first, *rest = config.channels
    rows, columns = (math.ceil(side / 2 ** len(config.channels)) for side in (height, width))
    layers: list[nn.Module] = []
    for before, after in zip(config.channels, (*rest, config.channels[-1]), strict=True):
        layers += [nn.ConvTranspose2d(before, after, kernel_size=4, stride=2, padding=1), nn.ReLU()]
    return nn.Sequential(
        nn.Linear(size, config.width),
        nn.ReLU(),
        nn.Linear(config.width, first * rows * columns),
        nn.ReLU(),
        nn.Unflatten(1, (first, rows, columns)),
        *layers,
        nn.Conv2d(config.channels[-1], channels, kernel_size=3, padding=1),
    )


def make_decoder(codes: Float[Tensor, "frames code"], targets: Float[Tensor, "some ..."], latent_size: int, config: DecoderConfig) -> Decoder:
    """A decoder with fresh weights for such codes and targets."""
    return VectorDecoder(codes, targets, config) if targets.ndim == 2 else PictureDecoder(codes, targets, latent_size, config)
