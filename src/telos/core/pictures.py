"""Makes pictures smaller by averaging areas; fast enough that reading them is what takes the time."""

from functools import lru_cache

import numpy as np
from jaxtyping import Float, UInt8

BLOCK_PIXELS = 1 << 20
"""Numbers of pictures that are held as float32 at a time: 4 MB, which stays in the cache."""
BAND = 8
"""Rows, or columns, of the small picture that are made at a time: each needs a narrow band of the large one only."""


@lru_cache
def overlaps(num: int, size: int) -> Float[np.ndarray, "size num"]:
    """How much of each of `num` equal cells each of `size` equal pixels along the same edge covers, in pixels."""
    edges, pixels = np.arange(num) / num, np.arange(size, dtype=np.float32)
    start = np.maximum(pixels, (edges * size).astype(np.float32)[:, None])
    stop = np.minimum(pixels + 1, ((edges + 1 / num) * size).astype(np.float32)[:, None])
    return np.ascontiguousarray(np.clip(stop - start, 0, 1).T)


def shrink(frames: UInt8[np.ndarray, "batch height width channel"], size: int) -> UInt8[np.ndarray, "batch size size channel"]:
    """The pictures in `size` by `size` pixels, each the average of the area that it covers."""
    num, height, width, channels = frames.shape
    small = np.empty((num, size, size * channels), np.uint8)
    step = max(1, BLOCK_PIXELS // (height * width * channels))
    for start in range(0, num, step):
        block = frames[start : start + step].reshape(-1, height, width * channels).astype(np.float32)
        averages = _shrink_columns(_shrink_rows(block, size), size, width, channels)
        averages += np.float32(0.5)
        small[start : start + step] = np.clip(averages, 0, 255, out=averages)
    return small.reshape(num, size, size, channels)


def _shrink_rows(block: Float[np.ndarray, "batch height line"], size: int) -> Float[np.ndarray, "batch size line"]:
    height = block.shape[1]
    shares, rows = overlaps(height, size), np.empty((len(block), size, block.shape[2]), np.float32)
    for low, high, first, last in _bands(height, size):
        np.matmul(shares[low:high, first:last], block[:, first:last], out=rows[:, low:high])
    return rows


def _shrink_columns(rows: Float[np.ndarray, "batch size line"], size: int, width: int, channels: int) -> Float[np.ndarray, "batch size short"]:
    shares, short = _column_shares(width, size, channels), np.empty((*rows.shape[:2], size * channels), np.float32)
    # Picture by picture, so that one of a batch comes out like that picture alone, to the last bit.
    for low, high, first, last in _bands(width, size, channels):
        np.matmul(rows[:, :, first:last], shares[first:last, low:high], out=short[:, :, low:high])
    return short


@lru_cache
def _column_shares(width: int, size: int, channels: int) -> np.ndarray:
    """`[width * channels, size * channels]`: a pixel's channels lie side by side, and do not mix."""
    return np.kron(overlaps(width, size).T, np.eye(channels, dtype=np.float32))


@lru_cache
def _bands(num: int, size: int, channels: int = 1) -> tuple[tuple[int, int, int, int], ...]:
    """Ranges of small pixels, each with the range of large ones that it covers."""
    ranges = []
    for low in range(0, size, BAND):
        high = min(low + BAND, size)
        first, last = low * num // size, -(-high * num // size)
        ranges.append((low * channels, high * channels, first * channels, last * channels))
    return tuple(ranges)
