"""What formats of plain arrays share: which space an array is of, and reading it by rows."""

import math
import re
from abc import abstractmethod
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from telos.core.errors import DataError, TelosError
from telos.core.spaces import AbstractSpace, PixelSpace, VectorSpace
from telos.data.formats.base import CHUNK_BYTES, AbstractSource

CHANNELS = (1, 3, 4)
MOST_CHANNELS = 16
"""Channels last, up to which a block of bytes is taken for a picture, a stack of frames perhaps."""
LEAST_EDGE = 8
"""Pixels below which a block of bytes is no picture."""
MOST_ROW_BYTES = 1 << 28
"""256 MB: no picture is larger, and a damaged size should not claim the memory."""
MOST_INFLATION = 1100
"""Deflate packs no more than 1,032 bytes into one: a file that promises more than this lies."""
FREE_BYTES = 1 << 24
"""What a file may promise without having it."""


class Rows(Protocol):
    """An array on disk that is read by rows: of NumPy, HDF5 or zarr."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    @property
    def dtype(self) -> Any: ...

    def __getitem__(self, rows: slice, /) -> np.ndarray: ...


@dataclass(frozen=True)
class Layout:
    """How rows `[time ...]` of an array become rows of a space."""

    space: AbstractSpace
    channels_first: bool = False
    scale: float | None = None
    """For pictures of floating point: what makes 255 of white."""

    def read(self, rows: np.ndarray, what: str) -> np.ndarray:
        """Rows as a source hands them over. Raises DataError for pictures whose numbers are out of range."""
        if self.scale is not None:
            rows = rows * np.float32(self.scale) + np.float32(0.5)
            if not (rows.min(initial=0) >= 0 and rows.max(initial=0) < 256):
                raise DataError(f"{what} has numbers outside of the range of a picture.", expected=f"0 to {255 / self.scale:g}")
            rows = rows.astype(np.uint8)
        if self.channels_first:
            rows = np.ascontiguousarray(np.moveaxis(rows, 1, -1))
        return rows.reshape(len(rows), *self.space.shape)


@dataclass(frozen=True)
class Place:
    """Where an episode lies: rows from `first` on of some arrays, its last observation perhaps in others."""

    arrays: Mapping[str, Rows]
    first: int = 0
    following: Mapping[str, Rows] = field(default_factory=dict)
    """Arrays whose row `t` is the observation after step `t`: the last one of the episode is found only there."""


class AbstractArraySource(AbstractSource):
    """Episodes whose columns are arrays that can be read by rows."""

    layouts: Mapping[str, Layout]
    path: Path

    @abstractmethod
    def place(self, episode: int) -> Place:
        """Where the episode's rows are."""

    def chunks(self, episode: int, names: Collection[str]) -> Iterator[Mapping[str, np.ndarray]]:
        columns = [column for column in self.description.columns if column.name in names]
        what = f"Episode {episode} of {self.path}"
        with foreign(self.path, f"in episode {episode}"):
            place = self.place(episode)
            num, grain = self.description.lengths[episode] + 1, _grain([place.arrays[column.name] for column in columns])
        for start, stop in _pieces(place.first, place.first + num, *grain):
            piece = {}
            for column in columns:
                end = stop if column.per == "observation" else min(stop, place.first + num - 1)
                with foreign(self.path, f"in episode {episode}, column '{column.name}'"):
                    rows = _read(place, column.name, start, end, num)
                if len(rows) != end - start:
                    raise DataError(f"{what}: the column '{column.name}' is cut short.", expected=f"{num} rows")
                piece[column.name] = self.layouts[column.name].read(rows, f"{what}, column '{column.name}',")
            yield piece


def _read(place: Place, name: str, start: int, stop: int, num: int) -> np.ndarray:
    end = place.first + num - 1
    if name in place.following and stop > end:
        last = np.asarray(place.following[name][end - 1 : end])
        return np.concatenate([np.asarray(place.arrays[name][start:end]), last]) if start < end else last
    return np.asarray(place.arrays[name][start:stop])


def _grain(arrays: list[Rows]) -> tuple[int, int]:
    """Rows that make a good piece, and of how many the largest array's chunks consist."""
    sizes = [row_bytes(array) for array in arrays]
    largest = arrays[int(np.argmax(sizes))]
    chunks = getattr(largest, "chunks", None)
    rows = int(chunks[0]) if isinstance(chunks, tuple) and chunks and type(chunks[0]) is int else 1
    wanted = max(1, CHUNK_BYTES // max(1, sum(sizes)))
    return (wanted // rows * rows, rows) if rows <= wanted else (wanted, 1)


def _pieces(start: int, stop: int, wanted: int, chunk: int) -> Iterator[tuple[int, int]]:
    """Ranges of at most `wanted` rows that end where a chunk does, so that no chunk is decoded twice."""
    while start < stop:
        end = min(stop, (start + wanted) // chunk * chunk)
        yield start, end
        start = end


def row_bytes(array: Rows) -> int:
    return math.prod(array.shape[1:]) * array.dtype.itemsize


def layout_of(name: str, array: Rows, what: str) -> Layout | None:
    """What the rows of an array are: pictures, or vectors; None for what holds no numbers.

    Raises:
        DataError: a row is larger than anything that was ever logged.
    """
    dtype, shape = np.dtype(array.dtype), tuple(array.shape)
    if dtype.kind not in "biuf" or not shape or dtype.itemsize > 8 or 0 in shape[1:]:
        return None
    if row_bytes(array) > MOST_ROW_BYTES:
        raise DataError(f"{what}: a row of '{name}' would have {row_bytes(array):,} bytes.", expected=f"{MOST_ROW_BYTES:,} at most")
    row = shape[1:]
    if dtype == np.uint8 and len(row) == 2 and min(row) >= LEAST_EDGE:
        return Layout(PixelSpace(*row, 1))
    if len(row) == 3 and (dtype == np.uint8 or dtype.kind == "f"):
        with foreign(Path(what), f"at '{name}'"):
            scale = None if dtype == np.uint8 else _scale(array)
        channels_first = row[0] in CHANNELS and row[2] not in CHANNELS and min(row[1:]) >= LEAST_EDGE
        channels_last = row[2] <= (MOST_CHANNELS if dtype == np.uint8 else max(CHANNELS)) and min(row[:2]) >= LEAST_EDGE
        if (channels_first or channels_last) and (dtype == np.uint8 or scale is not None):
            size = (*row[1:], row[0]) if channels_first else row
            return Layout(PixelSpace(*size), channels_first=channels_first, scale=scale)
    return Layout(VectorSpace(math.prod(row)))


def _scale(array: Rows) -> float | None:
    """What makes 255 of white in pictures of floating point, judged by a few of them; None if they are no pictures."""
    seen = [np.asarray(array[row : row + 1]) for row in sorted({0, len_of(array) // 2, len_of(array) - 1}) if row >= 0]
    numbers = np.concatenate(seen) if seen else np.zeros(0)
    if numbers.size == 0 or not np.isfinite(numbers).all() or numbers.min() < 0 or numbers.max() > 255:
        return None
    return 255.0 if numbers.max() <= 1 else 1.0


def len_of(array: Rows) -> int:
    return int(array.shape[0]) if array.shape else 0


def count_choices(array: Rows) -> int | None:
    """How many choices an array of whole numbers `[time]` or `[time 1]` tells apart; None if these are no choices."""
    dtype = np.dtype(array.dtype)
    if dtype.kind not in "biu" or math.prod(array.shape[1:]) != 1:
        return None
    low, high = 0, 0
    for start in range(0, len_of(array), CHUNK_BYTES // dtype.itemsize):
        numbers = np.asarray(array[start : start + CHUNK_BYTES // dtype.itemsize])
        low, high = min(low, int(numbers.min(initial=0))), max(high, int(numbers.max(initial=0)))
    return max(2, high + 1) if low >= 0 and high < MOST_CHOICES else None


MOST_CHOICES = 1024
"""Whole numbers beyond this are measurements, such as the counts of a motor, and become a vector."""


def check_promise(promised: int, held: int, what: str) -> None:
    """Raises DataError for arrays that no file of `held` bytes can hold, however well it is packed."""
    if promised > FREE_BYTES and promised > MOST_INFLATION * held:
        raise DataError(f"{what} claims {promised:,} bytes, and there are {held:,}.", expected="what it claims", fix="get the file again")


def check_links(path: Path) -> None:
    """Raises DataError where a file is none, or where a part of a folder lies elsewhere: links are not followed out of it."""
    root = path.resolve()
    for part in path.rglob("*") if path.is_dir() else (path,):
        if part.is_symlink() and part != path and not part.resolve().is_relative_to(root):
            raise DataError(f"{part} is a link to somewhere else, which is not followed.", fix="copy the data into the folder")
        if part.exists() and not part.is_file() and not part.is_dir():
            raise DataError(f"{part} is no file.", expected="a file or a folder")


@contextmanager
def foreign(file: Path, where: str = "") -> Iterator[None]:
    """Reads with somebody's library, which says all kinds of things about a damaged file. Raises DataError instead."""
    try:
        yield
    except TelosError:
        raise
    except Exception as error:
        says = str(error).strip().partition("\n")[0].rstrip(".") or type(error).__name__
        raise DataError(f"{file} cannot be read{f' {where}' if where else ''}: {says}.", fix="get the file again, or leave it out") from error


def natural(name: str) -> list[Any]:
    """Sorts `demo_10` after `demo_9`."""
    digits = [(part, part.lstrip("0")) for part in re.split(r"([0-9]+)", name)]
    return [(0, len(number), number) if part[:1].isdigit() and part.isascii() else (1, 0, part) for part, number in digits]
