"""Writing a store: episode by episode, in bounded memory, all of it or nothing."""

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from telos.core.errors import DataError, SpaceError
from telos.core.folders import cannot_write, check_target, hidden_sibling
from telos.core.logs import Trajectory
from telos.core.spaces import Spaces, Tree, TreeSpace
from telos.data.checks import as_array, check_column, check_json, check_leaf, check_names, pad
from telos.data.columns import ColumnFiles, Mark
from telos.data.manifest import INFO, MANIFEST, Manifest, leaf_spaces


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
        self._lengths: list[int] = []
        self._marks: dict[str, Mark] | None = None
        self._num_steps = 0
        check_json(self._about)
        check_names(spaces)
        check_target(self.path)
        self._folder = hidden_sibling(self.path)
        try:
            self._folder.mkdir(parents=True)
        except OSError as error:
            raise cannot_write(self.path, error) from error
        self._columns = ColumnFiles(self._folder, units or {})

    @property
    def num_episodes(self) -> int:
        return len(self._lengths)

    def note(self, metadata: Mapping[str, Any]) -> None:
        """Adds to the metadata what was learned on the way."""
        check_json(metadata)
        self._about["metadata"] |= metadata

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
        if self._marks is not None:
            raise DataError(f"Episode {self.num_episodes} was begun in pieces.", fix="append its last piece, or drop it")
        self.append(observations, actions, info=info, extra=extra)
        if self._marks is not None:
            self.drop()
            Trajectory(observations, actions)

    def append(
        self, observations: Tree, actions: np.ndarray, *, info: Mapping[str, np.ndarray] | None = None, extra: Mapping[str, np.ndarray] | None = None
    ) -> None:
        """Appends a piece of an episode that is too long to be held at once.

        All pieces hold equally many rows of everything, but for the last one of the episode, which has one action less: it ends
        the episode. A refused piece takes what was appended of its episode with it.

        Args:
            observations: `[time ...]`, or a dictionary of them.
            actions: `[time action]`, or `[time-1 action]` at the end.
            info: `[time ...]` each.
            extra: `[time ...]` each, or `[time-1 ...]` at the end.

        Raises:
            DataError, SpaceError: as `add` does.
        """
        if self.closed:
            raise DataError(f"The writer of {self.path} is closed.", fix="open another one")
        what = f"Episode {self.num_episodes}"
        try:
            rows, last = self._check_piece(observations, actions, info or {}, extra or {}, what)
            self._columns.check(rows, what)
        except BaseException:
            self.drop()
            raise
        self._append(rows)
        self._num_steps += len(rows["action"]) - last
        if last:
            self._lengths.append(self._num_steps)
            self._marks, self._num_steps = None, 0

    def drop(self) -> None:
        """Takes back the pieces of an episode that was begun, if there is one."""
        if self._marks is not None:
            self._columns.rewind(self._marks)
        self._marks, self._num_steps = None, 0

    def close(self) -> None:
        """Flushes everything to disk and puts the store in its place.

        Raises:
            DataError: there is no episode, or the disk refuses; nothing is left behind then.
        """
        if self.closed:
            return
        if self._marks is not None:
            self.abort()
            raise DataError(f"Episode {self.num_episodes} was begun in pieces and has no end.", fix="append its last piece, or drop it")
        if not self._lengths:
            self.abort()
            raise DataError(f"No episode was written to {self.path}.", expected="at least one", fix="check where the episodes come from")
        try:
            publish(self._folder, self.path, Manifest(self.spaces, self._columns.finish(), tuple(self._lengths), **self._about))
        except OSError as error:
            self.abort()
            raise cannot_write(self.path, error) from error
        except BaseException:
            self.abort()
            raise
        self.closed = True

    def abort(self) -> None:
        """Throws away what was written."""
        self.closed = True
        self._columns.discard()
        shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> "EpisodeWriter":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.close()
        elif not self.closed:
            self.abort()

    def _check_piece(
        self, observations: Tree, actions: np.ndarray, info: Mapping[str, Any], extra: Mapping[str, Any], what: str
    ) -> tuple[dict[str, np.ndarray], bool]:
        """Every column as rows `[time ...]`, with padding where the episode ends, and whether it does."""
        leaves = self._check_leaves(observations, actions, what)
        actions = leaves.pop("action")
        num_rows = len(next(iter(leaves.values())))
        last = num_rows != len(actions)
        if last and num_rows + self._num_steps < 2:
            raise DataError(f"{what} is empty.", expected="at least one action and two observations", fix="leave it out")
        for value in leaves.values():
            Trajectory(value, actions if last else actions[1:])
        named = {**{f"{INFO}{name}": value for name, value in info.items()}, **extra}
        others = {name: check_column(name, value, num_rows - 1, what) for name, value in named.items()}
        for name, value in named.items():
            if not last and len(value) != num_rows:
                raise DataError(
                    f"{what}: the column '{name}' has {len(value)} rows.", expected=f"{num_rows} in a piece that does not end the episode"
                )
        return {**others, **leaves, "action": pad(actions) if last else actions}, last

    def _check_leaves(self, observations: Tree, actions: np.ndarray, what: str) -> dict[str, np.ndarray]:
        """Every part of the observations, and the actions, in the dtypes of their spaces."""
        space = self.spaces.observation
        if isinstance(space, TreeSpace):
            if not isinstance(observations, Mapping):
                raise SpaceError(f"{what}: the observation is one array.", expected=f"a dictionary of {sorted(space.spaces)}")
            observations = {name: as_array(value, f"{what}, observation '{name}',") for name, value in observations.items()}
            observations = space.check(observations, what=f"{what}, observation,")
            parts = {f"observation/{name}": value for name, value in observations.items()}
        else:
            parts = {"observation": observations}
        return {name: check_leaf(parts.get(name, actions), part, f"{what}, {name},") for name, part in leaf_spaces(self.spaces).items()}

    def _append(self, rows: Mapping[str, np.ndarray]) -> None:
        try:
            if self._marks is None:
                self._marks = self._columns.mark()
            self._columns.append(rows)
            # The caller's arrays are the caller's again.
            self._columns.settle()
        except OSError as error:
            self.abort()
            raise cannot_write(self.path, error) from error
        except BaseException:
            # Half an episode is on disk: the rows of the columns no longer agree.
            self.abort()
            raise


def publish(folder: Path, path: Path, manifest: Manifest) -> None:
    """Puts a folder of finished columns in its place, as a store. Raises OSError where the disk refuses."""
    write_synced(folder / MANIFEST, json.dumps(manifest.to_json(), indent=1) + "\n")
    sync_folder(folder)
    if path.is_dir():
        path.rmdir()
    folder.rename(path)
    sync_folder(path.parent)


def write_synced(file: Path, text: str) -> None:
    with file.open("w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())


def sync_folder(folder: Path) -> None:
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
