"""The growing files of a store: rows are appended, checksummed on the way, and taken back when an episode is refused."""

import contextlib
import os
import re
from collections import deque
from collections.abc import Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from telos.core.errors import DataError
from telos.data.checksum import Checksum
from telos.data.manifest import Column

CHECK_APART = 1 << 16
"""Bytes from which on a checksum is computed beside the writing, on another core."""
MOST_BEHIND = 1 << 26
"""Bytes that may wait for their checksum: 64 MB."""
CHECK_BLOCK = 1 << 20
SENT_BYTES = 1 << 24
"""Written bytes after which the disk is set to work, so that the last flush does not wait for everything: 16 MB."""


class RunningChecksum:
    """The checksum of all that goes by, on a thread of its own where there is much."""

    def __init__(self, aside: ThreadPoolExecutor) -> None:
        self._aside = aside
        self._last: Future[Any] | None = None
        self._hash = Checksum()

    def update(self, content: memoryview) -> "Future[None] | None":
        """Takes more in, now or later; what is to be waited for before the content may change."""
        if len(content) < CHECK_APART and self._idle:
            self._hash.update(content)
            return None
        behind: Future[None] = self._aside.submit(self._hash.update, content)
        self._last = behind
        return behind

    def mark(self) -> "Future[Checksum]":
        """The state that the checksum has now, as soon as it has caught up."""
        if not self._idle:
            state: Future[Checksum] = self._aside.submit(self._hash.copy)
            self._last = state
            return state
        done: Future[Checksum] = Future()
        done.set_result(self._hash.copy())
        return done

    def rewind(self, state: "Future[Checksum]") -> None:
        """Goes back to a state that `mark` gave."""
        self.settle()
        self._hash = state.result().copy()

    def settle(self) -> None:
        """Waits until everything is taken in."""
        if self._last is not None:
            self._last.result()

    def hexdigest(self) -> str:
        self.settle()
        return self._hash.hexdigest()

    @property
    def _idle(self) -> bool:
        return self._last is None or self._last.done()


@dataclass(frozen=True)
class Mark:
    """Where a column ended at some moment."""

    size: int
    """Bytes."""
    state: "Future[Checksum]"
    """Of its checksum."""


class ColumnFile:
    """One growing column and its checksum."""

    def __init__(self, folder: Path, index: int, name: str, dtype: np.dtype, shape: tuple[int, ...], unit: str, aside: ThreadPoolExecutor) -> None:
        self.name, self.unit = name, unit
        self.dtype, self.shape = dtype.newbyteorder("<"), tuple(shape)
        self.file = f"{index:02d}-{re.sub(r'[^A-Za-z0-9_]+', '-', name)}.bin"
        self.checksum, self.size, self.sent = RunningChecksum(aside), 0, 0
        self.path = folder / self.file
        self.stream: BinaryIO = self.path.open("r+b" if self.path.exists() else "wb")

    def check(self, rows: np.ndarray, what: str) -> None:
        """Raises DataError for rows of another shape or dtype."""
        if (rows.shape[1:], rows.dtype) != (self.shape, self.dtype):
            raise DataError(
                f"{what}: the column '{self.name}' has rows {list(rows.shape[1:])} of {rows.dtype}.",
                expected=f"rows {list(self.shape)} of {self.dtype}, as in the first episode",
            )

    def write(self, rows: np.ndarray) -> tuple["Future[None] | None", int]:
        """Appends rows. Gives what is to be waited for before these may change, and how many bytes they are."""
        content = np.ascontiguousarray(rows, dtype=self.dtype).reshape(-1).view(np.uint8).data
        behind = self.checksum.update(content)
        self.stream.write(content)
        self.size += len(content)
        if self.size - self.sent >= SENT_BYTES and hasattr(os, "posix_fadvise"):
            # Of pages that were just written, this advice starts the writing and forgets none.
            os.posix_fadvise(self.stream.fileno(), self.sent, self.size - self.sent, os.POSIX_FADV_DONTNEED)
            self.sent = self.size
        return behind, len(content)

    def mark(self) -> Mark:
        return Mark(self.size, self.checksum.mark())

    def rewind(self, mark: Mark) -> None:
        """Takes back what was written since."""
        self.stream.flush()
        self.stream.truncate(mark.size)
        self.stream.seek(mark.size)
        self.size, self.sent = mark.size, min(mark.size, self.sent)
        self.checksum.rewind(mark.state)

    def restore(self, size: int, checksum: str) -> bool:
        """Goes on after the first `size` bytes of the file; False if these are not the ones with that checksum."""
        with self.path.open("rb") as stream:
            while self.size < size and (block := stream.read(min(CHECK_BLOCK, size - self.size))):
                self.checksum.update(memoryview(block))
                self.size += len(block)
        if self.size != size or self.checksum.hexdigest() != checksum:
            return False
        self.rewind(self.mark())
        return True

    def finish(self) -> Column:
        self.stream.flush()
        os.fsync(self.stream.fileno())
        self.stream.close()
        return Column(self.name, self.file, self.dtype.str, self.shape, self.unit, self.checksum.hexdigest())

    def discard(self) -> None:
        # Closing flushes once more; on a full disk that fails again, and the file is on its way out anyhow.
        with contextlib.suppress(OSError):
            self.stream.close()


class ColumnFiles:
    """All columns of a store; they come into being with the first rows, in the order of their names."""

    def __init__(self, folder: Path, units: Mapping[str, str]) -> None:
        self.folder, self.units = folder, units
        self.columns: dict[str, ColumnFile] = {}
        self._aside = ThreadPoolExecutor(1, thread_name_prefix="checksum")
        self._behind: deque[tuple[Future[None], int]] = deque()

    def check(self, rows: Mapping[str, np.ndarray], what: str) -> None:
        """Raises DataError for rows that differ from those before in their columns, shapes or dtypes."""
        if self.columns and set(rows) != set(self.columns):
            raise DataError(f"{what} has the columns {sorted(rows)}.", expected=f"{sorted(self.columns)}, as in the first episode")
        for name, column in self.columns.items():
            column.check(rows[name], what)

    def append(self, rows: Mapping[str, np.ndarray]) -> None:
        """Appends rows that were checked, and must not change before `settle`. Raises OSError where the disk refuses."""
        if not self.columns:
            self.create((name, rows[name].dtype, rows[name].shape[1:]) for name in sorted(rows))
        for name, column in self.columns.items():
            behind, size = column.write(rows[name])
            if behind is not None:
                self._behind.append((behind, size))
        self._wait(MOST_BEHIND)

    def settle(self) -> None:
        """Waits until the checksums have caught up."""
        self._wait(0)

    def _wait(self, most: int) -> None:
        while self._behind and (self._behind[0][0].done() or sum(size for _, size in self._behind) > most):
            self._behind.popleft()[0].result()

    def create(self, columns: Iterable[tuple[str, np.dtype, tuple[int, ...]]]) -> None:
        """Opens the files of columns of such names, dtypes and rows."""
        for index, (name, dtype, shape) in enumerate(columns):
            self.columns[name] = ColumnFile(self.folder, index, name, dtype, shape, self.units.get(name, ""), self._aside)

    def mark(self) -> dict[str, Mark]:
        return {name: column.mark() for name, column in self.columns.items()}

    def rewind(self, marks: Mapping[str, Mark]) -> None:
        """Takes back what was written since `mark` gave these; without any, the columns are forgotten."""
        if marks:
            for name, column in self.columns.items():
                column.rewind(marks[name])
            return
        for column in self.columns.values():
            column.discard()
            column.path.unlink(missing_ok=True)
        self.columns.clear()

    def flush(self) -> None:
        for column in self.columns.values():
            column.stream.flush()

    def finish(self) -> tuple[Column, ...]:
        """Flushes everything to disk."""
        self.settle()
        columns = tuple(column.finish() for column in self.columns.values())
        self._aside.shutdown()
        return columns

    def discard(self) -> None:
        """Lets go of the files; what is in them does not count."""
        self._aside.shutdown()
        for column in self.columns.values():
            column.discard()
