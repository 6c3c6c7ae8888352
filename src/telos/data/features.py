"""Features of all pictures of a store, computed once and kept on disk, so that training reads them in place of the pictures."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from jaxtyping import Float16, UInt8

from telos.core.errors import DataError
from telos.core.spaces import ObservationSpace, Spaces, TreeSpace, VectorSpace
from telos.data.manifest import digest
from telos.data.store import Episodes

CHUNK = 64
"""Pictures whose features are computed at a time, and the unit in which an interrupted run goes on."""
DTYPE = np.dtype("<f2")
CACHE = "TELOS_CACHE"
"""Environment variable: the folder of what is kept, where it may not lie beside the logs."""
Progress = Callable[[int, int], None]
"""Called with the pictures that are done, and all."""


@dataclass(frozen=True)
class FeatureSource:
    """How the features of one column are made."""

    key: str
    """Differs wherever the numbers may differ."""
    size: int
    """Numbers per picture."""
    compute: Callable[[UInt8[np.ndarray, "batch height width channel"]], Float16[np.ndarray, "batch size"]]


def with_features(store: Episodes, sources: Mapping[str, FeatureSource], progress: Progress = lambda done, total: None) -> Episodes:
    """The store with vectors in place of the pictures in the columns that are named; everything else is as it was.

    They lie beside the store, in `STORE.features`, or in the folder that the environment variable TELOS_CACHE names, one file
    for each column, store and source. Nothing is computed twice; a run that was killed goes on where it stopped, and of
    several processes that want the same file one computes it.

    Raises:
        DataError: the folder cannot be written, or a feature is no finite number of 16 bits.
    """
    total = store.num_rows * len(sources)
    columns: dict[str, np.ndarray] = {}
    for number, (name, source) in enumerate(sources.items()):
        columns[name] = _features(store, name, source, lambda done, number=number: progress(number * store.num_rows + done, total))
    sizes = {name: source.size for name, source in sources.items()}
    return store.replaced(columns, Spaces(_seen(store.spaces.observation, sizes), store.spaces.action))


def feature_folder(store: Episodes) -> Path:
    """Where the features of a store are kept."""
    elsewhere = os.environ.get(CACHE)
    return Path(elsewhere) / "features" if elsewhere else store.path.resolve().with_name(f"{store.path.resolve().name}.features")


def _features(store: Episodes, name: str, source: FeatureSource, progress: Callable[[int], None]) -> np.ndarray:
    """`[rows size]`, memory-mapped."""
    shape = (store.num_rows, source.size)
    key = digest([store.fingerprint, name, source.key, source.size, DTYPE.str])
    file = feature_folder(store) / f"{name.replace('/', '-')}-{key}"
    try:
        if not _is_whole(file, shape):
            file.parent.mkdir(parents=True, exist_ok=True)
            _write(file, store.rows(name), source, progress)
        progress(store.num_rows)
        return np.memmap(file, dtype=DTYPE, mode="r", shape=shape).view(np.ndarray)
    except OSError as error:
        what = f"Features cannot be kept in {file.parent}: {error.strerror or error}."
        raise DataError(what, fix=f"make room or set permissions, or name another folder: export {CACHE}=/path/to/folder") from error


def _is_whole(file: Path, shape: tuple[int, int]) -> bool:
    return file.is_file() and file.stat().st_size == shape[0] * shape[1] * DTYPE.itemsize


def _write(file: Path, pictures: np.ndarray, source: FeatureSource, progress: Callable[[int], None]) -> None:
    """Appends to a file beside it, which gets its name when it is whole."""
    partial, row_bytes = file.with_name(f".{file.name}.partial"), source.size * DTYPE.itemsize
    with partial.open("ab") as stream, _alone(stream):
        if _is_whole(file, (len(pictures), source.size)):
            return
        # Chunks begin at the same pictures as in an uninterrupted run: other batches would give other last digits.
        done = stream.tell() // row_bytes // CHUNK * CHUNK
        stream.truncate(done * row_bytes)
        for start in range(done, len(pictures), CHUNK):
            rows = source.compute(np.array(pictures[start : start + CHUNK])).astype(DTYPE, copy=False)
            if not np.isfinite(rows).all():
                raise DataError(
                    f"A feature of picture {start + int(np.argwhere(~np.isfinite(rows))[0, 0])} is no finite number of 16 bits.",
                    fix="check the weights: telos train --weights FILE",
                )
            stream.write(rows.tobytes())
            progress(start + len(rows))
        stream.flush()
        os.fsync(stream.fileno())
        partial.replace(file)


@contextmanager
def _alone(stream: IO[Any]) -> Iterator[None]:
    """Waits until no other process writes the same file; a killed one no longer counts."""
    try:
        import fcntl
    except ImportError:
        yield
        return
    fcntl.flock(stream, fcntl.LOCK_EX)
    stream.seek(0, os.SEEK_END)
    yield


def _seen(space: ObservationSpace, sizes: Mapping[str, int], name: str = "observation") -> Any:
    if isinstance(space, TreeSpace):
        return TreeSpace({part: _seen(inner, sizes, f"{name}/{part}") for part, inner in space.spaces.items()})
    return VectorSpace(sizes[name]) if name in sizes else space
