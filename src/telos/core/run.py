"""A run is a folder: what was trained, on what, and everything that came of it. Every later verb takes it as its noun."""

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from telos.core.errors import RunError, RunVersionError

FORMAT_VERSION = 1
"""Raised whenever the folder's layout changes; older folders are migrated when they are read."""


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
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            raise RunError(f"{path} exists already and is not empty.", fix="choose another --out, or remove it")
        run = cls(path)
        try:
            path.mkdir(parents=True, exist_ok=True)
            run.write_json("run.json", {"format": FORMAT_VERSION, **description})
        except OSError as error:
            raise RunError(f"The run folder {path} cannot be written: {error.strerror}.", fix="choose another --out") from error
        return run

    @classmethod
    def open(cls, path: Path) -> "Run":
        """An existing folder.

        Raises:
            RunError: there is no run, or its description is damaged.
            RunVersionError: a newer Telos wrote it.
        """
        run = cls(Path(path))
        if not (run.path / "run.json").is_file():
            raise RunError(f"There is no run at {path}: it has no run.json.", fix="telos train DATA --out RUN makes one")
        version = run.description.get("format")
        if not isinstance(version, int) or isinstance(version, bool):
            raise RunError(f"{run.path / 'run.json'} does not say which format it has.", fix="restore the file, or train again")
        if version > FORMAT_VERSION:
            raise RunVersionError(
                f"The run {path} has format {version}, written by a newer Telos.",
                expected=f"format {FORMAT_VERSION} or older",
                fix="pip install -U telos-jepa",
            )
        return run

    @property
    def description(self) -> dict[str, Any]:
        """The contents of run.json."""
        return self.read_json("run.json")

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
        except (OSError, ValueError) as error:
            raise RunError(f"{file} cannot be read: {error}.", fix="restore the file, or train again") from error
        if not isinstance(content, dict):
            raise RunError(f"{file} does not hold a JSON object.", fix="restore the file, or train again")
        return content

    def write_json(self, name: str, content: Mapping[str, Any]) -> Path:
        """Writes a JSON object, all of it or nothing."""
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        with atomic_file(file) as temporary:
            temporary.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
        return file

    def metrics(self) -> list[dict[str, Any]]:
        """All complete lines of the metrics, oldest first; a line that a crash cut off is left out."""
        return list(self._metric_lines())

    def append_metrics(self, values: Mapping[str, Any]) -> None:
        """Adds a line to the metrics."""
        with self.metrics_file.open("a", encoding="utf-8") as file:
            file.write(json.dumps(values) + "\n")

    def forget_metrics_after(self, step: int) -> None:
        """Drops the lines of steps that will be done again."""
        kept = [line for line in self._metric_lines() if line.get("step", 0) <= step]
        with atomic_file(self.metrics_file) as temporary:
            temporary.write_text("".join(json.dumps(line) + "\n" for line in kept), encoding="utf-8")

    def _metric_lines(self) -> Iterator[dict[str, Any]]:
        if not self.metrics_file.is_file():
            return
        for line in self.metrics_file.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                values = json.loads(line)
            except ValueError:
                continue
            if isinstance(values, dict):
                yield values


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
