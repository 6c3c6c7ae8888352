"""The native store: a folder of memory-mapped columns and a manifest."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from telos.core.errors import DamagedStoreError, DataError
from telos.core.logs import Trajectory
from telos.core.spaces import Spaces, Tree, TreeSpace
from telos.data.base import AbstractEpisodes, missing_column
from telos.data.checksum import checksum_of
from telos.data.manifest import RESTORE, Column, Manifest


class Episodes(AbstractEpisodes):
    """Logged episodes on disk; opening costs no reading, and a window is a copy of rows that lie side by side.

    Write one with `EpisodeWriter` or `collect`, read it with `Episodes.open`.
    """

    def __init__(self, path: Path, manifest: Manifest) -> None:
        super().__init__()
        self.path = path
        self.manifest = manifest
        self.spaces = manifest.spaces
        self._lengths = np.array(manifest.lengths, dtype=np.int64)
        self._lengths.setflags(write=False)
        self._first_rows = np.concatenate([[0], np.cumsum(self._lengths + 1)])
        self._columns = {column.name: _map_column(path, column, manifest.num_rows) for column in manifest.columns}

    @classmethod
    def open(cls, path: Path | str, *, verify: bool = False) -> "Episodes":
        """A store.

        Args:
            path: Its folder.
            verify: Reads everything once and compares the checksums.

        Raises:
            DataError: there is no store, it cannot be read, or a newer Telos wrote it.
            DamagedStoreError: a file is missing, cut, or (with `verify`) altered.
        """
        path = Path(path)
        store = cls(path, Manifest.read(path))
        if verify and (damage := store.damage()):
            raise DamagedStoreError(damage[0], fix=RESTORE)
        return store

    def damage(self) -> list[str]:
        """A sentence for every file whose checksum is not the one it was written with; reads everything once.

        Raises:
            DataError: a file cannot be read.
        """
        files = {self.path / column.file: column.checksum for column in self.manifest.columns}
        damaged = [file for file, checksum in files.items() if checksum_of(file, like=checksum) != checksum]
        return [f"{file} is damaged: its checksum is not the one it was written with." for file in damaged]

    @property
    def lengths(self) -> np.ndarray:
        return self._lengths

    @property
    def fingerprint(self) -> str:
        return self.manifest.fingerprint

    @property
    def environment(self) -> Mapping[str, Any] | None:
        """`{"name": ..., "args": {...}}` that makes the environment again."""
        return self.manifest.environment

    @property
    def behaviour(self) -> Any:
        """What chose the actions, as JSON."""
        return self.manifest.behaviour

    @property
    def seed(self) -> int | None:
        return self.manifest.seed

    @property
    def metadata(self) -> Mapping[str, Any]:
        return self.manifest.metadata

    @property
    def column_names(self) -> tuple[str, ...]:
        return tuple(self._columns)

    def unit(self, name: str) -> str:
        units = {column.name: column.unit for column in self.manifest.columns}
        if name not in units:
            raise missing_column(name, self.column_names)
        return units[name]

    def column(self, name: str, episode: int) -> np.ndarray:
        if name not in self._columns:
            raise missing_column(name, self.column_names)
        check_episode(episode, self.num_episodes)
        return self._columns[name][self._first_rows[episode] : self._first_rows[episode + 1]]

    @property
    def num_rows(self) -> int:
        """Observations in all episodes."""
        return self.manifest.num_rows

    def rows(self, name: str) -> np.ndarray:
        """Any column of all episodes, one after the other `[rows ...]`, read-only. Raises MissingColumnError if there is none."""
        if name not in self._columns:
            raise missing_column(name, self.column_names)
        return self._columns[name]

    def replaced(self, columns: Mapping[str, np.ndarray], spaces: Spaces) -> "Episodes":
        """The same episodes with other numbers `[rows ...]` in some columns, which is why they have other spaces."""
        other = Episodes(self.path, self.manifest)
        other.spaces = spaces
        other._columns.update(columns)
        return other

    def episode(self, index: int) -> Trajectory:
        observations = self._observations(lambda name: self.column(name, index))
        return Trajectory(observations, self.column("action", index)[:-1])

    def gather(self, episodes: np.ndarray, starts: np.ndarray, num_steps: int) -> tuple[Tree, np.ndarray]:
        rows = (self._first_rows[episodes] + starts)[:, None] + np.arange(num_steps + 1)
        observations = self._observations(lambda name: np.take(self._columns[name], rows, axis=0))
        return observations, np.take(self._columns["action"], rows[:, :-1], axis=0)

    def _observations(self, read) -> Tree:
        space = self.spaces.observation
        if isinstance(space, TreeSpace):
            return {name: read(f"observation/{name}") for name in space.spaces}
        return read("observation")


def check_episode(index: int, num: int) -> None:
    """Raises DataError for an episode that does not exist."""
    if not 0 <= index < num:
        raise DataError(f"There is no episode {index}.", expected=f"0 to {num - 1}")


def _map_column(folder: Path, column: Column, num_rows: int) -> np.ndarray:
    file, expected = folder / column.file, num_rows * column.row_bytes
    try:
        size = file.stat().st_size if file.is_file() else None
        if size is None:
            raise DamagedStoreError(f"{file} is missing.", fix=RESTORE)
        if size != expected:
            raise DamagedStoreError(f"{file} is damaged: it has {size:,} bytes.", expected=f"{expected:,} bytes", fix=RESTORE)
        rows = np.memmap(file, dtype=column.dtype, mode="r", shape=(num_rows, *column.shape))
    except OSError as error:
        raise DataError(f"{file} cannot be read: {error.strerror or error}.", fix="check its permissions") from error
    # A plain array: every slice of a memmap pays for the subclass.
    return rows.view(np.ndarray)
