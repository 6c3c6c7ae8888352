"""Plain npz: a folder with a file for each episode, or one file with arrays and the ends of the episodes."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

import numpy as np

from telos.core.errors import DataError
from telos.core.spaces import AbstractSpace, DiscreteSpace, VectorSpace
from telos.data.formats import npz_files
from telos.data.formats.arrays import AbstractArraySource, Layout, Place, Rows, check_links, count_choices, foreign, layout_of, len_of, natural
from telos.data.formats.base import AbstractFormat, AbstractSource, Description, SourceColumn
from telos.data.formats.flat import FlatSource, check_ends
from telos.data.formats.ogbench import OGBench, ends_of_flags
from telos.data.formats.roles import ACTIONS, guess_roles

ENDS = ("episode_ends", "ends")
LENGTHS = ("episode_lengths", "lengths", "ep_len", "episode_length")
NUMBERS = ("episode_index", "episode_indices", "episode_ids", "episode_id", "ep_idx", "episode", "episodes")
FLAGS = ("dones", "done", "terminals", "terminal", "terminated", "terminations", "timeouts", "truncated", "truncations", "is_last")
"""By what names the end of an episode is told; the flags of one file count together."""
OPEN_FILES = 64
"""Files of a folder whose headers are remembered."""


class Npz(AbstractFormat):
    """Arrays by name. In a file for each episode, actions may be as many as observations (the last one leads nowhere), or one less.

    In a file with all episodes, arrays are as long as one another, and one of these tells the episodes apart: `episode_ends`
    (cumulative), `episode_lengths`, `episode_index`, or flags such as `dones`, `terminals`, `timeouts`; with none, all is one episode.
    """

    name = "npz"
    says = "plain npz: a folder with a file for each episode, or one file with the ends of its episodes"

    def recognises(self, path: Path) -> bool:
        if path.is_dir():
            first = min(path.glob("*.npz"), key=lambda file: natural(file.name), default=None)
            return first is not None and npz_files.is_npz(first)
        return npz_files.is_npz(path) and not OGBench().recognises(path)

    def open(self, path: Path) -> AbstractSource:
        return _Folder(path) if path.is_dir() else _open_file(path)


def _open_file(path: Path) -> AbstractSource:
    arrays, notes = npz_files.open_arrays(path)
    named = {name.rpartition("/")[2].lower(): name for name in reversed(list(arrays))}
    if not any(name in named for name in ACTIONS) and not arrays:
        raise DataError(f"{path} has no arrays of numbers.", expected="observations, actions, and the ends of the episodes")
    with foreign(path):
        ends, used = _ends(arrays, named, path)
    columns = {name: array for name, array in arrays.items() if name not in used}
    told = f"Episodes are told apart by {' and '.join(map(repr, used))}." if used else "Nothing tells episodes apart: all is one."
    source = FlatSource(path, columns, ends, format=Npz.name, roles=guess_roles, notes=(*notes, told))
    source.in_order = any(map(npz_files.is_packed, columns.values()))
    return source


def _ends(arrays: Mapping[str, Rows], named: Mapping[str, str], path: Path) -> tuple[np.ndarray, list[str]]:
    """The row after the last of each episode, and the arrays that told."""

    def read(name: str) -> np.ndarray:
        return npz_files.whole(arrays[name], f"{path}: '{name}'")

    num_rows = max(map(len_of, arrays.values()), default=0)
    for names, cumulate in ((ENDS, False), (LENGTHS, True)):
        if name := next((named[name] for name in names if name in named), None):
            rows = max((len_of(array) for other, array in arrays.items() if other != name), default=0)
            numbers = read(name)
            if cumulate and numbers.dtype.kind in "iu" and (numbers.astype(np.int64) < 0).any():
                raise DataError(f"{path}: '{name}' holds lengths below zero.", expected="rows of each episode")
            ends = np.cumsum(numbers.astype(np.int64)) if cumulate and numbers.dtype.kind in "iu" else numbers
            return check_ends(ends, rows, f"{path}: '{name}'"), [name]
    if name := next((named[name] for name in NUMBERS if name in named and len_of(arrays[named[name]]) == num_rows), None):
        numbers = read(name).reshape(num_rows, -1)
        return check_ends(np.append(np.flatnonzero((numbers[1:] != numbers[:-1]).any(axis=1)) + 1, num_rows), num_rows, f"{path}: '{name}'"), [name]
    flags = [named[name] for name in FLAGS if name in named and len_of(arrays[named[name]]) == num_rows]
    if flags:
        either = np.any([read(name).reshape(num_rows, -1).any(axis=1) for name in flags], axis=0)
        return check_ends(ends_of_flags(either), num_rows, f"{path}: '{flags[0]}'"), flags
    return check_ends(np.array([num_rows]), num_rows, str(path)), []


@dataclass(frozen=True)
class _Seen:
    """An array as one file has it."""

    num: int
    per: Literal["observation", "step", "neither"]
    """For what it has a row each."""
    layout: Layout | None


class _Folder(AbstractArraySource):
    """A file an episode, in the natural order of their names. What has a row for each step in most of them is a column."""

    def __init__(self, path: Path) -> None:
        self.path = path
        check_links(path)
        self.files = sorted(path.glob("*.npz"), key=lambda file: natural(file.name))
        self._arrays = lru_cache(OPEN_FILES)(npz_files.open_arrays)
        self.damaged: dict[int, DataError] = {}
        notes: dict[str, None] = {}
        seen: dict[str, list[_Seen]] = {}
        lengths = tuple(self._look(number, seen, notes) for number in range(len(self.files)))
        readable = len(self.files) - len(self.damaged)
        if not readable:
            raise self.damaged[0]
        varied = len({length for number, length in enumerate(lengths) if number not in self.damaged}) > 1
        first = {name: entry for name, entries in seen.items() if (entry := _column(entries, readable, varied)) is not None}
        self.layouts = {name: entry.layout for name, entry in first.items() if entry.layout is not None}
        roles = guess_roles({name: layout.space for name, layout in self.layouts.items()})
        spaces = {name: self._space(name, layout.space) if roles[name] == "action" else layout.space for name, layout in self.layouts.items()}
        notes.update({f"'{name}' has no row of numbers for each step and is left out.": None for name in seen if name not in first})
        if any(first[name].per == "observation" for name, role in roles.items() if role == "action"):
            notes["The last action of every episode leads to no observation and is left out."] = None
        self.description = Description(
            format=Npz.name,
            columns=tuple(
                SourceColumn(
                    name=name, space=space, role=roles[name], per="step" if roles[name] == "action" or first[name].per == "step" else "observation"
                )
                for name, space in spaces.items()
            ),
            lengths=lengths,
            metadata={"files": [file.name for file in self.files]},
            notes=tuple(notes),
        )

    def _look(self, number: int, seen: dict[str, list["_Seen"]], notes: dict[str, None]) -> int:
        """Steps of an episode, and what its file holds; 0 for a file that is damaged."""
        try:
            arrays, said = self._arrays(self.files[number])
            layouts = {name: layout_of(name, array, str(self.files[number])) for name, array in arrays.items()}
        except DataError as error:
            self.damaged[number] = error
            return 0
        notes.update(dict.fromkeys(said))
        num = _num_observations(arrays)
        for name, array in arrays.items():
            per = "observation" if len_of(array) == num else "step" if len_of(array) == num - 1 else "neither"
            seen.setdefault(name, []).append(_Seen(len_of(array), per, layouts[name]))
        return max(0, num - 1)

    def _space(self, name: str, space: AbstractSpace) -> AbstractSpace:
        """Actions that are single whole numbers in every file become choices."""
        most = 0
        for number, file in enumerate(self.files):
            if number not in self.damaged and name in (arrays := self._arrays(file)[0]):
                with foreign(file, f"at '{name}'"):
                    choices = count_choices(arrays[name])
                if choices is None:
                    return space if isinstance(space, VectorSpace) else VectorSpace(1)
                most = max(most, choices)
        return DiscreteSpace(most)

    def place(self, episode: int) -> Place:
        file = self.files[episode]
        if episode in self.damaged:
            raise self.damaged[episode]
        arrays, _ = self._arrays(file)
        num_rows = self.description.lengths[episode] + 1
        for column in self.description.columns:
            found = layout_of(column.name, arrays[column.name], str(file)) if column.name in arrays else None
            if found is None or found.space.shape != self.layouts[column.name].space.shape:
                raise DataError(f"{file} has no column '{column.name}' like that of the first file.", fix="leave the file out")
            if len_of(arrays[column.name]) < num_rows - (column.per == "step"):
                raise DataError(f"{file}: '{column.name}' has {len_of(arrays[column.name])} rows.", expected=f"{num_rows}")
        return Place(arrays)


def _column(entries: list[_Seen], num_files: int, varied: bool) -> _Seen | None:
    """An array as a column, if it has a row for each observation, or step, in most of the files; None for anything else."""
    if varied and len({entry.num for entry in entries}) == 1 < num_files:
        return None
    for per in ("observation", "step"):
        fitting = [entry for entry in entries if entry.per == per and entry.layout is not None]
        if 2 * len(fitting) > num_files:
            return fitting[0]
    return None


def _num_observations(arrays: Mapping[str, Rows]) -> int:
    """One more than actions if there is anything so long, else as many; without actions, the rows of the longest array."""
    lengths = set(map(len_of, arrays.values()))
    actions = [len_of(array) for name, array in arrays.items() if name.rpartition("/")[2].lower() in ACTIONS]
    if not actions:
        return max(lengths, default=0)
    return actions[0] + 1 if actions[0] + 1 in lengths else actions[0]
