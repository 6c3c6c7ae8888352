"""Plain HDF5: a folder with a file for each episode, or one file with a group for each episode, or with arrays of all of them."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from telos.core.errors import DataError
from telos.data.formats import hdf5_files
from telos.data.formats.arrays import Rows, check_links, foreign, natural
from telos.data.formats.base import AbstractFormat, AbstractSource
from telos.data.formats.ends import find_ends
from telos.data.formats.episodes import EpisodesSource
from telos.data.formats.flat import FlatSource
from telos.data.formats.minari import Minari
from telos.data.formats.paths import inside
from telos.data.formats.robomimic import Robomimic
from telos.data.formats.roles import ACTIONS, guess_roles
from telos.data.formats.stable_worldmodel import StableWorldModel

DEPTH = 6
"""Groups in groups that are looked into; a damaged file may hold itself."""
MOST_ARRAYS = 1000
"""Arrays of one episode."""
PACKED = (b"\xff\xd8\xff", b"\x89PNG")
"""How rows of bytes begin that are pictures as JPEG or PNG."""


class Hdf5(AbstractFormat):
    """Arrays by name, in groups or not; which of them are observations and actions is guessed by their names.

    - A folder with a file for each episode, as ALOHA writes them: `action`, `observations/qpos`, `observations/images/...`.
    - A file with a group for each episode, at its root or one level below.
    - A file with arrays of all episodes, as D4RL has them: `observations`, `actions`, `terminals`, `timeouts`; or with
      `episode_ends`, `episode_lengths`, `episode_index` beside them. With nothing of that kind, all is one episode.

    Actions of an episode may be as many as its observations (the last one leads nowhere), or one less.
    """

    name = "hdf5"
    says = "plain HDF5: a file or a group for each episode (ALOHA), or arrays with flags or ends (D4RL)"

    def recognises(self, path: Path) -> bool:
        # Of a folder, links to somewhere else are not even looked at; opening it will refuse them.
        files = [file for file in files_of(path) if not path.is_dir() or inside(path, file.name)]
        known = (Robomimic(), StableWorldModel(), Minari())
        if not files or not hdf5_files.is_hdf5(files[0]) or any(other.recognises(path) for other in known):
            return False
        try:
            with hdf5_files.open_file(files[0]) as file:
                group = next(iter(_episodes(file, files[0])), ("", file))[1]
                return any(base_name(name) in ACTIONS for name in _datasets(group, files[0]))
        except DataError:
            return False

    def open(self, path: Path) -> AbstractSource:
        files = files_of(path)
        if not files:
            raise DataError(f"{path} has no HDF5 files.", expected="names that end in .hdf5 or .h5")
        return _open_file(files[0]) if len(files) == 1 else _open_folder(path, files)


def files_of(path: Path) -> list[Path]:
    """The file itself, or those of a folder, `episode_10` after `episode_9`."""
    if not path.is_dir():
        return [path]
    return sorted((file for pattern in ("*.hdf5", "*.h5") for file in path.glob(pattern)), key=lambda file: natural(file.name))


def base_name(name: str) -> str:
    return name.rpartition("/")[2].lower()


def _open_folder(path: Path, files: Sequence[Path]) -> AbstractSource:
    check_links(path)

    def read(number: int) -> tuple[Mapping[str, Rows], Sequence[str]]:
        return _arrays(hdf5_files.open_file(files[number]), files[number])

    return EpisodesSource(path, [str(file) for file in files], read, format=Hdf5.name, metadata={"files": [file.name for file in files]})


def _open_file(path: Path) -> AbstractSource:
    file = hdf5_files.open_file(path)
    try:
        groups = _episodes(file, path)
        if groups:
            return _open_groups(path, groups, file)
        return _open_flat(path, file)
    except BaseException:
        file.close()
        raise


def _open_groups(path: Path, groups: Sequence[tuple[str, Any]], file: Any) -> AbstractSource:
    def read(number: int) -> tuple[Mapping[str, Rows], Sequence[str]]:
        name, parent = groups[number][0], groups[number][1].parent
        return _arrays(hdf5_files.child(parent, name, path), path)

    names = [name for name, _ in groups]
    places = [f"{path}, '{name}'" for name in names]
    return EpisodesSource(path, places, read, format=Hdf5.name, metadata={"groups": names}, close=file.close)


def _open_flat(path: Path, file: Any) -> AbstractSource:
    arrays, notes = _arrays(file, path, shared=True)
    if not arrays:
        raise DataError(f"{path} has no arrays of numbers.", expected="observations, actions, and the ends of the episodes")
    with foreign(path):
        ends, used = find_ends(arrays, path)
    if not used:
        notes = (*notes, "Nothing tells episodes apart: all is one.")
        return EpisodesSource(path, [str(path)], lambda number: (arrays, notes), format=Hdf5.name, close=file.close)
    columns = {name: array for name, array in arrays.items() if name not in used}
    told = f"Episodes are told apart by {' and '.join(map(repr, used))}."
    return FlatSource(path, columns, ends, format=Hdf5.name, roles=guess_roles, notes=(*notes, told), close=file.close)


def _episodes(file: Any, path: Path) -> list[tuple[str, Any]]:
    """Names and groups of the episodes, at the root or one level below; none where the arrays of all lie together."""
    parents = [file, *(group for _, group in _groups(file, path))]
    for parent in parents:
        groups = _groups(parent, path)
        # Its own actions, or those of a part of it: the first group that has some shows where the episodes are.
        if groups and not _has_actions(parent) and any(_has_actions(group) for _, group in groups):
            return groups
    return []


def _groups(parent: Any, path: Path) -> list[tuple[str, Any]]:
    return [(name, value) for name, value in hdf5_files.children(parent, path) if hdf5_files.is_group(value)]


def _has_actions(group: Any) -> bool:
    with foreign(Path(group.file.filename), f"at '{group.name}'"):
        return any(base_name(name) in ACTIONS for name in group)


def _arrays(group: Any, path: Path, *, shared: bool = False) -> tuple[dict[str, Rows], tuple[str, ...]]:
    """Everything below a group that has rows, and a note for each that cannot be read."""
    if not hdf5_files.is_group(group):
        raise DataError(f"{path}: '{group.name}' is no group.", expected="arrays of an episode")
    found = _datasets(group, path)
    packed = {name for name, value in found.items() if _packed(value, path)}
    # What has no rows, such as an environment's name, tells nothing of any step.
    arrays = {name: hdf5_files.rows_of(value, path, shared=shared) for name, value in found.items() if value.shape and name not in packed}
    return arrays, tuple(f"'{name}' holds pictures as JPEG or PNG, which are not read here, and is left out." for name in sorted(packed))


def _datasets(group: Any, path: Path) -> dict[str, Any]:
    """All datasets below a group, by their path in it. Raises DataError for links, and for more than any episode has."""
    found: dict[str, Any] = {}
    for name, value in _walk(group, path, "", DEPTH):
        found[name] = value
        if len(found) > MOST_ARRAYS:
            raise DataError(
                f"{path}: '{group.name}' holds more than {MOST_ARRAYS:,} arrays.", expected="the arrays of one episode, or of all together"
            )
    return found


def _walk(group: Any, path: Path, prefix: str, depth: int) -> Iterator[tuple[str, Any]]:
    for name, value in hdf5_files.children(group, path):
        if hdf5_files.is_dataset(value):
            yield f"{prefix}{name}", value
        elif hdf5_files.is_group(value) and depth:
            yield from _walk(value, path, f"{prefix}{name}/", depth - 1)


def _packed(dataset: Any, path: Path) -> bool:
    """Whether each row of bytes is a packed picture, padded to the length of the longest."""
    if dataset.dtype != np.uint8 or dataset.ndim != 2 or not len(dataset):
        return False
    with foreign(path, f"at '{dataset.name}'"):
        return bytes(dataset[0, :4]).startswith(PACKED)
