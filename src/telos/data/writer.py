"""Writing a store: episode by episode, in bounded memory, all of it or nothing."""

import contextlib
import errno
import hashlib
import json
import os
import re
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from telos.core.errors import DataError, SpaceError
from telos.core.logs import Trajectory
from telos.core.spaces import Spaces, Tree, TreeSpace
from telos.data.checks import as_array, check_column, check_json, check_leaf, check_names
from telos.data.manifest import INFO, MANIFEST, Column, Manifest, leaf_spaces


class EpisodeWriter:
    """Writes a store; what is not yet closed does not exist.

    Rows go to a hidden folder beside the target, which is renamed when the writer closes. After an exception, or a crash, the
    target is as it was before. A refused episode leaves the writer usable: catch the error and go on with the next.

    Args:
        path: Where the store shall be; nothing, or an empty folder, may be there.
        spaces: Of observations and actions.
        environment: `{"name": ..., "args": {...}}` that makes the environment again, if there is one.
        behaviour: What chose the actions, as JSON.
        seed: The seed of the collection.
        metadata: Anything else worth knowing, as JSON.
        units: Unit by column, e.g. `{"action": "m/s"}`.

    Raises:
        DataError: the target is taken, or cannot be written.
    """

    def __init__(
        self,
        path: Path | str,
        spaces: Spaces,
        *,
        environment: Mapping[str, Any] | None = None,
        behaviour: Any = None,
        seed: int | None = None,
        metadata: Mapping[str, Any] | None = None,
        units: Mapping[str, str] | None = None,
    ) -> None:
        self.path = Path(path)
        self.spaces = spaces
        self.closed = False
        self._about = {"environment": environment, "behaviour": behaviour, "seed": seed, "metadata": dict(metadata or {})}
        self._units = dict(units or {})
        self._lengths: list[int] = []
        self._columns: dict[str, _ColumnFile] = {}
        check_json(self._about)
        check_names(spaces)
        _check_target(self.path)
        self._folder = self.path.with_name(f".{self.path.name}.{secrets.token_hex(6)}.tmp")
        try:
            self._folder.mkdir(parents=True)
        except OSError as error:
            raise _cannot_write(self.path, error) from error

    @property
    def num_episodes(self) -> int:
        return len(self._lengths)

    def add(
        self, observations: Tree, actions: np.ndarray, *, info: Mapping[str, np.ndarray] | None = None, extra: Mapping[str, np.ndarray] | None = None
    ) -> None:
        """Appends one episode.

        Args:
            observations: `[time+1 ...]`, or a dictionary of them.
            actions: `[time action]`; discrete ones also `[time]`.
            info: The true state by name, `[time+1 ...]` each: for evaluation only, kept as `info/NAME`.
            extra: Further columns by name, `[time+1 ...]` or `[time ...]` each.

        Raises:
            DataError: the episode is empty, breaks the time law, or has other columns than the first; or the disk refuses.
            SpaceError: an observation or action that is not of its space.
        """
        if self.closed:
            raise DataError(f"The writer of {self.path} is closed.", fix="open another one")
        what = f"Episode {self.num_episodes}"
        leaves = self._check_trajectory(observations, actions, what)
        num_steps = len(leaves["action"]) - 1
        named = {**{f"{INFO}{name}": value for name, value in (info or {}).items()}, **(extra or {})}
        others = {name: check_column(name, value, num_steps, what) for name, value in named.items()}
        self._append({**others, **leaves}, what)
        self._lengths.append(num_steps)

    def close(self) -> None:
        """Flushes everything to disk and puts the store in its place.

        Raises:
            DataError: there is no episode, or the disk refuses; nothing is left behind then.
        """
        if self.closed:
            return
        if not self._lengths:
            self.abort()
            raise DataError(f"No episode was written to {self.path}.", expected="at least one", fix="check where the episodes come from")
        try:
            columns = tuple(column.finish() for column in self._columns.values())
            manifest = Manifest(self.spaces, columns, tuple(self._lengths), **self._about)
            _write_synced(self._folder / MANIFEST, json.dumps(manifest.to_json(), indent=1) + "\n")
            _sync_folder(self._folder)
            if self.path.is_dir():
                self.path.rmdir()
            self._folder.rename(self.path)
            _sync_folder(self.path.parent)
        except OSError as error:
            self.abort()
            raise _cannot_write(self.path, error) from error
        except BaseException:
            self.abort()
            raise
        self.closed = True

    def abort(self) -> None:
        """Throws away what was written."""
        self.closed = True
        for column in self._columns.values():
            column.discard()
        shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> "EpisodeWriter":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.close()
        elif not self.closed:
            self.abort()

    def _check_trajectory(self, observations: Tree, actions: np.ndarray, what: str) -> dict[str, np.ndarray]:
        """Every leaf as rows `[time+1 ...]`, the action with its padding."""
        space = self.spaces.observation
        if isinstance(space, TreeSpace):
            if not isinstance(observations, Mapping):
                raise SpaceError(f"{what}: the observation is one array.", expected=f"a dictionary of {sorted(space.spaces)}")
            observations = {name: as_array(value, f"{what}, observation '{name}',") for name, value in observations.items()}
            observations = space.check(observations, what=f"{what}, observation,")
            parts = {f"observation/{name}": value for name, value in observations.items()}
        else:
            parts = {"observation": observations}
        leaves = {name: check_leaf(parts.get(name, actions), part, f"{what}, {name},") for name, part in leaf_spaces(self.spaces).items()}
        actions = leaves.pop("action")
        if len(actions) == 0:
            raise DataError(f"{what} is empty.", expected="at least one action and two observations", fix="leave it out")
        for value in leaves.values():
            Trajectory(value, actions)
        return {**leaves, "action": np.concatenate([actions, np.zeros_like(actions[:1])])}

    def _append(self, rows: Mapping[str, np.ndarray], what: str) -> None:
        if self._columns and set(rows) != set(self._columns):
            raise DataError(f"{what} has the columns {sorted(rows)}.", expected=f"{sorted(self._columns)}, as in the first episode")
        for name, column in self._columns.items():
            column.check(rows[name], what)
        try:
            if not self._columns:
                for index, name in enumerate(sorted(rows)):
                    self._columns[name] = _ColumnFile(self._folder, index, name, rows[name], self._units.get(name, ""))
            for name, column in self._columns.items():
                column.write(rows[name])
        except OSError as error:
            self.abort()
            raise _cannot_write(self.path, error) from error
        except BaseException:
            # Half an episode is on disk: the rows of the columns no longer agree.
            self.abort()
            raise


class _ColumnFile:
    """One growing column and its checksum."""

    def __init__(self, folder: Path, index: int, name: str, rows: np.ndarray, unit: str) -> None:
        self.name, self.unit = name, unit
        self.dtype, self.shape = rows.dtype.newbyteorder("<"), rows.shape[1:]
        self.file = f"{index:02d}-{re.sub(r'[^A-Za-z0-9_]+', '-', name)}.bin"
        self.hash = hashlib.blake2b(digest_size=16)
        self.stream: BinaryIO = (folder / self.file).open("wb")

    def check(self, rows: np.ndarray, what: str) -> None:
        if (rows.shape[1:], rows.dtype) != (self.shape, self.dtype):
            raise DataError(
                f"{what}: the column '{self.name}' has rows {list(rows.shape[1:])} of {rows.dtype}.",
                expected=f"rows {list(self.shape)} of {self.dtype}, as in the first episode",
            )

    def write(self, rows: np.ndarray) -> None:
        content = np.ascontiguousarray(rows, dtype=self.dtype).reshape(-1).view(np.uint8).data
        self.hash.update(content)
        self.stream.write(content)

    def finish(self) -> Column:
        self.stream.flush()
        os.fsync(self.stream.fileno())
        self.stream.close()
        return Column(self.name, self.file, self.dtype.str, self.shape, self.unit, self.hash.hexdigest())

    def discard(self) -> None:
        # Closing flushes once more; on a full disk that fails again, and the file is on its way out anyhow.
        with contextlib.suppress(OSError):
            self.stream.close()


def _check_target(path: Path) -> None:
    if path.is_symlink() or (path.exists() and (not path.is_dir() or any(path.iterdir()))):
        raise DataError(f"{path} exists already and is not empty.", fix="choose another --out, or remove it")


def _cannot_write(path: Path, error: OSError) -> DataError:
    if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
        return DataError(f"{path} exists already and is not empty.", fix="choose another --out, or remove it")
    return DataError(f"The store {path} cannot be written: {error.strerror or error}.", fix="choose another --out, with room and permission to write")


def _write_synced(file: Path, text: str) -> None:
    with file.open("w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
