"""Pictures that travel inside the page: colours, sizes, and PNG as a data URI."""

import base64
import struct
import zlib

import numpy as np
from jaxtyping import UInt8

Pictures = UInt8[np.ndarray, "... _ _ _"]
"""`[*batch height width channel]`"""
RGB = UInt8[np.ndarray, "... _ _ 3"]
"""`[*batch height width 3]`"""


def as_rgb(pictures: Pictures) -> RGB:
    """Three channels of pictures with any number of them: the first three, or the first one as grey."""
    return pictures[..., :3] if pictures.shape[-1] >= 3 else np.repeat(pictures[..., :1], 3, axis=-1)


def enlarge(pictures: RGB, size: int) -> RGB:
    """Whole multiples of the pixels, so that edges stay crisp; the longer side comes as near to `size` as it can."""
    factor = max(1, round(size / max(pictures.shape[-3:-1])))
    return pictures.repeat(factor, axis=-3).repeat(factor, axis=-2)


def fit(pictures: Pictures, height: int, width: int) -> Pictures:
    """Exactly `height` by `width`, each pixel the nearest one of the picture."""
    rows = (np.arange(height) + 0.5) * pictures.shape[-3] / height
    columns = (np.arange(width) + 0.5) * pictures.shape[-2] / width
    return pictures[..., rows.astype(int)[:, None], columns.astype(int), :]


def png(picture: RGB) -> bytes:
    """One picture as a PNG file."""
    height, width = picture.shape[:2]
    rows = np.zeros((height, 1 + 3 * width), dtype=np.uint8)
    rows[:, 1:] = picture.reshape(height, -1)
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows.tobytes(), 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, content) for kind, content in chunks)


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def data_uri(content: bytes, kind: str) -> str:
    """Contents of the media type `kind` as an address that holds them."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def picture_uri(picture: RGB, size: int = 128) -> str:
    """One picture, enlarged to about `size`, ready for an `img`."""
    return data_uri(png(enlarge(picture, size)), "image/png")
