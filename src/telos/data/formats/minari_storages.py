"""Where Minari keeps its episodes: groups of one HDF5 file, or a folder with an Arrow or parquet file for each."""

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from telos.core.errors import DataError
from telos.data.formats import hdf5_files
from telos.data.formats.arrays import foreign, natural
from telos.data.formats.json_files import read_object, whole
from telos.data.formats.tables import import_parquet, numbers

MAIN = "main_data.hdf5"
MOST_FILE_BYTES = 1 << 30
"""Of an episode in a parquet file, which is unpacked as a whole."""
FILES_KEPT = 2
MOST_STEPS = 2**40


class AbstractStorage(ABC):
    """The episodes of one data set."""

    path: Path
    names: tuple[str, ...]
    """Of the episodes, in order."""

    @abstractmethod
    def about(self, episode: int) -> Mapping[str, Any]:
        """`total_steps`, and `seed` if there is one. Raises DataError for a damaged episode."""

    @abstractmethod
    def array(self, episode: int, root: str, path: Sequence[str | int], shape: Sequence[int] | None) -> Any:
        """One array, read by rows of `shape` (None: as it lies); None if there is none. Raises DataError for a damaged episode."""

    @abstractmethod
    def infos(self, episode: int) -> Iterator[tuple[str, ...]]:
        """The paths of what is kept under `infos`."""

    def close(self) -> None:  # noqa: B027 - most storages hold nothing open
        """Lets go of open files."""


class HDF5Storage(AbstractStorage):
    """`episode_0/{observations, actions, rewards, terminations, truncations, infos/...}`."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / MAIN
        self.file = hdf5_files.open_file(self.path)
        try:
            self.names = tuple(name for name, _ in hdf5_files.children(self.file, self.path) if re.fullmatch(r"episode_[0-9]{1,12}", name))
        except BaseException:
            self.close()
            raise

    def about(self, episode: int) -> Mapping[str, Any]:
        group = self._group(episode)
        found = {key: hdf5_files.attribute(group, key, self.path) for key in ("total_steps", "seed")}
        if type(found["total_steps"]) is not int or not 0 <= found["total_steps"] < MOST_STEPS:
            raise DataError(f"{self.path}: '{self.names[episode]}' does not say how many steps it has.", expected="an attribute total_steps")
        return found

    def array(self, episode: int, root: str, path: Sequence[str | int], shape: Sequence[int] | None) -> Any:
        found: Any = self._group(episode)
        for key in (root, *(f"_index_{key}" if isinstance(key, int) else key for key in path)):
            if not hdf5_files.is_group(found) or not hdf5_files.has(found, key, self.path):
                return None
            found = hdf5_files.child(found, key, self.path)
        return found if hdf5_files.is_dataset(found) and found.shape else None

    def infos(self, episode: int) -> Iterator[tuple[str, ...]]:
        group = self._group(episode)
        if hdf5_files.has(group, "infos", self.path):
            yield from _datasets(hdf5_files.child(group, "infos", self.path), (), self.path)

    def close(self) -> None:
        self.file.close()

    def _group(self, episode: int) -> Any:
        group = hdf5_files.child(self.file, self.names[episode], self.path)
        if not hdf5_files.is_group(group):
            raise DataError(f"{self.path}: '{self.names[episode]}' is no group.", expected="observations, actions, ... in it")
        return group


def _datasets(group: Any, path: tuple[str, ...], file: Path) -> Iterator[tuple[str, ...]]:
    if hdf5_files.is_group(group):
        for name, part in hdf5_files.children(group, file):
            if hdf5_files.is_dataset(part):
                yield (*path, name)
            else:
                yield from _datasets(part, (*path, name), file)


class ArrowStorage(AbstractStorage):
    """`0/part-0.arrow` and `0/metadata.json`; what is counted per step has a row of padding more."""

    def __init__(self, folder: Path, ending: str) -> None:
        self.path, self.ending = folder, ending
        with foreign(folder):
            self.names = tuple(sorted((part.name for part in folder.iterdir() if re.fullmatch(r"[0-9]{1,12}", part.name)), key=natural))
        self._columns = lru_cache(FILES_KEPT)(self._read)

    def about(self, episode: int) -> Mapping[str, Any]:
        file = self.path / self.names[episode] / "metadata.json"
        content = read_object(file)
        return {"total_steps": whole(content, "total_steps", str(file)), "seed": content.get("seed")}

    def array(self, episode: int, root: str, path: Sequence[str | int], shape: Sequence[int] | None) -> Any:
        found = self._columns(episode).get((root, *map(str, path)))
        return None if found is None else ArrowRows(found, shape, f"{self._file(episode)}: '{'/'.join((root, *map(str, path)))}'")

    def infos(self, episode: int) -> Iterator[tuple[str, ...]]:
        return (path[1:] for path in self._columns(episode) if path[0] == "infos")

    def _file(self, episode: int) -> Path:
        return self.path / self.names[episode] / f"part-0.{self.ending}"

    def _read(self, episode: int) -> dict[tuple[str, ...], Any]:
        """Every array of an episode by its path. Arrow files are mapped, not read."""
        file = self._file(episode)
        import_parquet(file)
        import pyarrow as pa
        import pyarrow.parquet as pq

        if not file.is_file():
            raise DataError(f"{file} is missing." if not file.exists() else f"{file} is no file.", fix="get the data set again")
        with foreign(file):
            if self.ending == "arrow":
                batches = pa.ipc.open_file(pa.memory_map(str(file))).read_all().to_batches()
            else:
                size = sum(pq.read_metadata(file).row_group(group).total_byte_size for group in range(pq.read_metadata(file).num_row_groups))
                if size > MOST_FILE_BYTES:
                    raise DataError(f"{file} unpacks to {size:,} bytes.", expected=f"{MOST_FILE_BYTES:,} at most", fix="write it as arrow")
                batches = pq.ParquetFile(file).read(use_threads=False).to_batches()
            columns: dict[tuple[str, ...], list[Any]] = {}
            for batch in batches:
                batch.validate(full=True)
                for name in batch.schema.names:
                    for path, array in _parts(batch.column(name), (name,)):
                        columns.setdefault(path, []).append(array)
            return {path: pa.chunked_array(arrays) for path, arrays in columns.items()}


def _parts(array: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    import pyarrow as pa

    if isinstance(array, pa.StructArray):
        for number, field in enumerate(array.type):
            yield from _parts(array.field(number), (*path, field.name))
    else:
        yield path, array


class ArrowRows:
    """A column of an Arrow table, read by rows."""

    def __init__(self, column: Any, shape: Sequence[int] | None, what: str) -> None:
        import pyarrow as pa

        self.column, self.what = column, what
        self.binary = pa.types.is_binary(column.type) or pa.types.is_large_binary(column.type)
        kind, lies = column.type, []
        while pa.types.is_fixed_size_list(kind):
            lies.append(kind.list_size)
            kind = kind.value_type
        plain = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)
        self.dtype = np.dtype(kind.to_pandas_dtype()) if plain else np.dtype(object)
        self.row = tuple(lies if shape is None else shape)
        self.shape = (len(column), *self.row)

    def __getitem__(self, rows: slice, /) -> np.ndarray:
        import pyarrow as pa

        start, stop, _ = rows.indices(len(self.column))
        part = self.column.slice(start, max(0, stop - start)).combine_chunks()
        array = pa.concat_arrays(part.chunks) if isinstance(part, pa.ChunkedArray) else part
        if self.binary:
            found = np.empty(len(array), object)
            found[:] = [value.as_py() for value in array]
            return found
        return numbers(array, self.row, self.what)


def open_storage(folder: Path, data_format: Any) -> AbstractStorage:
    """Raises DataError for a format that Minari does not have, and MissingExtraError."""
    if data_format == "hdf5":
        return HDF5Storage(folder)
    if data_format in ("arrow", "parquet"):
        return ArrowStorage(folder, data_format)
    raise DataError(f"{folder / 'metadata.json'}: the data are stored as {str(data_format)[:40]!r}.", expected="hdf5, arrow or parquet")
