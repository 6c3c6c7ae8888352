"""Where episodes end that lie one after the other, by what stands beside them."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from telos.core.errors import DataError
from telos.data.formats.arrays import Rows, len_of
from telos.data.formats.flat import check_ends
from telos.data.formats.npz_files import whole
from telos.data.formats.ogbench import ends_of_flags

ENDS = ("episode_ends", "ends")
LENGTHS = ("episode_lengths", "lengths", "ep_len", "episode_length")
NUMBERS = ("episode_index", "episode_indices", "episode_ids", "episode_id", "ep_idx", "episode", "episodes")
FLAGS = ("dones", "done", "terminals", "terminal", "terminated", "terminations", "timeouts", "truncated", "truncations", "is_last")
"""By what names the end of an episode is told; the flags of one file count together."""


def find_ends(arrays: Mapping[str, Rows], path: Path) -> tuple[np.ndarray, list[str]]:
    """The row after the last of each episode, and the arrays that told; without any, all rows are one episode.

    Raises:
        DataError: what tells them apart cannot be.
    """
    named = {name.rpartition("/")[2].lower(): name for name in reversed(list(arrays))}

    def read(name: str) -> np.ndarray:
        return whole(arrays[name], f"{path}: '{name}'")

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
