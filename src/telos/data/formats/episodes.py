"""Episodes that have arrays of their own: files of a folder, or groups of a file."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from telos.core.errors import DataError
from telos.core.spaces import AbstractSpace, DiscreteSpace, VectorSpace
from telos.data.formats.arrays import AbstractArraySource, Layout, Place, Rows, count_choices, foreign, layout_of, len_of
from telos.data.formats.base import Description, SourceColumn
from telos.data.formats.flat import LAST_ACTIONS
from telos.data.formats.roles import ACTIONS, guess_roles

OPEN_EPISODES = 64
"""Episodes whose arrays are remembered."""


@dataclass(frozen=True)
class _Seen:
    """An array as one file has it."""

    num: int
    per: Literal["observation", "step", "neither"]
    """For what it has a row each."""
    layout: Layout | None


class EpisodesSource(AbstractArraySource):
    """Arrays of their own for each episode. What has a row for each step in most of them is a column.

    Actions may be as many as observations (the last one leads nowhere), or one less.

    Args:
        places: What each episode is called in messages: a file, or a part of one.
        read: The arrays of an episode, of which nothing but sizes is looked at, and a note for each that cannot be read.
        metadata: JSON worth keeping.
        close: Lets go of the files.
    """

    def __init__(
        self,
        path: Path,
        places: Sequence[str],
        read: Callable[[int], tuple[Mapping[str, Rows], Sequence[str]]],
        *,
        format: str,
        metadata: Mapping[str, Any] | None = None,
        close: Callable[[], None] = lambda: None,
    ) -> None:
        self.path, self.places, self._let_go = path, places, close
        self._arrays = lru_cache(OPEN_EPISODES)(read)
        self.damaged: dict[int, DataError] = {}
        notes: dict[str, None] = {}
        seen: dict[str, list[_Seen]] = {}
        lengths = tuple(self._look(number, seen, notes) for number in range(len(places)))
        readable = len(places) - len(self.damaged)
        if not readable:
            raise self.damaged[0] if places else DataError(f"{path} has no episodes.", expected="at least one")
        varied = len({length for number, length in enumerate(lengths) if number not in self.damaged}) > 1
        first = {name: entry for name, entries in seen.items() if (entry := _column(entries, readable, varied)) is not None}
        self.layouts = {name: entry.layout for name, entry in first.items() if entry.layout is not None}
        roles = guess_roles({name: layout.space for name, layout in self.layouts.items()})
        spaces = {name: self._space(name, layout.space) if roles[name] == "action" else layout.space for name, layout in self.layouts.items()}
        notes.update({f"'{name}' has no row of numbers for each step and is left out.": None for name in seen if name not in first})
        if any(first[name].per == "observation" for name, role in roles.items() if role == "action"):
            notes[LAST_ACTIONS] = None
        self.description = Description(
            format=format,
            columns=tuple(
                SourceColumn(
                    name=name, space=space, role=roles[name], per="step" if roles[name] == "action" or first[name].per == "step" else "observation"
                )
                for name, space in spaces.items()
            ),
            lengths=lengths,
            metadata=metadata or {},
            notes=tuple(notes),
        )

    def _look(self, number: int, seen: dict[str, list["_Seen"]], notes: dict[str, None]) -> int:
        """Steps of an episode, and what its file holds; 0 for a file that is damaged."""
        try:
            arrays, said = self._arrays(number)
            layouts = {name: layout_of(name, array, self.places[number]) for name, array in arrays.items()}
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
        for number, where in enumerate(self.places):
            if number not in self.damaged and name in (arrays := self._arrays(number)[0]):
                with foreign(Path(where), f"at '{name}'"):
                    choices = count_choices(arrays[name])
                if choices is None:
                    return space if isinstance(space, VectorSpace) else VectorSpace(1)
                most = max(most, choices)
        return DiscreteSpace(most)

    def place(self, episode: int) -> Place:
        where = self.places[episode]
        if episode in self.damaged:
            raise self.damaged[episode]
        arrays, _ = self._arrays(episode)
        num_rows = self.description.lengths[episode] + 1
        for column in self.description.columns:
            found = layout_of(column.name, arrays[column.name], where) if column.name in arrays else None
            if found is None or found.space.shape != self.layouts[column.name].space.shape:
                raise DataError(f"{where} has no column '{column.name}' like that of the first episode.", fix="leave it out")
            if len_of(arrays[column.name]) < num_rows - (column.per == "step"):
                raise DataError(f"{where}: '{column.name}' has {len_of(arrays[column.name])} rows.", expected=f"{num_rows}")
        return Place(arrays)

    def close(self) -> None:
        self._arrays.cache_clear()
        self._let_go()


def _column(entries: list[_Seen], num: int, varied: bool) -> _Seen | None:
    """An array as a column, if it has a row for each observation, or step, in most of the episodes; None for anything else."""
    if varied and len({entry.num for entry in entries}) == 1 < num:
        return None
    for per in ("observation", "step"):
        fitting = [entry for entry in entries if entry.per == per and entry.layout is not None]
        if 2 * len(fitting) > num:
            return fitting[0]
    return None


def _num_observations(arrays: Mapping[str, Rows]) -> int:
    """One more than actions if there is anything so long, else as many; without actions, the rows of the longest array."""
    lengths = set(map(len_of, arrays.values()))
    actions = [len_of(array) for name, array in arrays.items() if name.rpartition("/")[2].lower() in ACTIONS]
    if not actions:
        return max(lengths, default=0)
    return actions[0] + 1 if actions[0] + 1 in lengths else actions[0]
