"""stable-worldmodel's HDF5: flat columns, and where each episode begins."""

from pathlib import Path

import numpy as np

from telos.core.errors import DataError
from telos.data.formats import hdf5_files
from telos.data.formats.arrays import foreign, len_of
from telos.data.formats.base import AbstractFormat, AbstractSource
from telos.data.formats.flat import FlatSource, check_ends
from telos.data.formats.roles import guess_roles

INDICES = ("ep_len", "ep_offset", "ep_idx", "step_idx")
"""What says where episodes lie; no columns of theirs."""


class StableWorldModel(AbstractFormat):
    """Row `t` holds the observation and the action that is taken in it; the action of an episode's last row is NaN.

    Source: stable-worldmodel's `data/formats/hdf5.py` (2026).
    """

    name = "stable-worldmodel"
    says = "stable-worldmodel HDF5: flat columns with ep_len and ep_offset"

    def recognises(self, path: Path) -> bool:
        return hdf5_files.looks_like(path, "ep_len", "ep_offset")

    def open(self, path: Path) -> AbstractSource:
        path = hdf5_files.single_file(path)
        file = hdf5_files.open_file(path)
        try:
            found = dict(hdf5_files.children(file, path))
            sets = {name: value for name, value in found.items() if hdf5_files.is_dataset(value) and name not in INDICES}
            arrays = {name: hdf5_files.rows_of(value, path, shared=True) for name, value in sets.items()}
            groups = [f"The group '{name}' is left out." for name, value in found.items() if not hdf5_files.is_dataset(value)]
            if not arrays or not all(hdf5_files.is_dataset(found.get(name)) for name in INDICES[:2]):
                raise DataError(f"{path} has no columns.", expected="ep_len, ep_offset, action and observations at its root")
            ends = _ends(found["ep_len"], found["ep_offset"], max(map(len_of, arrays.values())), path)
            return FlatSource(path, arrays, ends, format=self.name, roles=guess_roles, notes=groups, close=file.close)
        except BaseException:
            file.close()
            raise


def _ends(lengths, offsets, num_rows: int, path: Path) -> np.ndarray:
    with foreign(path, "at 'ep_len'"):
        lengths, offsets = np.asarray(lengths[:]), np.asarray(offsets[:])
    if lengths.ndim != 1 or lengths.dtype.kind not in "iu" or (lengths.astype(np.int64) < 0).any() or (lengths.astype(np.int64) > num_rows).any():
        raise DataError(f"{path}: 'ep_len' holds impossible lengths.", expected=f"one whole number an episode, up to {num_rows}")
    ends = check_ends(np.cumsum(lengths.astype(np.int64)), num_rows, f"{path}: 'ep_len'")
    if not np.array_equal(offsets, ends - lengths):
        raise DataError(f"{path}: 'ep_offset' does not fit 'ep_len'.", expected="episodes that lie one after the other")
    return ends
