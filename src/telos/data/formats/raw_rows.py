"""Arrays whose bytes are found in a file without the library that wrote it: as they are, or deflated chunk by chunk.

Reading and inflating let go of the interpreter, so that several threads do it side by side; HDF5's library knows one at a time.
"""

import math
import os
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from telos.core.errors import DataError

SLACK = 1 << 12
"""Bytes by which deflating may make a chunk larger, beside a hundredth of it."""


@dataclass(frozen=True)
class StoredRows:
    """An array whose bytes lie in a file as they are."""

    path: Path
    offset: int
    shape: tuple[int, ...]
    dtype: np.dtype

    def __getitem__(self, rows: slice, /) -> np.ndarray:
        """Rows, fewer where the file ends too soon."""
        start, stop, _ = rows.indices(self.shape[0])
        size = math.prod(self.shape[1:]) * self.dtype.itemsize
        content = np.empty(max(0, stop - start) * size, np.uint8)
        with self.path.open("rb", buffering=0) as stream:
            stream.seek(self.offset + start * size)
            filled = 0
            while filled < len(content) and (read := stream.readinto(content[filled:].data)):
                filled += read
        return content[: filled // max(1, size) * size].view(self.dtype).reshape(-1, *self.shape[1:])


@dataclass(frozen=True)
class DeflatedRows:
    """An array in chunks of whole rows, each deflated by itself.

    Args:
        find: Offset and size in the file of the chunk that begins at a row; None for one that is to be read by `rest`.
        rest: Reads any rows: for chunks that were not written, or not deflated.
        shuffled: Whether the first bytes of all numbers of a chunk come first, then the second ones, and so on.
    """

    path: Path
    shape: tuple[int, ...]
    dtype: np.dtype
    chunks: tuple[int, ...]
    find: Callable[[int], tuple[int, int] | None] = field(repr=False)
    rest: Callable[[slice], np.ndarray] = field(repr=False)
    shuffled: bool = False

    def __getitem__(self, rows: slice, /) -> np.ndarray:
        start, stop, _ = rows.indices(self.shape[0])
        if start >= stop:
            return np.zeros((0, *self.shape[1:]), self.dtype)
        size, pieces = self.chunks[0], []
        with self.path.open("rb", buffering=0) as stream:
            for first in range(start // size * size, stop, size):
                low, high = max(start, first), min(stop, first + size)
                place = self.find(first)
                whole = None if place is None else self._inflate(stream.fileno(), *place)
                pieces.append(np.asarray(self.rest(slice(low, high))) if whole is None else whole[low - first : high - first])
        return pieces[0] if len(pieces) == 1 else np.concatenate(pieces)

    def _inflate(self, file: int, offset: int, size: int) -> np.ndarray:
        """A chunk; the last one of the file reaches beyond the array. Raises DataError for one that is damaged."""
        wanted = math.prod(self.chunks) * self.dtype.itemsize
        if size > wanted * 1.01 + SLACK:
            raise DataError(f"{self.path}: a chunk claims {size:,} bytes for {wanted:,}.", fix="get the file again")
        # Never more than was promised, whatever the bytes would become.
        content = zlib.decompressobj().decompress(os.pread(file, size, offset), wanted)
        if len(content) != wanted:
            raise DataError(f"{self.path}: a chunk holds {len(content):,} bytes.", expected=f"{wanted:,}", fix="get the file again")
        numbers = np.frombuffer(content, np.uint8)
        if self.shuffled:
            numbers = np.ascontiguousarray(numbers.reshape(self.dtype.itemsize, -1).T).reshape(-1)
        return numbers.view(self.dtype).reshape(self.chunks)
