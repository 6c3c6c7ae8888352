"""Arrays in which all episodes lie one after the other, and where each of them ends."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from telos.core.errors import DataError
from telos.core.spaces import AbstractSpace, DiscreteSpace
from telos.data.formats.arrays import AbstractArraySource, Place, Rows, count_choices, foreign, layout_of, len_of
from telos.data.formats.base import Description, Role, SourceColumn

LAST_ACTIONS = "The last action of every episode leads to no observation and is left out."


class FlatSource(AbstractArraySource):
    """Episodes that lie one after the other in arrays with a row per observation.

    The action in the last row of an episode leads nowhere: what comes after it is the next episode.

    Args:
        arrays: By column; those that hold no numbers, or other numbers of rows, are left out with a note.
        ends: Row after the last of each episode.
        roles: Of each column, given its space.
        close: Lets go of the files.
    """

    def __init__(
        self,
        path: Path,
        arrays: Mapping[str, Rows],
        ends: np.ndarray,
        *,
        format: str,
        roles: Callable[[Mapping[str, AbstractSpace]], Mapping[str, Role]],
        metadata: Mapping[str, Any] | None = None,
        notes: Sequence[str] = (),
        close: Callable[[], None] = lambda: None,
    ) -> None:
        self.path, self._let_go = path, close
        self.starts = np.concatenate([[0], ends[:-1]]).astype(np.int64)
        found = {name: layout_of(name, array, str(path)) if len_of(array) >= int(ends[-1]) else None for name, array in arrays.items()}
        self.layouts = {name: layout for name, layout in found.items() if layout is not None}
        self.arrays = {name: arrays[name] for name in self.layouts}
        given = roles({name: layout.space for name, layout in self.layouts.items()})
        with foreign(path):
            spaces = {name: choices_of(self.arrays[name], layout.space, given[name]) for name, layout in self.layouts.items()}
        self.description = Description(
            format=format,
            columns=tuple(
                SourceColumn(name=name, space=space, role=given[name], per="step" if given[name] == "action" else "observation")
                for name, space in spaces.items()
            ),
            lengths=tuple(int(length) for length in np.maximum(0, ends - self.starts - 1)),
            metadata=metadata or {},
            notes=(*notes, *(_left_out(name, arrays[name]) for name in found if name not in self.layouts), LAST_ACTIONS),
        )

    def place(self, episode: int) -> Place:
        return Place(self.arrays, int(self.starts[episode]))

    def close(self) -> None:
        self._let_go()


def choices_of(array: Rows, space: AbstractSpace, role: Role) -> AbstractSpace:
    """Actions that are single whole numbers become choices."""
    choices = count_choices(array) if role == "action" else None
    return space if choices is None else DiscreteSpace(choices)


def check_ends(ends: np.ndarray, num_rows: int, what: str) -> np.ndarray:
    """The row after the last of each episode, as whole numbers. Raises DataError for ends that cannot be."""
    ends = np.asarray(ends).reshape(-1)
    if ends.dtype.kind not in "iu" or len(ends) == 0:
        raise DataError(f"{what} holds {ends.dtype} values." if len(ends) else f"{what} names no episodes.", expected="one whole number an episode")
    ends = ends.astype(np.int64)
    if ends[0] < 0 or (np.diff(ends) < 0).any() or ends[-1] > num_rows or ends[-1] < 1:
        raise DataError(
            f"{what} holds impossible ends of episodes: {ends[:4].tolist()} ... {int(ends[-1])}.", expected=f"growing numbers up to {num_rows}"
        )
    return ends


def _left_out(name: str, array: Rows) -> str:
    kind = "no numbers" if np.dtype(array.dtype).kind not in "biuf" else f"{len_of(array):,} rows, fewer than the episodes"
    return f"'{name}' holds {kind} and is left out."
