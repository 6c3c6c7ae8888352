"""Pictures that are stored as the bytes of a PNG or JPEG file."""

import io
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from telos.core.errors import DataError, MissingExtraError
from telos.core.spaces import PixelSpace
from telos.data.formats.arrays import foreign
from telos.data.formats.paths import fill, within

KINDS = ("PNG", "JPEG", "WEBP", "BMP")
MODES = {1: "L", 3: "RGB", 4: "RGBA"}


def decode_pictures(encoded: Sequence[Any], space: PixelSpace, what: str) -> np.ndarray:
    """Pictures `[time height width channel]`, uint8.

    Args:
        encoded: Bytes of a file each.
        space: What every picture has to be like: a larger one is refused before any of it is unpacked.

    Raises:
        DataError: one is damaged, or of another size.
        MissingExtraError: pillow is not installed.
    """
    try:
        from PIL import Image
    except ImportError as error:
        raise MissingExtraError.of("pillow", extra="formats", purpose="Reading pictures") from error
    pictures = np.empty((len(encoded), *space.shape), np.uint8)
    for row, content in enumerate(encoded):
        try:
            with Image.open(io.BytesIO(memoryview(content)), formats=KINDS) as picture:
                if picture.size != (space.width, space.height):
                    raise DataError(
                        f"{what}: a picture has {picture.size[1]} x {picture.size[0]} pixels.", expected=f"{space.height} x {space.width} pixels"
                    )
                pictures[row] = np.asarray(picture.convert(MODES[space.channels])).reshape(space.shape)
        except DataError:
            raise
        except Exception as error:
            raise DataError(f"{what}: a picture is damaged.", fix="get the file again, or leave the episode out") from error
    return pictures


def stored_bytes(array: Any, root: Path, what: str) -> list[Any]:
    """The files in a column of `{bytes, path}`, as parquet keeps pictures; what is only named is read from `root`.

    Raises:
        DataError: one is missing, or lies outside of `root`.
    """
    import pyarrow as pa

    if not isinstance(array, pa.StructArray):
        return [_need(value.as_py(), what) for value in array] if pa.types.is_binary(array.type) else [_need(None, what)]
    contents = []
    for value in array:
        picture = value.as_py() or {}
        content, path = picture.get("bytes"), picture.get("path")
        if content is None and isinstance(path, str):
            with foreign(root / "images"):
                content = within(root, fill(re.sub(r"[{}]", "", path), {}, what)).read_bytes()
        contents.append(_need(content, what))
    return contents


def _need(content: Any, what: str) -> Any:
    if not isinstance(content, bytes):
        raise DataError(f"{what}: a picture is missing.", fix="get the file again, or leave the episode out")
    return content
