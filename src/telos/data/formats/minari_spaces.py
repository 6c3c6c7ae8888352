"""Spaces of Gymnasium as Minari writes them: JSON within text."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from telos.core.errors import DataError, SpaceError
from telos.core.spaces import AbstractSpace, DiscreteSpace, PixelSpace, VectorSpace
from telos.data.formats.arrays import CHANNELS, LEAST_EDGE, MOST_ROW_BYTES
from telos.data.formats.json_files import as_object

MOST_DEPTH = 32
LEAST_JPEG = 32
"""Pixels along both edges from which on Minari packs bytes as JPEG."""


@dataclass(frozen=True)
class Leaf:
    """One array of a space."""

    path: tuple[str | int, ...]
    """Keys of dictionaries, and places in tuples."""
    space: AbstractSpace | None
    """None for what holds no numbers."""
    shape: tuple[int, ...] = ()
    """Of a row, as the files have it."""
    channels_first: bool = False
    start: int = 0
    """Of choices: the number of the first of them."""
    full_bytes: bool = False
    """Whether the numbers are bytes from 0 to 255."""

    @property
    def packed_if_asked(self) -> bool:
        """Whether Minari packs the rows as JPEG where the data set says that it packs pictures."""
        return self.full_bytes and len(self.shape) in (2, 3) and min(self.shape[:2]) >= LEAST_JPEG

    def name(self, root: str) -> str:
        return "/".join((root, *map(str, self.path)))


def read_space(text: Any, what: str) -> list[Leaf]:
    """The arrays that a space consists of.

    Raises:
        DataError: it is described in a way that cannot be.
    """
    if not isinstance(text, str):
        raise DataError(f"{what} is missing.", expected="a space as JSON within text, as Minari 0.5 writes it")
    try:
        return list(_leaves(as_object(text, what), (), what))
    except (KeyError, TypeError, ValueError, OverflowError, SpaceError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{what} describes no space.", expected="{type, dtype, shape, low, high}, or another of Gymnasium's") from error


def _leaves(space: Any, path: tuple[str | int, ...], what: str) -> Iterator[Leaf]:
    if len(path) > MOST_DEPTH:
        raise DataError(f"{what} is too deep.", expected=f"{MOST_DEPTH} levels at most")
    match space["type"]:
        case "Dict":
            for key, part in space["subspaces"].items():
                yield from _leaves(part, (*path, key), what)
        case "Tuple":
            for place, part in enumerate(space["subspaces"]):
                yield from _leaves(part, (*path, place), what)
        case kind:
            yield _leaf(kind, space, path, what)


def _leaf(kind: Any, space: dict[str, Any], path: tuple[str | int, ...], what: str) -> Leaf:
    match kind:
        case "Box":
            return _box(space, path, what)
        case "Discrete":
            start = _whole(space.get("start", 0), -(2**40))
            num = _whole(space["n"], 1)
            return Leaf(path, DiscreteSpace(num), (), start=start)
        case "MultiDiscrete":
            num = np.array(space["nvec"], np.int64).reshape(-1)
            start = np.array(space.get("start") or np.zeros_like(num), np.int64).reshape(-1)
            return Leaf(path, VectorSpace(len(num), tuple(map(float, start)), tuple(map(float, start + num - 1))), np.shape(space["nvec"]))
        case "MultiBinary":
            shape = _shape(space["n"] if isinstance(space["n"], list) else [space["n"]], what)
            size = math.prod(shape)
            return Leaf(path, VectorSpace(size, (0.0,) * size, (1.0,) * size), shape)
    return Leaf(path, None)


def _box(space: dict[str, Any], path: tuple[str | int, ...], what: str) -> Leaf:
    shape, dtype = _shape(space["shape"], what), np.dtype(str(space["dtype"]))
    low, high = (_bound(space[key], math.prod(shape)) for key in ("low", "high"))
    if dtype == np.uint8 and len(shape) in (2, 3):
        full = not any(low) and all(value == 255 for value in high)
        first = len(shape) == 3 and shape[0] in CHANNELS and shape[2] not in CHANNELS and min(shape[1:]) >= LEAST_EDGE
        if len(shape) == 3:
            return Leaf(path, PixelSpace(*((*shape[1:], shape[0]) if first else shape)), shape, first, full_bytes=full)
        if min(shape) >= LEAST_EDGE:
            return Leaf(path, PixelSpace(shape[0], shape[1], 1), shape, full_bytes=full)
    bounds = [bound if any(map(math.isfinite, bound)) else None for bound in (low, high)]
    return Leaf(path, VectorSpace(math.prod(shape), *bounds), shape)


def _shape(shape: Any, what: str) -> tuple[int, ...]:
    sizes = tuple(_whole(size, 1) for size in shape)
    if len(sizes) > 16 or math.prod(sizes) > MOST_ROW_BYTES:
        raise DataError(f"{what} has rows of {math.prod(sizes):,} numbers.", expected=f"{MOST_ROW_BYTES:,} at most")
    return sizes


def _whole(value: Any, least: int) -> int:
    if type(value) is not int or not least <= value < 2**40:
        raise ValueError(f"{value} is no whole number from {least} on")
    return value


def _bound(values: Any, size: int) -> tuple[float, ...]:
    """The bound of each number; what float32 cannot hold is none."""
    flat = list(_flat(values))
    flat = flat * size if len(flat) == 1 else flat
    if len(flat) != size:
        raise ValueError(f"{len(flat)} bounds for {size} numbers")
    most = float(np.finfo(np.float32).max)
    return tuple(value if abs(value) <= most else math.copysign(math.inf, value) for value in flat)


def _flat(values: Any, depth: int = 0) -> Iterator[float]:
    if not isinstance(values, list):
        yield float(values)
    elif depth > MOST_DEPTH:
        raise ValueError("bounds within bounds")
    else:
        for part in values:
            yield from _flat(part, depth + 1)
