"""By what a source is known again: names, sizes and times of change, no contents."""

from pathlib import Path
from typing import Any

from telos.data.manifest import digest

DEPTH = 3
"""Folders in folders that are looked at."""


def stamp_of(source: Path) -> dict[str, Any]:
    """`{"name": ..., "stamp": ...}`; the stamp changes when a file is changed, added or removed."""
    return {"name": source.resolve().name, "stamp": digest(sorted(_entries(source, "", DEPTH)))}


def _entries(path: Path, name: str, depth: int) -> list[list[Any]]:
    status = path.stat()
    if not path.is_dir():
        return [[name, status.st_size, status.st_mtime_ns]]
    if depth == 0:
        return [[name, 0, status.st_mtime_ns]]
    return [entry for part in sorted(path.iterdir()) if part.exists() for entry in _entries(part, f"{name}/{part.name}", depth - 1)]
