"""What a quantity really was, frame by frame: from a column of the logs."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from telos.core.errors import DataError, MissingColumnError
from telos.data import AbstractEpisodes
from telos.data.manifest import INFO
from telos.envs.clip import is_past

MOST_NUMBERS = 16
"""Numbers of a quantity; what has more is a picture or a map."""
WINDING = {"radians": 1.0, "rad": 1.0, "degrees": math.pi / 180, "deg": math.pi / 180, "°": math.pi / 180}
"""Units of what comes back to where it was after a full turn, in radians."""
ANGLE_UNIT = "cosine and sine"
"""Unit of an angle as it is read."""
NUMBERED = re.compile(r"(?P<column>.+)\[(?P<first>\d+)(:(?P<end>\d+))?\]")
"""`observation[4]` or `observation[0:2]`: some numbers of a column."""
NOT_OF_FRAMES = ("action", "reward")
"""Columns that belong to steps, not to frames."""


@dataclass(frozen=True, kw_only=True)
class Labels:
    """A quantity by episode, as it is to be read: of an angle its cosine and sine, since an angle that has wound around says another
    number of the same direction."""

    unit: str
    """Of the numbers; empty if nobody said."""
    parts: tuple[str, ...]
    """What each number is called, for people."""
    values: Mapping[int, Float[np.ndarray, "frames size"]]
    """By episode, for all of its frames; NaN where it is not known."""
    source: str
    """Where they came from, for people."""
    dense: bool
    """Whether whole episodes are labelled, not single frames."""

    @property
    def size(self) -> int:
        return len(self.parts)

    def known(self, episode: int) -> np.ndarray:
        """Which frames of an episode are labelled, in order."""
        return np.flatnonzero(np.isfinite(self.values[episode]).all(axis=1))


def describe_columns(logs: AbstractEpisodes) -> dict[str, dict[str, Any]]:
    """Size and unit of every column that a readout may be taught from, the true state first."""
    info = [name for name in logs.info_names if not is_past(name)]
    others = [name for name in logs.column_names if not name.startswith(INFO) and name.split("/")[0] not in NOT_OF_FRAMES]
    about = {}
    for name in (*info, *others):
        full = INFO + name if name in info else name
        size = logs.column(full, 0)[0].size
        if 0 < size <= MOST_NUMBERS:
            about[name] = {"size": size, "unit": logs.unit(full)}
    return about


def labels_of_column(logs: AbstractEpisodes, column: str, *, unit: str | None = None) -> Labels:
    """Labels for every frame of the logs.

    Args:
        column: a part of the true state (`position`), any other column of frames (`observation/proprio`), or some of its numbers,
            counted from 0 (`observation[0:2]`).
        unit: in place of what the logs say; `radians` or `degrees` makes it an angle.

    Raises:
        MissingColumnError: there is no such column.
        DataError: it belongs to steps, or has too many numbers, or fewer than are asked for.
    """
    numbered = NUMBERED.fullmatch(column)
    name = numbered["column"] if numbered else column
    full = _full_name(logs, name)
    unit = logs.unit(full) if unit is None else unit
    size = logs.column(full, 0)[0].size
    first, end = (int(numbered["first"]), int(numbered["end"] or int(numbered["first"]) + 1)) if numbered else (0, size)
    if not first < end <= size:
        raise DataError(f"The column '{name}' has {size} numbers per frame, and {column} is asked for.", expected=f"numbers from 0 to {size - 1}")
    if end - first > MOST_NUMBERS:
        raise DataError(
            f"The column '{name}' has {size} numbers per frame: that is no quantity.",
            expected=f"at most {MOST_NUMBERS}",
            fix=f"take some of them, as in --column '{name}[0:2]'" if logs.column(full, 0).ndim == 2 else "",
        )
    rows = {episode: logs.column(full, episode).reshape(-1, size)[:, first:end] for episode in range(logs.num_episodes)}
    names = [name] if size == 1 else [f"{name}[{index}]" for index in range(first, end)]
    return as_labels(rows, names, unit=unit, source=f"column {column}", dense=True)


def as_labels(rows: Mapping[int, np.ndarray], names: list[str], *, unit: str, source: str, dense: bool) -> Labels:
    """Labels of numbers as they were written down; angles become cosines and sines."""
    values = {episode: np.asarray(part, dtype=np.float64) for episode, part in rows.items()}
    if unit not in WINDING:
        return Labels(unit=unit, parts=tuple(names), values=values, source=source, dense=dense)
    turns = {episode: WINDING[unit] * part for episode, part in values.items()}
    turned = {episode: np.concatenate([np.cos(part), np.sin(part)], axis=1) for episode, part in turns.items()}
    parts = (*(f"cosine of {name}" for name in names), *(f"sine of {name}" for name in names))
    return Labels(unit=ANGLE_UNIT, parts=parts, values=turned, source=source, dense=dense)


def _full_name(logs: AbstractEpisodes, name: str) -> str:
    for full in (INFO + name, name):
        if full in logs.column_names:
            if full.split("/")[0] in NOT_OF_FRAMES:
                raise DataError(f"The column '{name}' says what was done, not how things were.", expected=f"one of {_choices(logs)}")
            return full
    raise MissingColumnError(
        f"The logs have no column '{name}'.",
        expected=f"one of {_choices(logs)}",
        fix="or label some frames by hand: telos readout RUN --labels FILE.csv",
    )


def _choices(logs: AbstractEpisodes) -> str:
    return ", ".join(describe_columns(logs)) or "none"
