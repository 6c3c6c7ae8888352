"""Replay buffers of diffusion policy: zarr, flat arrays in `data`, ends of episodes in `meta`."""

import math
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from telos.core.errors import DataError, MissingExtraError
from telos.data.formats.arrays import MOST_ROW_BYTES, check_links, check_promise, foreign, len_of
from telos.data.formats.base import AbstractFormat, AbstractSource
from telos.data.formats.blocks import Blocks
from telos.data.formats.flat import FlatSource, check_ends
from telos.data.formats.roles import guess_roles

ENDS = "meta/episode_ends"
METADATA = (".zarray", "zarr.json")
"""What lies in the folder of an array, in format 2 and 3."""
CODECS = ("blosc", "bytes", "crc32c", "delta", "gzip", "lz4", "shuffle", "transpose", "zlib", "zstd", "bz2", "lzma", "imagecodecs_jpegxl")
"""What may stand between the bytes on disk and the numbers; others, such as pickle, run what the file says."""


class ReplayBuffer(AbstractFormat):
    """Row `t` holds the observation and the action that is taken in it.

    Source: diffusion policy's `common/replay_buffer.py`; zarr format 2, and 3 as later forks write it.
    """

    name = "zarr"
    says = "diffusion policy's replay buffers: a zarr folder or .zarr.zip with data/... and meta/episode_ends"

    def recognises(self, path: Path) -> bool:
        if path.is_dir():
            return any((path / ENDS / name).is_file() for name in METADATA)
        return path.name.endswith(".zarr.zip") and path.is_file()

    def open(self, path: Path) -> AbstractSource:
        store = _open(path)
        try:
            names = _names(path)
            found = {name: _array(store, f"data/{name}", path) for name in names}
            ends = _array(store, ENDS, path)
            if not found:
                raise DataError(f"{path} has no arrays in 'data'.", expected="data/action, data/img, ...")
            with foreign(path, f"at '{ENDS}'"):
                rows = np.asarray(ends[:])
            arrays = {name: Blocks(array) for name, array in found.items()}
            num_rows = max(map(len_of, arrays.values()))
            ends = check_ends(rows, num_rows, f"{path}: '{ENDS}'")
            notes = [note for name, array in found.items() if (note := _missing(name, array, path))]
            return FlatSource(path, arrays, ends, format=self.name, roles=guess_roles, notes=notes, close=store.close)
        except BaseException:
            store.close()
            raise


def _open(path: Path) -> Any:
    try:
        from zarr.storage import LocalStore, ZipStore
    except ImportError as error:
        raise MissingExtraError.of("zarr", extra="formats", purpose=f"Reading {path.name}") from error
    check_links(path)
    if not path.is_dir() and not zipfile.is_zipfile(path):
        raise DataError(f"{path} is neither a folder nor a zip file.", expected="a zarr group")
    with foreign(path):
        return LocalStore(path, read_only=True) if path.is_dir() else ZipStore(path, read_only=True)


def _names(path: Path) -> list[str]:
    """Of the arrays in `data`."""
    with foreign(path, "at 'data'"):
        if path.is_dir():
            return sorted(file.parent.name for name in METADATA for file in (path / "data").glob(f"*/{name}"))
        with zipfile.ZipFile(path) as file:
            parts = [name.split("/") for name in file.namelist()]
        return sorted(part[1] for part in parts if len(part) == 3 and part[0] == "data" and part[2] in METADATA)


def _array(store: Any, name: str, path: Path) -> Any:
    """One array, checked. Raises DataError for one that is damaged, or packed in a way that is not read."""
    import zarr

    with foreign(path, f"at '{name}'"):
        array = zarr.open_array(store, path=name, mode="r")
        _check(array, path)
    return array


def _missing(name: str, array: Any, path: Path) -> str:
    """A sentence about chunks that are not there: their writer left out what was 0 everywhere, or somebody lost them."""
    with foreign(path, f"at 'data/{name}'"):
        missing = array.nchunks - array.nchunks_initialized
    return f"{missing:,} of the {array.nchunks:,} chunks of '{name}' are not there, and read as {array.fill_value}." if missing else ""


def _check(array: Any, path: Path) -> None:
    what, size = f"{path}: '{array.name}'", np.dtype(array.dtype).itemsize
    for codec in (*array.filters, *array.compressors):
        name = str(getattr(codec, "codec_id", type(codec).__name__.removesuffix("Codec"))).lower()
        if name not in CODECS:
            raise DataError(f"{what} is packed with '{name}', which is not read.", expected=", ".join(CODECS))
    if math.prod(array.chunks) * size > MOST_ROW_BYTES:
        raise DataError(f"{what} is packed in chunks of {math.prod(array.chunks) * size:,} bytes.", expected=f"{MOST_ROW_BYTES:,} at most")
    # Chunks of nothing but the fill value are not written at all.
    check_promise(array.nbytes, int(array.nbytes_stored()) if array.nbytes > MOST_ROW_BYTES else array.nbytes, what)
