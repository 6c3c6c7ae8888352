"""robomimic's HDF5: a group for each demonstration, observations by name in it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from telos.core.errors import DataError
from telos.data.formats import hdf5_files
from telos.data.formats.arrays import AbstractArraySource, Place, Rows, foreign, layout_of, len_of
from telos.data.formats.base import AbstractFormat, AbstractSource, Description, Role, SourceColumn

ROLES: Mapping[str, Role] = {"actions": "action", "states": "info"}
"""Of what lies beside the observations; anything else is extra."""


class Robomimic(AbstractFormat):
    """Source: robomimic's documentation, *Dataset structure* (v0.5)."""

    name = "robomimic"
    says = "robomimic HDF5: data/demo_0/{actions, obs/...}"

    def recognises(self, path: Path) -> bool:
        path = hdf5_files.single_file(path)
        if not hdf5_files.looks_like(path, "data"):
            return False
        try:
            with hdf5_files.open_file(path) as file, foreign(path):
                data = hdf5_files.child(file, "data", path)
                return hdf5_files.is_group(data) and any(name.startswith("demo") for name in data)
        except DataError:
            return False

    def open(self, path: Path) -> AbstractSource:
        return _Source(hdf5_files.single_file(path))


@dataclass(frozen=True)
class _Demo:
    """One demonstration: its arrays by column, and those of the observations that follow each step."""

    name: str
    arrays: dict[str, Rows] = field(default_factory=dict)
    following: dict[str, Rows] = field(default_factory=dict)


class _Source(AbstractArraySource):
    def __init__(self, path: Path) -> None:
        self.path, self.file = path, hdf5_files.open_file(path)
        try:
            self._read(path)
        except BaseException:
            self.close()
            raise

    def _read(self, path: Path) -> None:
        data = hdf5_files.child(self.file, "data", path)
        if not hdf5_files.is_group(data):
            raise DataError(f"{path} has no demonstrations.", expected="groups data/demo_0, data/demo_1, ...")
        self.demos = [_read_demo(name, group, path) for name, group in hdf5_files.children(data, path) if hdf5_files.is_group(group)]
        if not self.demos:
            raise DataError(f"{path} has no demonstrations.", expected="groups data/demo_0, data/demo_1, ...")
        first = self.demos[0]
        if "actions" not in first.arrays:
            raise DataError(f"{path} has no actions in '{first.name}'.", expected=f"data/{first.name}/actions")
        found = {name: layout_of(name, array, str(path)) for name, array in first.arrays.items()}
        self.layouts = {name: layout for name, layout in found.items() if layout is not None}
        observed = [name for name in self.layouts if name.startswith("obs/")]
        self.continued = bool(observed) and all(name in demo.following for demo in self.demos for name in observed)
        notes = [f"'{name}' holds no numbers and is left out." for name in found if name not in self.layouts]
        if not self.continued:
            notes.append("The last action of every demonstration leads to no observation and is left out (the file has no next_obs).")
        columns = tuple(self._column(name) for name in self.layouts)
        lengths = tuple(len_of(demo.arrays["actions"]) - (not self.continued) if "actions" in demo.arrays else 0 for demo in self.demos)
        if any(length < 0 for length in lengths):
            notes.append("Some demonstrations are empty.")
        metadata = {"demos": [demo.name for demo in self.demos], "env_args": _env_args(data, path), "filters": _filters(self.file, path)}
        metadata = {name: value for name, value in metadata.items() if value}
        self.description = Description(
            format=Robomimic.name, columns=columns, lengths=tuple(max(0, length) for length in lengths), metadata=metadata, notes=tuple(notes)
        )

    def _column(self, name: str) -> SourceColumn:
        role: Role = "observation" if name.startswith("obs/") else ROLES.get(name, "extra")
        per_step = name == "actions" or (self.continued and not name.startswith("obs/"))
        # With next_obs there is one observation more than true states.
        role = "extra" if role == "info" and per_step else role
        return SourceColumn(name=name, space=self.layouts[name].space, role=role, per="step" if per_step else "observation")

    def place(self, episode: int) -> Place:
        demo = self.demos[episode]
        for name, layout in self.layouts.items():
            found = layout_of(name, demo.arrays[name], str(self.path)) if name in demo.arrays else None
            if found is None or found.space.shape != layout.space.shape:
                raise DataError(f"{self.path}: '{demo.name}' has no column '{name}' like that of '{self.demos[0].name}'.")
        return Place(demo.arrays, 0, demo.following if self.continued else {})

    def close(self) -> None:
        self.file.close()


def _read_demo(name: str, group: Any, path: Path) -> _Demo:
    demo = _Demo(name)
    for key, value in hdf5_files.children(group, path):
        if hdf5_files.is_dataset(value):
            demo.arrays[key] = hdf5_files.rows_of(value, path)
        elif key in ("obs", "next_obs") and hdf5_files.is_group(value):
            for part, array in hdf5_files.children(value, path):
                if hdf5_files.is_dataset(array):
                    (demo.arrays if key == "obs" else demo.following)[f"obs/{part}"] = hdf5_files.rows_of(array, path)
    return demo


def _env_args(data: Any, path: Path) -> Any:
    text = hdf5_files.attribute(data, "env_args", path)
    try:
        return json.loads(text, parse_constant=str) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        return None


def _filters(file: Any, path: Path) -> list[str]:
    mask = hdf5_files.child(file, "mask", path) if hdf5_files.has(file, "mask", path) else None
    return [name for name, _ in hdf5_files.children(mask, path)] if hdf5_files.is_group(mask) else []
