"""Draws small things on pictures: only the pixels around a thing are touched, whatever the size of the picture.

As in `canvas`: the arena is the unit square, y grows downwards, edges are one pixel soft, and a row of a batch looks exactly like the row alone.
"""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int, UInt8

from telos.envs.fields import Colour


@dataclass(frozen=True)
class Patch:
    """The square of pixels around a thing."""

    corner: Int[np.ndarray, "batch 2"]
    """Its first column and row."""
    x: Float[np.ndarray, "batch side"]
    y: Float[np.ndarray, "batch side"]
    """Pixel centres relative to the thing's middle, in pixels."""


def around(center_x: np.ndarray, center_y: np.ndarray, reach: float, size: int) -> Patch:
    """The pixels within `reach` of a middle, in pictures of `size`. A patch at the border is moved inside."""
    side = min(size, math.ceil(2 * reach * size) + 3)
    middle = np.stack([center_x, center_y], axis=1) * size
    corner = np.clip(np.floor(middle - (side - 1) / 2).astype(np.int64), 0, size - side)
    pixels = (corner - middle + 0.5).astype(np.float32)[:, :, None] + np.arange(side, dtype=np.float32)
    return Patch(corner, pixels[:, 0], pixels[:, 1])


def disc(patch: Patch, radius: float, size: int) -> Float[np.ndarray, "batch side side"]:
    """Coverage of a disc."""
    away = np.sqrt(np.square(patch.y)[:, :, None] + np.square(patch.x)[:, None, :])
    return np.clip(np.float32(radius * size + 0.5) - away, 0, 1)


def box(patch: Patch, cos: np.ndarray, sin: np.ndarray, half: tuple[float, float], size: int) -> tuple[np.ndarray, np.ndarray]:
    """Coverage `[batch side side]` of a turned rectangle, and the place of each pixel along its first axis, from -half to half, in pixels."""
    cos, sin = cos.astype(np.float32)[:, None], sin.astype(np.float32)[:, None]
    along = (sin * patch.y)[:, :, None] + (cos * patch.x)[:, None, :]
    across = (cos * patch.y)[:, :, None] - (sin * patch.x)[:, None, :]
    covered = np.clip(np.float32(half[0] * size + 0.5) - np.abs(along), 0, 1)
    covered *= np.clip(np.float32(half[1] * size + 0.5) - np.abs(across), 0, 1)
    return covered, along


def stamp(frames: UInt8[np.ndarray, "batch size size 3"], patch: Patch, *layers: tuple[Float[np.ndarray, "batch side side"], Colour]) -> None:
    """Paints the layers onto the pictures, in place."""
    side = patch.x.shape[1]
    places = np.arange(len(frames)), patch.corner[:, 1], patch.corner[:, 0]
    for channel in range(3):
        windows = np.lib.stride_tricks.sliding_window_view(frames[..., channel], (side, side), axis=(1, 2), writeable=True)  # type: ignore[call-overload]
        value = windows[places].astype(np.float32)
        for coverage, colour in layers:
            value += coverage * (np.float32(colour[channel]) - value)
        value += np.float32(0.5)
        windows[places] = value
