"""What an export does, and everything that exports share: a new folder, all of it or nothing."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from telos.core.folders import new_folder
from telos.data.base import AbstractEpisodes
from telos.data.importing import plan_import
from telos.data.manifest import INFO, leaf_spaces
from telos.data.store import Episodes

Tell = Callable[[int, int], None]
"""`(episodes done, episodes in all)`."""


@dataclass(frozen=True)
class Exported:
    """Where the data set lies, and what it does not hold any more."""

    path: Path
    losses: tuple[str, ...]
    """A sentence each; what is not named here comes back from `telos data import` as it was, by the same name."""


@dataclass(frozen=True, kw_only=True)
class AbstractExport(ABC):
    """Writes one layout of files."""

    name: ClassVar[str]
    """As typed after `--to`."""
    says: ClassVar[str]
    """A few words for lists."""

    @abstractmethod
    def losses(self, store: Episodes) -> Iterator[str]:
        """What the layout cannot carry of this store, a sentence each."""

    @abstractmethod
    def names(self, store: Episodes) -> Mapping[str, str]:
        """What an import of the files calls each column."""

    @abstractmethod
    def write(self, store: Episodes, folder: Path, tell: Tell) -> None:
        """Writes everything into the empty `folder`.

        Raises:
            DataError: the store holds something that the layout has no place for at all.
            MissingExtraError: the package that writes it is not installed.
        """


def export_logs(store: Episodes, out: Path | str, export: AbstractExport, progress: Tell = lambda done, total: None) -> Exported:
    """Writes a store in somebody else's layout; `out` appears when it is whole, and not before.

    Raises:
        DataError: `out` is taken, the disk refuses, the store is damaged, or the layout has no place for what it holds.
        MissingExtraError: the package that writes it is not installed.
    """
    out = Path(out)
    with new_folder(out) as folder:
        losses = tuple(export.losses(store))
        export.write(store, folder, progress)
        losses = (*losses, *changes(store, folder, export.names(store)))
    return Exported(out, losses)


def changes(store: Episodes, folder: Path, names: Mapping[str, str]) -> Iterator[str]:
    """What an import without options would make of the columns, as its own plan tells it."""
    plan = plan_import(folder)
    taken = {column.source.name: column for column in plan.columns}
    for column in store.manifest.columns:
        found = taken.get(names[column.name])
        if found is None:
            yield f"{column.name}: an import leaves it out."
            continue
        if found.target != column.name:
            yield f"{column.name} comes back as {found.target}."
        if found.space.shape != column.shape:
            yield f"The shape of {column.name}: rows {list(column.shape)} come back as {list(found.space.shape)}."
    if plan.learns_bounds:
        yield "Bounds of actions: an import takes the least and the greatest that were logged."


def observation_columns(store: AbstractEpisodes) -> dict[str, str]:
    """Column by the name of the part of the observation; a lone observation has the name ''."""
    leaves = [name for name in leaf_spaces(store.spaces) if name != "action"]
    return {name.removeprefix("observation").removeprefix("/"): name for name in leaves}


def other_columns(store: AbstractEpisodes) -> tuple[str, ...]:
    """Columns that are neither seen nor done."""
    leaves = leaf_spaces(store.spaces)
    return tuple(name for name in store.column_names if name not in leaves)


def is_info(name: str) -> bool:
    """Whether the column holds a part of the true state."""
    return name.startswith(INFO)


def what_stores_know_alone(store: Episodes) -> Iterator[str]:
    """What no other layout has a place for."""
    units = [column.name for column in store.manifest.columns if column.unit]
    if units:
        yield f"Units of {', '.join(units)}."
    kept = {"what chose the actions": store.behaviour, "the seed": store.seed, "notes in the metadata": store.metadata or None}
    if told := [what for what, value in kept.items() if value is not None]:
        yield f"About the logs: {', '.join(told)}."


def actions_of(store: AbstractEpisodes, episode: int) -> np.ndarray:
    """`[time action]`, without the padding."""
    return store.column("action", episode)[:-1]
