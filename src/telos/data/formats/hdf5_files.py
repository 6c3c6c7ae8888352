"""Opens other people's HDF5 files, with suspicion: nothing outside of the file is followed, no size is believed."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from telos.core.errors import DataError, MissingExtraError
from telos.data.formats.arrays import MOST_ROW_BYTES, Rows, check_promise, foreign, natural
from telos.data.formats.blocks import Blocks
from telos.data.formats.paths import inside
from telos.data.formats.raw_rows import DeflatedRows, StoredRows

DEFLATE, SHUFFLE = 1, 2
"""Numbers of HDF5's filters."""
MAGIC = b"\x89HDF\r\n\x1a\n"


def is_hdf5(path: Path) -> bool:
    """Whether a file begins as HDF5 files do."""
    try:
        with path.open("rb") as stream:
            return stream.read(len(MAGIC)) == MAGIC
    except OSError:
        return False


def single_file(path: Path) -> Path:
    """The file itself, or the only HDF5 file of a folder, or the path if there is none or several."""
    if path.is_dir():
        files = [file for pattern in ("*.hdf5", "*.h5") for file in inside(path, pattern)]
        return files[0] if len(files) == 1 else path
    return path


def open_file(path: Path) -> Any:
    """The open file. Raises MissingExtraError without h5py, and DataError for a damaged file."""
    try:
        import h5py
    except ImportError as error:
        raise MissingExtraError.of("h5py", extra="formats", purpose=f"Reading {path.name}") from error
    with foreign(path):
        return h5py.File(path, "r")


def looks_like(path: Path, *names: str) -> bool:
    """Whether a file is HDF5 and has all of these at its root; a damaged one has none."""
    path = single_file(path)
    if not is_hdf5(path):
        return False
    try:
        with open_file(path) as file, foreign(path):
            return all(name in file for name in names)
    except DataError:
        return False


def children(group: Any, path: Path) -> Iterator[tuple[str, Any]]:
    """What a group holds, `demo_10` after `demo_9`.

    Raises:
        DataError: it holds a link to somewhere else, or an object that cannot be read.
    """
    with foreign(path, f"at '{group.name}'"):
        names = sorted(group, key=natural)
    for name in names:
        yield name, child(group, name, path)


def child(group: Any, name: str, path: Path) -> Any:
    """One object of a group. Raises DataError as `children` does."""
    import h5py

    with foreign(path, f"at '{group.name}/{name}'"):
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            raise DataError(f"{path}: '{group.name}/{name}' is a link to somewhere else, which is not followed.", fix="copy the data into the file")
        found = group[name]
    if isinstance(found, h5py.Dataset):
        _check(found, path)
    return found


def has(group: Any, name: str, path: Path) -> bool:
    """Whether there is anything of that name. Raises DataError for a group that is damaged."""
    with foreign(path, f"at '{group.name}'"):
        return name in group


def is_group(value: Any) -> bool:
    import h5py

    return isinstance(value, h5py.Group)


def is_dataset(value: Any) -> bool:
    import h5py

    return isinstance(value, h5py.Dataset)


def rows_of(dataset: Any, path: Path, *, shared: bool = False) -> Rows:
    """A dataset to be read by rows, past HDF5's library where its bytes lie as they are, or deflated, and by it otherwise.

    Args:
        shared: Whether several episodes lie in it, so that a chunk is asked for more than once.
    """
    with foreign(path, f"at '{dataset.name}'"):
        rows = _raw_rows(dataset, path)
    return Blocks(rows) if shared and isinstance(rows, DeflatedRows) else dataset if rows is None else rows


def _raw_rows(dataset: Any, path: Path) -> StoredRows | DeflatedRows | None:
    """The dataset without the library; None for what is in other types, packed otherwise, or not there."""
    import h5py

    held, dtype, shape = dataset.id, dataset.dtype, dataset.shape
    if not shape or 0 in shape or dtype.kind not in "iuf" or held.get_type() != h5py.h5t.py_create(dtype):
        return None
    # Offsets count from the end of what a user may have put before the file proper.
    if h5py.h5i.get_file_id(held).get_create_plist().get_userblock():  # type: ignore[missing-attribute]
        return None
    layout, offset = held.get_create_plist(), held.get_offset()
    if layout.get_layout() == h5py.h5d.CONTIGUOUS:
        return None if offset is None else StoredRows(path, offset, shape, dtype)
    filters = [layout.get_filter(number)[0] for number in range(layout.get_nfilters())]
    if layout.get_layout() != h5py.h5d.CHUNKED or filters not in ([DEFLATE], [SHUFFLE, DEFLATE]) or dataset.chunks[1:] != shape[1:]:
        return None

    def find(row: int) -> tuple[int, int] | None:
        chunk = held.get_chunk_info_by_coord((row, *[0] * (len(shape) - 1)))
        return None if chunk.byte_offset is None or chunk.filter_mask else (chunk.byte_offset, chunk.size)

    return DeflatedRows(path, shape, dtype, dataset.chunks, find, dataset.__getitem__, SHUFFLE in filters)


def attribute(holder: Any, name: str, path: Path) -> Any:
    """An attribute as a plain number or text; None if there is none."""
    with foreign(path, f"at '{holder.name}'"):
        value = holder.attrs.get(name)
        if isinstance(value, bytes):
            return value.decode("utf-8", "replace")
        return value.item() if hasattr(value, "item") and getattr(value, "size", 0) == 1 else value


def _check(dataset: Any, path: Path) -> None:
    what = f"{path}: '{dataset.name}'"
    with foreign(path, f"at '{dataset.name}'"):
        if dataset.external or dataset.is_virtual:
            raise DataError(f"{what} lies in other files, which are not followed.", fix="copy the data into the file")
        shape, chunks, size = dataset.shape, dataset.chunks, dataset.dtype.itemsize
        held = min(dataset.id.get_storage_size(), path.stat().st_size)
    if shape is None:
        return
    if chunks is not None and math.prod(chunks) * size > MOST_ROW_BYTES:
        raise DataError(f"{what} is packed in chunks of {math.prod(chunks) * size:,} bytes.", expected=f"{MOST_ROW_BYTES:,} at most")
    check_promise(math.prod(shape) * size, held, what)
