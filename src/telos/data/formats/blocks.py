"""Keeps chunks that were just decoded: the episodes before and after share one, and threads read side by side."""

import threading
from collections import OrderedDict
from typing import Any

import numpy as np

from telos.data.formats.arrays import row_bytes

KEPT_BYTES = 1 << 26
"""64 MB an array."""
LEAST_KEPT = 2


class Blocks:
    """An array whose rows are decoded a chunk at a time, each chunk once if it is read from front to back."""

    def __init__(self, array: Any) -> None:
        self.array, self.shape, self.dtype, self.chunks = array, array.shape, np.dtype(array.dtype), array.chunks
        self.rows = max(1, int(array.chunks[0])) if array.shape else 1
        self.num_kept = max(LEAST_KEPT, KEPT_BYTES // max(1, self.rows * row_bytes(self)))
        self._kept: OrderedDict[int, np.ndarray] = OrderedDict()
        self._locks: dict[int, threading.Lock] = {}
        self._lock = threading.Lock()

    def __getitem__(self, rows: slice, /) -> np.ndarray:
        start, stop, _ = rows.indices(self.shape[0])
        if start >= stop:
            return np.zeros((0, *self.shape[1:]), self.dtype)
        pieces = []
        for block in range(start // self.rows, (stop - 1) // self.rows + 1):
            first = block * self.rows
            pieces.append(self._block(block)[max(0, start - first) : stop - first])
        return pieces[0] if len(pieces) == 1 else np.concatenate(pieces)

    def _block(self, number: int) -> np.ndarray:
        with self._lock:
            lock = self._locks.setdefault(number, threading.Lock())
        with lock:
            with self._lock:
                if number in self._kept:
                    self._kept.move_to_end(number)
                    return self._kept[number]
            block = np.asarray(self.array[number * self.rows : (number + 1) * self.rows])
            with self._lock:
                self._kept[number] = block
                while len(self._kept) > self.num_kept:
                    self._kept.popitem(last=False)
                self._locks.pop(number, None)
            return block
