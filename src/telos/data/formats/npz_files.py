"""Arrays in .npz files, read by rows: straight from their place where they are not packed, and front to back where they are."""

import math
import struct
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import numpy as np

from telos.core.errors import DataError
from telos.data.formats.arrays import MOST_ROW_BYTES, Rows, check_promise, foreign
from telos.data.formats.raw_rows import StoredRows

LOCAL_HEADER = 30
"""Bytes before the name of a member of a zip file."""
SKIP_BYTES = 1 << 22


def is_npz(path: Path) -> bool:
    """Whether a file is called, and begins, as .npz files do."""
    try:
        return path.suffix == ".npz" and path.is_file() and zipfile.is_zipfile(path)
    except OSError:
        return False


def names_of(path: Path) -> tuple[str, ...]:
    """Of the arrays in a file; a damaged one has none."""
    try:
        with zipfile.ZipFile(path) as file:
            return tuple(name.removesuffix(".npy") for name in file.namelist() if name.endswith(".npy"))
    except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError):
        return ()


def open_arrays(path: Path) -> tuple[dict[str, Rows], list[str]]:
    """The arrays of a file, of which nothing but the headers was read, and a note for each that cannot be read.

    Raises:
        DataError: the file is damaged.
    """
    arrays: dict[str, Rows] = {}
    notes = []
    if not path.is_file():
        raise DataError(f"{path} is no file.", expected="an .npz file")
    with foreign(path), zipfile.ZipFile(path) as file:
        for member in file.infolist():
            name = member.filename.removesuffix(".npy")
            if name == member.filename:
                notes.append(f"'{member.filename}' is no array and is left out.")
                continue
            shape, columnwise, dtype, size = _header(file, member, path)
            if dtype.hasobject:
                notes.append(f"'{name}' holds pickled objects, which are never opened, and is left out.")
                continue
            if columnwise and len(shape) > 1:
                notes.append(f"'{name}' is stored column by column, which cannot be read by rows, and is left out.")
                continue
            packed = member.compress_type != zipfile.ZIP_STORED
            offset = 0 if packed else _offset(path, member) + size
            arrays[name] = PackedRows(path, member.filename, shape, dtype, size) if packed else StoredRows(path, offset, shape, dtype)
    return arrays, notes


def is_packed(array: Rows) -> bool:
    """Whether an array can only be read from front to back."""
    return isinstance(array, PackedRows)


@dataclass
class PackedRows:
    """An array in a deflated member; going back means unpacking it again from its beginning."""

    path: Path
    member: str
    shape: tuple[int, ...]
    dtype: np.dtype
    header: int
    _stream: IO[bytes] | None = field(default=None, repr=False)
    _row: int = 0

    def __getitem__(self, rows: slice, /) -> np.ndarray:
        start, stop, _ = rows.indices(self.shape[0])
        size = math.prod(self.shape[1:]) * self.dtype.itemsize
        if self._stream is None or start < self._row:
            self._begin()
        self._skip((start - self._row) * size)
        content = np.empty(max(0, stop - start) * size, np.uint8)
        filled = self._fill(content.data)
        self._row = start + filled // max(1, size)
        return content[: filled // max(1, size) * size].view(self.dtype).reshape(-1, *self.shape[1:])

    def _begin(self) -> None:
        self._stream = zipfile.ZipFile(self.path).open(self.member)  # noqa: SIM115 - read on in the next call
        self._row = 0
        self._skip(self.header)

    def _skip(self, size: int) -> None:
        assert self._stream is not None
        while size > 0 and (skipped := len(self._stream.read(min(size, SKIP_BYTES)))):
            size -= skipped

    def _fill(self, content: memoryview) -> int:
        assert self._stream is not None
        filled = 0
        while filled < len(content) and (block := self._stream.read(min(len(content) - filled, SKIP_BYTES))):
            content[filled : filled + len(block)] = block
            filled += len(block)
        return filled


def _header(file: zipfile.ZipFile, member: zipfile.ZipInfo, path: Path) -> tuple[tuple[int, ...], bool, np.dtype, int]:
    """Shape, order, dtype, and the bytes of the header itself. Raises DataError for sizes that cannot be."""
    what = f"{path}: '{member.filename}'"
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) or member.flag_bits & 1:
        raise DataError(f"{what} is packed in a way that NumPy does not use.", expected="numpy.savez or numpy.savez_compressed")
    check_promise(member.file_size, member.compress_size, what)
    with file.open(member) as stream:
        version = np.lib.format.read_magic(stream)
        read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}.get(version)
        if read is None:
            raise DataError(f"{what} has version {version} of NumPy's format.", expected="1.0 or 2.0")
        shape, columnwise, dtype = read(stream)
        size = stream.tell()
    if any(type(length) is not int or length < 0 for length in shape):
        raise DataError(f"{what} has the impossible shape {shape}.", fix="get the file again")
    if not dtype.hasobject and member.file_size != size + math.prod(shape) * dtype.itemsize:
        raise DataError(f"{what} is cut: {shape} of {dtype} do not fit its {member.file_size:,} bytes.", fix="get the file again")
    return shape, columnwise, dtype, size


def _offset(path: Path, member: zipfile.ZipInfo) -> int:
    """Where the bytes of a member that is not packed begin."""
    with path.open("rb") as stream:
        stream.seek(member.header_offset)
        name, extra = struct.unpack("<HH", stream.read(LOCAL_HEADER)[26:30])
    return member.header_offset + LOCAL_HEADER + name + extra


def whole(array: Rows, what: str) -> np.ndarray:
    """A small array at once. Raises DataError for a large one."""
    if math.prod(array.shape) * array.dtype.itemsize > MOST_ROW_BYTES:
        raise DataError(f"{what} has {math.prod(array.shape):,} numbers.", expected="one an observation at most")
    return np.asarray(array[0 : array.shape[0]]) if array.shape else np.zeros(0)
