"""A run is a folder: what was trained, on what, and everything that came of it. Every later verb takes it as its noun."""

import hashlib
import json
import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from telos.core.errors import RunError, RunVersionError

FORMAT_VERSION = 1
"""Raised whenever the folder's layout changes; older folders are migrated when they are read."""
DESCRIPTION = "run.json"
CHECKSUM = "checksum"
RESTORE = "restore the file, or train again"


def plain(value: Any) -> Any:
    """`value` as JSON can carry it: what is no number (NaN, infinity) becomes null, tuples become lists."""
    if isinstance(value, Mapping):
        return {str(key): plain(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


@dataclass(frozen=True)
class Run:
    """One run folder.

    `run.json` says what the run is (recipe, spaces, seed, data), `metrics.jsonl` how training went, `checkpoint.pt` where to
    go on, `model.safetensors` holds the trained weights; evaluations and the report lie beside them.
    """

    path: Path

    @classmethod
    def create(cls, path: Path, description: Mapping[str, Any]) -> "Run":
        """A new folder with its description.

        Raises:
            RunError: something is there already, or the folder cannot be written.
        """
        path = Path(path)
        if path.exists() and not path.is_dir():
            raise RunError(f"{path} is a file.", expected="a folder for the run", fix="choose another --out")
        run = cls(path)
        try:
            path.mkdir(parents=True, exist_ok=True)
            # A process that was killed before it had a description left nothing but a half-written one.
            if any(file not in run.leftovers() for file in path.iterdir()):
                raise RunError(f"{path} exists already and is not empty.", fix="choose another --out, or remove it")
            run.sweep()
            content = plain({"format": FORMAT_VERSION, **description})
            run.write_json(DESCRIPTION, {**content, CHECKSUM: checksum_of(content)})
        except OSError as error:
            raise RunError(f"The run folder {path} cannot be written: {error.strerror or error}.", fix="choose another --out") from error
        return run

    @classmethod
    def open(cls, path: Path) -> "Run":
        """An existing folder.

        Raises:
            RunError: there is no run, or its description is damaged.
            RunVersionError: a newer Telos wrote it.
        """
        run = cls(Path(path))
        if not (run.path / DESCRIPTION).is_file():
            raise RunError(f"There is no run at {path}: it has no {DESCRIPTION}.", fix="telos train DATA --out RUN makes one")
        _ = run.description
        return run

    @property
    def description(self) -> dict[str, Any]:
        """The contents of run.json. Raises what `open` raises."""
        content = self.read_json(DESCRIPTION)
        version = content.get("format")
        if not isinstance(version, int) or isinstance(version, bool):
            raise RunError(f"{self.path / DESCRIPTION} does not say which format it has.", fix=RESTORE)
        if version > FORMAT_VERSION:
            raise RunVersionError(
                f"The run {self.path} has format {version}, written by a newer Telos.",
                expected=f"format {FORMAT_VERSION} or older",
                fix="pip install -U telos-jepa",
            )
        if content.pop(CHECKSUM, None) != checksum_of(content):
            raise RunError(f"{self.path / DESCRIPTION} is damaged: it was altered after it had been written.", fix=RESTORE)
        return content

    @property
    def weights_file(self) -> Path:
        return self.path / "model.safetensors"

    @property
    def checkpoint_file(self) -> Path:
        return self.path / "checkpoint.pt"

    @property
    def metrics_file(self) -> Path:
        return self.path / "metrics.jsonl"

    @property
    def finished(self) -> bool:
        """Whether training came to its end."""
        return self.weights_file.is_file()

    def read_json(self, name: str) -> dict[str, Any]:
        """A JSON object from the folder. Raises RunError if it is missing or damaged."""
        file = self.path / name
        try:
            content = json.loads(file.read_text(encoding="utf-8"))
        except OSError as error:
            raise RunError(f"{file} cannot be read: {error.strerror or error}.", fix=RESTORE) from error
        except (ValueError, RecursionError) as error:
            raise RunError(f"{file} is damaged: it is not valid JSON.", fix=RESTORE) from error
        if not isinstance(content, dict):
            raise RunError(f"{file} is damaged: it does not hold a JSON object.", fix=RESTORE)
        return content

    def write_json(self, name: str, content: Mapping[str, Any]) -> Path:
        """Writes a JSON object, all of it or nothing; what is no number becomes null."""
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        with atomic_file(file) as temporary:
            temporary.write_text(json.dumps(plain(content), indent=2, allow_nan=False) + "\n", encoding="utf-8")
        return file

    def metrics(self) -> list[dict[str, Any]]:
        """All whole lines of the metrics, oldest first; one that a crash cut off, or that was damaged, is left out."""
        return list(metric_lines(self.metrics_file))

    def append_metrics(self, values: Mapping[str, Any]) -> None:
        """Adds a line, with its `step`, to the metrics; what is no number becomes null."""
        with self.metrics_file.open("a", encoding="utf-8") as file:
            file.write(_line(values))

    def forget_metrics_after(self, step: int) -> None:
        """Drops the lines of steps that will be done again."""
        kept = [line for line in metric_lines(self.metrics_file) if line["step"] <= step]
        with atomic_file(self.metrics_file) as temporary:
            temporary.write_text("".join(map(_line, kept)), encoding="utf-8")

    def leftovers(self) -> list[Path]:
        """Temporary files of a process that was killed while it wrote here."""
        files = (self.path / DESCRIPTION, self.metrics_file, self.checkpoint_file, self.weights_file)
        return [leftover for file in files for leftover in self.path.glob(f".{file.name}.*.tmp")]

    def sweep(self) -> None:
        """Removes the leftovers; only for the one process that writes here."""
        for leftover in self.leftovers():
            leftover.unlink(missing_ok=True)


def metric_lines(file: Path) -> Iterator[dict[str, Any]]:
    """The whole lines of a file of metrics, oldest first; none where there is no file."""
    if not file.is_file():
        return
    for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            values = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(values, dict) and type(values.get("step")) is int:
            yield values


def _line(values: Mapping[str, Any]) -> str:
    return json.dumps(plain(values), allow_nan=False) + "\n"


def checksum_of(content: Any) -> str:
    """Of JSON content, however it is laid out in the file."""
    return hashlib.blake2b(json.dumps(content, sort_keys=True).encode(), digest_size=16).hexdigest()


class atomic_file:  # noqa: N801 - reads as a verb at the call: with atomic_file(path) as temporary
    """A temporary sibling of `path` that replaces it, flushed to disk, when the block ends without an exception."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")

    def __enter__(self) -> Path:
        return self.temporary

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self.temporary.unlink(missing_ok=True)
            return
        with self.temporary.open("rb") as file:
            os.fsync(file.fileno())
        self.temporary.replace(self.path)
