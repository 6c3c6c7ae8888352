"""What `meta/info.json` of a LeRobot data set says of its columns."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from telos.core.errors import DataError
from telos.core.spaces import AbstractSpace, PixelSpace, VectorSpace
from telos.data.formats.arrays import CHANNELS, MOST_ROW_BYTES
from telos.data.formats.video_frames import PICTURES

NUMBERS = tuple(f"{kind}{bits}" for kind, sizes in {"float": (16, 32, 64), "int": (8, 16, 32, 64), "uint": (8, 16, 32, 64)}.items() for bits in sizes)
PICTURE_AXES = 3
MOST_FEATURES = 10_000


@dataclass(frozen=True)
class Feature:
    """One column."""

    name: str
    kind: Literal["numbers", "image", "video"]
    space: AbstractSpace
    shape: tuple[int, ...] = ()
    """Of a row of numbers, as the files say."""
    whole: bool = False
    """Whether a row is a single whole number."""
    parts: tuple[str, ...] = ()

    @property
    def row_bytes(self) -> int:
        return math.prod(self.space.shape) * (1 if isinstance(self.space, PixelSpace) else 8)


def read_features(content: Any, file: Path) -> tuple[list[Feature], list[str]]:
    """The columns that are read, and a sentence for each that is not.

    Raises:
        DataError: they are described in a way that cannot be.
    """
    if not isinstance(content, dict) or not content or len(content) > MOST_FEATURES:
        raise DataError(f"{file} describes no features.", expected="{name: {dtype, shape, names}}")
    features, notes = [], []
    for name, about in content.items():
        what = f"{file}: '{str(name)[:80]}'"
        if not isinstance(about, dict):
            raise DataError(f"{what} is not described.", expected="{dtype, shape, names}")
        dtype = about.get("dtype")
        if dtype in ("image", "video"):
            feature = _picture(name, dtype, about, what)
        elif dtype == "bool" or dtype in NUMBERS:
            feature = _numbers(name, dtype, about, what)
        else:
            feature = None
        if feature is None:
            notes.append(f"'{name}' holds {'depth' if dtype in ('image', 'video') else str(dtype)[:40]}, which is not read, and is left out.")
        else:
            features.append(feature)
    return features, notes


def _picture(name: str, kind: Literal["image", "video"], about: dict[str, Any], what: str) -> Feature | None:
    """None for depth, which is packed into pictures in ways of its own."""
    details = [part for key in ("info", "video_info") if isinstance(part := about.get(key), dict)]
    if any(part.get(key) is True for part in details for key in ("is_depth_map", "video.is_depth_map")):
        return None
    shape, names = _shape(about, what), about.get("names")
    if len(shape) != PICTURE_AXES:
        raise DataError(f"{what} has pictures of {list(shape)}.", expected="height, width and channels, in any order")
    if isinstance(names, list) and len(names) == PICTURE_AXES and all(isinstance(axis, str) for axis in names):
        first = names[0].lower().startswith("c")
    else:
        first = shape[0] in CHANNELS and shape[2] not in CHANNELS
    space = PixelSpace(shape[1], shape[2], shape[0]) if first else PixelSpace(*shape)
    if space.channels not in PICTURES:
        raise DataError(f"{what} has pictures of {space.channels} channels.", expected=", ".join(map(str, PICTURES)))
    return Feature(name, kind, space)


def _numbers(name: str, dtype: str, about: dict[str, Any], what: str) -> Feature:
    shape = _shape(about, what)
    size = math.prod(shape)
    return Feature(name, "numbers", VectorSpace(size), shape, size == 1 and "int" in dtype, _parts(about.get("names"), size))


def _shape(about: dict[str, Any], what: str) -> tuple[int, ...]:
    shape = about.get("shape")
    if not isinstance(shape, list) or len(shape) > 16 or not all(type(size) is int and 0 < size < 2**31 for size in shape):
        raise DataError(f"{what} has the impossible shape {str(shape)[:80]}.", expected="whole numbers above zero")
    if math.prod(shape) * np.dtype(np.float64).itemsize > 8 * MOST_ROW_BYTES:
        raise DataError(f"{what}: a row would have {math.prod(shape):,} numbers.", expected=f"{MOST_ROW_BYTES:,} at most")
    return tuple(shape)


def _parts(names: Any, size: int) -> tuple[str, ...]:
    """What the numbers of a row are called: a list, or a list within a dictionary."""
    if isinstance(names, dict) and len(names) == 1:
        names = next(iter(names.values()))
    fits = isinstance(names, list) and len(names) == size and size > 1 and all(isinstance(part, str) for part in names)
    return tuple(part[:120] for part in names) if fits else ()
