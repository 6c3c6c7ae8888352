"""OGBench's npz: flat arrays, and a flag on the last row of each trajectory."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from telos.core.errors import DataError
from telos.core.spaces import AbstractSpace
from telos.data.formats import npz_files
from telos.data.formats.arrays import foreign, len_of
from telos.data.formats.base import AbstractFormat, AbstractSource, Role
from telos.data.formats.flat import FlatSource, check_ends

MARKS = ("observations", "actions", "terminals")


class OGBench(AbstractFormat):
    """Row `t` holds the observation and the action that is taken in it; the true state (qpos, qvel, ...) may lie beside them.

    Source: OGBench's `ogbench/utils.py` (2024), `load_dataset`.
    """

    name = "ogbench"
    says = "OGBench npz: observations, actions, terminals"

    def recognises(self, path: Path) -> bool:
        names = npz_files.names_of(path) if npz_files.is_npz(path) else ()
        # Rewards or next observations beside them are of other collections.
        return set(MARKS) <= set(names) and not any(name.startswith(("next_", "reward", "timeout")) for name in names)

    def open(self, path: Path) -> AbstractSource:
        arrays, notes = npz_files.open_arrays(path)
        missing = [name for name in MARKS if name not in arrays]
        if missing:
            raise DataError(f"{path} has no {' and no '.join(missing)}.", expected=", ".join(MARKS))
        with foreign(path, "at 'terminals'"):
            ends = ends_of_flags(npz_files.whole(arrays.pop("terminals"), f"{path}: 'terminals'"))
        num_rows = max(map(len_of, arrays.values()))
        source = FlatSource(
            path,
            arrays,
            check_ends(ends, num_rows, f"{path}: 'terminals'"),
            format=self.name,
            roles=_roles,
            metadata={"dataset": path.stem},
            notes=notes,
        )
        source.in_order = any(map(npz_files.is_packed, arrays.values()))
        return source


def ends_of_flags(flags: np.ndarray) -> np.ndarray:
    """The row after each flag that is set, and the end of the rows if the last one has none."""
    ends = np.flatnonzero(np.asarray(flags).reshape(len(flags), -1).any(axis=1)) + 1
    return ends if len(ends) and ends[-1] == len(flags) else np.append(ends, len(flags))


def _roles(spaces: Mapping[str, AbstractSpace]) -> Mapping[str, Role]:
    known: dict[str, Role] = {"observations": "observation", "actions": "action"}
    return {name: known.get(name, "info") for name in spaces}
