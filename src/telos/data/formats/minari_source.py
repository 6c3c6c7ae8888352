"""Episodes of Minari's data sets, wherever they are stored."""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from telos.core.errors import DataError
from telos.core.spaces import PixelSpace
from telos.data.formats.arrays import AbstractArraySource, Layout, Place, Rows, layout_of, len_of
from telos.data.formats.base import Description, Role, SourceColumn
from telos.data.formats.encoded_pictures import decode_pictures
from telos.data.formats.json_files import as_object, read_object
from telos.data.formats.minari_spaces import read_space
from telos.data.formats.minari_storages import open_storage

METADATA = "metadata.json"
STEPS = ("rewards", "terminations", "truncations")
SPACES = {"observations": "observation_space", "actions": "action_space"}
ROLES: Mapping[str, Role] = {"observations": "observation", "actions": "action"}
KEPT = ("dataset_id", "minari_version", "algorithm_name", "author", "author_email", "code_permalink", "description")
"""Of the metadata, where they are there."""
ENVIRONMENT = re.compile(r"([A-Za-z0-9_.-]+/)*[A-Za-z0-9_.-]+-v[0-9]+")
"""Ids without a module, since Gymnasium imports what stands before a colon."""
NOT_ARGS = ("render_mode",)


class MinariSource(AbstractArraySource):
    """Episodes of the data set whose `metadata.json` lies in `folder`."""

    def __init__(self, folder: Path, name: str) -> None:
        self.path, file = folder, folder / METADATA
        self.metadata = read_object(file)
        self.packs = self.metadata.get("jpeg_encoding") is not False
        self.leaves = {
            leaf.name(root): (root, leaf) for root, key in SPACES.items() for leaf in read_space(self.metadata.get(key), f"{file}: '{key}'")
        }
        self.storage = open_storage(folder, self.metadata.get("data_format"))
        try:
            self._describe(name)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        self.storage.close()

    def _describe(self, name: str) -> None:
        self.damaged: dict[int, DataError] = {}
        self.infos: dict[str, tuple[str, ...]] = {}
        self.seeds: list[Any] = []
        lengths = tuple(self._length(episode) for episode in range(len(self.storage.names)))
        layouts = {name: Layout(leaf.space, leaf.channels_first) for name, (_, leaf) in self.leaves.items() if leaf.space is not None}
        columns = [
            SourceColumn(name=name, space=layout.space, role=ROLES[root], per="step" if root == "actions" else "observation")
            for name, layout in layouts.items()
            for root in (self.leaves[name][0],)
        ]
        notes = [f"'{name}' holds no numbers and is left out." for name in self.leaves if name not in layouts]
        for column, layout in self._others(lengths, notes):
            columns.append(column)
            layouts[column.name] = layout
        self.layouts = layouts
        self.description = Description(
            format=name,
            columns=tuple(columns),
            lengths=lengths,
            environment=_environment(self.metadata.get("env_spec")),
            metadata=self._about(),
            notes=(*self._notes(), *notes),
        )

    def _length(self, episode: int) -> int:
        try:
            about = self.storage.about(episode)
        except DataError as error:
            self.damaged[episode] = error
            self.seeds.append(None)
            return 0
        self.seeds.append(about["seed"] if type(about["seed"]) is int else None)
        return about["total_steps"]

    def _others(self, lengths: Sequence[int], notes: list[str]) -> list[tuple[SourceColumn, Layout]]:
        """The columns beside observations and actions, as the first episode that can be read has them."""
        for episode, num in enumerate(lengths):
            if episode not in self.damaged:
                try:
                    return [*self._step_columns(episode, num), *self._info_columns(episode, num, notes)]
                except DataError as error:
                    self.damaged[episode] = error
        raise next(iter(self.damaged.values()), DataError(f"{self.path} has no episodes.", expected="at least one"))

    def _step_columns(self, first: int, num: int) -> Iterator[tuple[SourceColumn, Layout]]:
        for name in STEPS:
            array = self.storage.array(first, name, (), None)
            layout = layout_of(name, array, str(self.path)) if array is not None and len_of(array) >= num else None
            if layout is not None:
                yield SourceColumn(name=name, space=layout.space, role="extra", per="step"), layout

    def _info_columns(self, first: int, num: int, notes: list[str]) -> Iterator[tuple[SourceColumn, Layout]]:
        """What `infos` hold in the first episode; what has a row for each step only is no true state of the observations."""
        for path in self.storage.infos(first):
            name = "/".join(("infos", *path))
            array = self.storage.array(first, "infos", path, None)
            layout = layout_of(name, array, str(self.path)) if array is not None else None
            if layout is None or len_of(array) not in (num, num + 1):
                notes.append(f"'{name}' has no row of numbers for each observation and is left out.")
                continue
            self.infos[name] = path
            observed = len_of(array) == num + 1
            role, per = ("info", "observation") if observed else ("extra", "step")
            yield SourceColumn(name=name, space=layout.space, role=role, per=per), layout

    def _notes(self) -> Iterator[str]:
        packed = [name for name, (_, leaf) in self.leaves.items() if self.packs and leaf.packed_if_asked]
        if packed:
            yield f"{', '.join(map(repr, packed))}: pictures were packed as JPEG, which loses some of what was seen."
        for name, (root, leaf) in self.leaves.items():
            if root == "actions" and leaf.start:
                yield f"'{name}' counts its choices from {leaf.start}; here they are counted from 0."
        total = self.metadata.get("total_episodes")
        if type(total) is int and total != len(self.storage.names):
            yield f"{METADATA} speaks of {total:,} episodes, {len(self.storage.names):,} are there."

    def _about(self) -> dict[str, Any]:
        about = {key: self.metadata[key] for key in KEPT if self.metadata.get(key)}
        return {**about, **({"seeds": self.seeds} if any(seed is not None for seed in self.seeds) else {})}

    def place(self, episode: int) -> Place:
        if episode in self.damaged:
            raise self.damaged[episode]
        num = self.description.lengths[episode]
        return Place({column.name: self._rows(episode, column, num) for column in self.description.columns})

    def _rows(self, episode: int, column: SourceColumn, num: int) -> Rows:
        """An array of an episode. Raises DataError for one that is missing, too short, or of another shape."""
        name, what = column.name, f"{self.path}: '{column.name}' of {self.storage.names[episode]}"
        root, leaf = self.leaves.get(name, (None, None))
        if leaf is None:
            array = self.storage.array(episode, *(("infos", self.infos[name]) if name in self.infos else (name, ())), None)
        else:
            array = self.storage.array(episode, str(root), leaf.path, leaf.shape)
        wanted = num + (column.per == "observation")
        if array is None or len_of(array) < wanted:
            raise DataError(f"{what} is {'missing' if array is None else f'cut after {len_of(array)} rows'}.", expected=f"{wanted} rows")
        if leaf is not None and self.packs and leaf.packed_if_asked:
            assert isinstance(column.space, PixelSpace)
            return PackedPictures(array, column.space, what)
        if np.dtype(array.dtype).kind not in "biuf" or math.prod(array.shape[1:]) != math.prod(column.space.shape):
            raise DataError(f"{what} holds {array.dtype} {list(array.shape[1:])}.", expected=f"numbers {list(column.space.shape)}")
        return Shifted(array, leaf.start) if leaf is not None and leaf.start and column.role == "action" else array


class PackedPictures:
    """Pictures that are stored as JPEG, read by rows."""

    def __init__(self, array: Any, space: PixelSpace, what: str) -> None:
        self.array, self.space, self.what = array, space, what
        self.shape, self.dtype = (len_of(array), *space.shape), np.dtype(np.uint8)

    def __getitem__(self, rows: slice, /) -> np.ndarray:
        return decode_pictures([bytes(content) for content in self.array[rows]], self.space, self.what)


class Shifted:
    """Choices that are not counted from 0, read by rows."""

    def __init__(self, array: Any, start: int) -> None:
        self.array, self.start, self.shape, self.dtype = array, start, array.shape, np.dtype(np.int64)

    def __getitem__(self, rows: slice, /) -> np.ndarray:
        return np.asarray(self.array[rows]).astype(np.int64) - self.start


def _environment(text: Any) -> Mapping[str, Any] | None:
    """What Telos can make: an id of Gymnasium's without wrappers, and plain arguments."""
    try:
        spec = as_object(text, "env_spec") if isinstance(text, str) else {}
    except DataError:
        return None
    name, kwargs = spec.get("id"), spec.get("kwargs", {})
    if (
        not isinstance(name, str)
        or len(name) > 200
        or not ENVIRONMENT.fullmatch(name)
        or spec.get("additional_wrappers")
        or not isinstance(kwargs, dict)
    ):
        return None
    return {"name": f"gym:{name}", "args": {key: value for key, value in kwargs.items() if key not in NOT_ARGS}}
