"""The hidden folder in which an import grows, and its journal: what a killed import goes on from."""

import contextlib
import json
import os
import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np

from telos.core.errors import DataError
from telos.data.columns import ColumnFiles
from telos.data.importing.outcome import Outcome
from telos.data.manifest import Manifest
from telos.data.writer import publish

COMMIT_SECONDS = 1.0
"""As much work as a kill can cost, beside the episode that is under way."""
FILE, ROWS = "journal.jsonl", "store"


class Journal:
    """Whole episodes only: each line of the journal says which were done, and how long and with what checksums the columns were then.

    Args:
        out: Where the store shall be.
        about: JSON that describes source and settings; an import of other ones is not gone on with.
        units: Of the columns.

    Raises:
        DataError: another process is at it, or an unfinished import of something else is there.
        OSError: the disk refuses.
    """

    def __init__(self, out: Path, about: Mapping[str, Any], units: Mapping[str, str]) -> None:
        self.out, self.folder = out, folder_of(out)
        self.outcomes: list[Outcome] = []
        self.remark = ""
        """What became of an earlier attempt."""
        self._pending: list[Outcome] = []
        self._committed = time.monotonic()
        (self.folder / ROWS).mkdir(parents=True, exist_ok=True)
        self.columns = ColumnFiles(self.folder / ROWS, units)
        self._stream = (self.folder / FILE).open("a+b")
        try:
            _lock(self._stream, out)
            self._resume(about)
        except BaseException:
            self.close()
            raise

    @property
    def num_done(self) -> int:
        return len(self.outcomes) + len(self._pending)

    def done(self, outcome: Outcome) -> None:
        """An episode of the source is finished: its rows are appended, or it was left out."""
        self._pending.append(outcome)
        if time.monotonic() - self._committed >= COMMIT_SECONDS:
            self.commit()

    def commit(self) -> None:
        """Saves what was done. Raises OSError where the disk refuses."""
        if self._pending:
            self.columns.flush()
            columns = [[c.name, c.dtype.str, list(c.shape), c.size, c.checksum.hexdigest()] for c in self.columns.columns.values()]
            self._write({"outcomes": [outcome.to_json() for outcome in self._pending], "columns": columns})
            self.outcomes += self._pending
            self._pending = []
        self._committed = time.monotonic()

    def publish(self, manifest: Manifest) -> None:
        """Puts the store in its place. Raises OSError where the disk refuses."""
        publish(self.folder / ROWS, self.out, manifest)
        self.discard()

    def close(self) -> None:
        """Leaves everything as it is, for another attempt."""
        self.columns.discard()
        with contextlib.suppress(OSError):
            self._stream.close()

    def discard(self) -> None:
        """Throws everything away."""
        self.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _resume(self, about: Mapping[str, Any]) -> None:
        lines = _whole_lines(self._stream)
        if lines and lines[0] != {"about": _plain(about)}:
            raise DataError(
                f"An unfinished import to {self.out} is waiting to be gone on with, and {_difference(lines[0], about)}.",
                fix=f"repeat the earlier command, or remove {self.folder} to start afresh",
            )
        if lines and self._restore(lines[1:]):
            return
        if len(lines) > 1:
            self.remark = "What an earlier attempt had copied was damaged; this one started afresh."
        self._start_afresh(about)

    def _restore(self, lines: Sequence[Any]) -> bool:
        """Whether the files are as the last line says; they are cut to it."""
        if not lines:
            return False
        try:
            self.outcomes = [Outcome.from_json(data) for line in lines for data in line["outcomes"]]
            columns = [(name, np.dtype(dtype), tuple(shape)) for name, dtype, shape, _, _ in lines[-1]["columns"]]
            sizes = {name: (size, checksum) for name, _, _, size, checksum in lines[-1]["columns"]}
        except (KeyError, TypeError, ValueError):
            return False
        self.columns.create(columns)
        return all(column.restore(*sizes[name]) for name, column in self.columns.columns.items())

    def _start_afresh(self, about: Mapping[str, Any]) -> None:
        self.outcomes = []
        self.columns.rewind({})
        for file in (self.folder / ROWS).iterdir():
            file.unlink()
        self._stream.truncate(0)
        self._write({"about": about})

    def _write(self, line: Mapping[str, Any]) -> None:
        self._stream.write(json.dumps(line).encode() + b"\n")
        self._stream.flush()


def folder_of(out: Path) -> Path:
    """Where an import to `out` grows."""
    return out.with_name(f".{out.name}.import")


def _whole_lines(stream: IO[bytes]) -> list[Any]:
    """All lines that were written to their end; whatever comes after them is cut off."""
    stream.seek(0)
    lines, size = [], 0
    for line in stream:
        try:
            lines.append(json.loads(line) if line.endswith(b"\n") else _torn())
        except ValueError:
            break
        size += len(line)
    stream.truncate(size)
    stream.seek(size)
    return lines


def _torn() -> Any:
    raise ValueError("a line without an end")


def _plain(about: Mapping[str, Any]) -> Any:
    return json.loads(json.dumps(about))


def _difference(line: Any, about: Mapping[str, Any]) -> str:
    before = line.get("about", {}) if isinstance(line, dict) else {}
    keys = [key for key, value in _plain(about).items() if not isinstance(before, dict) or before.get(key) != value]
    return f"the {' and the '.join(keys)} differ from this one's"


def _lock(stream: IO[bytes], out: Path) -> None:
    if os.name != "posix":
        return
    import fcntl

    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise DataError(f"Another process is importing to {out}.", fix="wait for it, or choose another --out") from error
