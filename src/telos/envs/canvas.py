"""Draws batches of small pictures: anti-aliased discs and walls, painted with colours.

The arena is the unit square; x grows to the right, y downwards as the rows of a picture do. Shapes are coverages
`[batch size size]` from 0 to 1. Only elementwise arithmetic, so a row of a batch looks exactly like the row alone.
"""

from functools import lru_cache

import numpy as np
from jaxtyping import Bool, Float, UInt8

from telos.core import pictures
from telos.core.pictures import overlaps
from telos.envs.fields import Colour

Coverage = Float[np.ndarray, "batch size size"]


def discs(center: Float[np.ndarray, "batch 2"], radius: float, size: int) -> Coverage:
    """Discs of `radius` around `center`; the edge is one pixel soft."""
    pixels = _pixel_centers(size)
    squares = np.square(pixels - center[:, :, None].astype(np.float32) * np.float32(size))
    away = np.sqrt(squares[:, 1, :, None] + squares[:, 0, None, :])
    np.subtract(np.float32(radius * size + 0.5), away, out=away)
    return np.clip(away, 0, 1, out=away)


def bands(low: Float[np.ndarray, " batch"], high: Float[np.ndarray, " batch"], size: int) -> Float[np.ndarray, "batch size"]:
    """The share of each pixel of one axis between `low` and `high`."""
    edges = np.arange(size, dtype=np.float32)
    start = np.maximum(edges, (low * size).astype(np.float32)[:, None])
    stop = np.minimum(edges + 1, (high * size).astype(np.float32)[:, None])
    return np.clip(stop - start, 0, 1)


def cells(grid: Bool[np.ndarray, "batch cells cells"], size: int) -> Coverage:
    """Walls on a square grid of cells, rows from top to bottom."""
    shares = overlaps(grid.shape[-1], size)
    return np.matmul(np.matmul(shares, grid.astype(np.float32)), shares.T)


def paint(background: Colour, *layers: tuple[Coverage, Colour]) -> UInt8[np.ndarray, "batch size size 3"]:
    """Pictures of the layers, the later ones on top."""
    frames = np.empty((*layers[0][0].shape, 3), np.uint8)
    for channel in range(3):
        value: np.ndarray | np.float32 = np.float32(background[channel])
        for coverage, colour in layers:
            value = value + coverage * (np.float32(colour[channel]) - value)
        frames[..., channel] = value + np.float32(0.5)
    return frames


@lru_cache
def _pixel_centers(size: int) -> np.ndarray:
    return np.arange(size, dtype=np.float32) + np.float32(0.5)


def shrink(frame: UInt8[np.ndarray, "height width channel"], size: int) -> UInt8[np.ndarray, "size size channel"]:
    """The picture in `size` by `size` pixels, each the average of the area that it covers."""
    return pictures.shrink(frame[None], size)[0]
