"""What a reader of other people's logs does. One file a format; the importer does everything that readers share."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np

from telos.core.spaces import AbstractSpace

Role = Literal["observation", "action", "info", "extra", "time"]
"""What a column is taken for unless the user says otherwise.

`observation` and `action`: what is learned from. `info`: the true state, for evaluation only. `extra`: kept, not learned
from. `time`: seconds since the episode began, by which missing frames are noticed.
"""
CHUNK_BYTES = 2 << 20
"""About as much as a source hands over at a time, before anything is shrunk: little enough to stay in the processor's cache."""


@dataclass(frozen=True, kw_only=True)
class SourceColumn:
    """One column of somebody's data set."""

    name: str
    """As the files call it, such as `obs/agentview_image`."""
    space: AbstractSpace
    """Of one row. Pictures are handed over as uint8, channels last."""
    role: Role
    per: Literal["observation", "step"] = "observation"
    """Rows of an episode: one per observation (steps + 1), or one per step."""
    unit: str = ""
    parts: tuple[str, ...] = ()
    """What the numbers of a row are called, if the files say."""


@dataclass(frozen=True, kw_only=True)
class Description:
    """What a source holds, known before any of its bulk is read."""

    format: str
    columns: tuple[SourceColumn, ...]
    lengths: tuple[int, ...]
    """Steps of each episode, after the time law: `observations[t] --actions[t]--> observations[t + 1]`."""
    fps: float | None = None
    """Observations per second, if the files say."""
    environment: Mapping[str, Any] | None = None
    """`{"name": ..., "args": {...}}` where the files name an environment that Telos can make."""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    """JSON worth keeping: names of tasks, licence, versions."""
    notes: tuple[str, ...] = ()
    """What was assumed, and what gets lost: a sentence each, shown before anything is copied, and once more at the end."""

    def column(self, name: str) -> SourceColumn:
        return next(column for column in self.columns if column.name == name)


class AbstractSource(ABC):
    """An open data set. May be read from several threads at once, different episodes in each."""

    description: Description
    in_order: bool = False
    """Whether going back is dear, as in a packed file: one thread then reads the episodes from the first to the last."""

    @abstractmethod
    def chunks(self, episode: int, names: Collection[str]) -> Iterator[Mapping[str, np.ndarray]]:
        """The columns `names` of an episode from its first row to its last, a bounded piece at a time (about `CHUNK_BYTES`).

        All pieces hold equally many rows of every column, but for the last, which has one row less of the columns that are
        counted per step. Values are as they were logged; nothing is shrunk, scaled or repaired. A piece that was handed over is not written
        into again.

        Raises:
            DataError: the episode is damaged; its file is named. The other episodes can still be read.
        """

    def close(self) -> None:  # noqa: B027 - most sources hold nothing open
        """Lets go of open files."""


class AbstractFormat(ABC):
    """Reads one layout of files. Values without fields: a format is its code."""

    name: ClassVar[str]
    """As typed after `--format`."""
    says: ClassVar[str]
    """A few words for lists: what it is, which versions."""

    @abstractmethod
    def recognises(self, path: Path) -> bool:
        """Whether a file or folder looks like this layout; cheap, and never raises for files that are something else."""

    @abstractmethod
    def open(self, path: Path) -> AbstractSource:
        """The data set at `path`.

        Raises:
            DataError: it is damaged, or of a version that cannot be read; names the file and what is wrong with it.
            MissingExtraError: the package that reads it is not installed.
        """
