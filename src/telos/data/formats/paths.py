"""Where the files of a folder lie: what a description says is not believed if it leads out of the folder."""

import contextlib
import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath, PureWindowsPath

from telos.core.errors import DataError

PLACE = re.compile(r"\{([a-z_]+)(?::0?([0-9])d)?\}")
"""`{episode_index:06d}`, `{video_key}`: all that a template may say, since formatting itself reaches far."""


def fill(template: object, values: Mapping[str, int | str], what: str) -> str:
    """A relative path from a template such as `data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet`.

    Raises:
        DataError: it is no such template, or leads out of its folder.
    """
    if not isinstance(template, str) or len(template) > 1000:
        raise DataError(f"{what} is no path.", expected="text such as data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet")

    def put(found: re.Match[str]) -> str:
        name, width = found.groups()
        if name not in values or (width is not None and isinstance(values[name], str)):
            raise DataError(f"{what} asks for {found.group()}.", expected=", ".join(f"{{{known}}}" for known in values))
        return str(values[name]).zfill(int(width)) if width else str(values[name])

    path = PLACE.sub(put, template)
    inside = PurePosixPath(path)
    outside = inside.is_absolute() or PureWindowsPath(path).drive or ".." in inside.parts or "\\" in path or "\0" in path
    if outside or "{" in path or "}" in path or not inside.parts:
        raise DataError(f"{what} is '{path[:80]}', which is no path within the folder.", expected="a relative path without '..'")
    return str(inside)


def inside(root: Path, pattern: str) -> list[Path]:
    """The files of a folder that fit a pattern such as `*.h5`, without those that are links to somewhere else."""
    found = []
    for file in root.glob(pattern):
        with contextlib.suppress(DataError):
            found.append(within(root, str(file.relative_to(root))))
    return found


def within(root: Path, path: str) -> Path:
    """A file of a folder; links are followed inside of it, and to the blobs beside a snapshot of the Hugging Face cache.

    Raises:
        DataError: it is a link to somewhere else.
    """
    file = root / path
    try:
        resolved, home = file.resolve(), root.resolve()
    except (OSError, RuntimeError) as error:
        raise DataError(f"{file} is a link to nowhere.", fix="copy the data into the folder") from error
    blobs = home.parent.parent / "blobs"
    if resolved.is_relative_to(home) or (home.parent.name == "snapshots" and resolved.is_relative_to(blobs)):
        return file
    raise DataError(f"{file} is a link to somewhere else, which is not followed.", fix="copy the data into the folder")
