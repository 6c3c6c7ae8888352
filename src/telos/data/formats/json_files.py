"""JSON of other people's folders, read with suspicion."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from telos.core.errors import DataError

MOST_BYTES = 1 << 28
"""256 MB: more than any description of a data set has."""
MOST_LINE_BYTES = 1 << 24


def read_object(path: Path) -> dict[str, Any]:
    """A file that holds one JSON object; numbers that JSON does not know become text.

    Raises:
        DataError: it is missing, cannot be read, or holds anything else.
    """
    if _size(path) > MOST_BYTES:
        raise DataError(f"{path} has {_size(path):,} bytes.", expected=f"{MOST_BYTES:,} at most")
    try:
        return as_object(path.read_bytes().decode("utf-8"), str(path))
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.", fix="check its permissions") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is damaged: it is no text.", fix="get the file again") from error


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """The JSON objects of a file that has one a line. Raises DataError as `read_object` does."""
    _size(path)
    try:
        with path.open("rb") as stream:
            for number, line in enumerate(iter(lambda: stream.readline(MOST_LINE_BYTES), b""), 1):
                if line.strip():
                    yield as_object(line.decode("utf-8", "replace"), f"Line {number} of {path}")
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.", fix="check its permissions") from error


def as_object(text: str, what: str) -> dict[str, Any]:
    """Text as a JSON object. Raises DataError for any other text."""
    try:
        content = json.loads(text, parse_constant=str)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{what} is damaged: it is not valid JSON.", fix="get the file again") from error
    if not isinstance(content, dict):
        raise DataError(f"{what} holds no JSON object.", fix="get the file again")
    return content


def whole(content: dict[str, Any], key: str, what: str, *, least: int = 0, most: int = 2**40) -> int:
    """A whole number of a JSON object. Raises DataError for anything else at its place."""
    value = content.get(key)
    if type(value) is not int or not least <= value <= most:
        raise DataError(f"{what}: '{key}' is {str(value)[:40]!r}.", expected=f"a whole number from {least} to {most}")
    return value


def _size(path: Path) -> int:
    """Bytes of a file; a device or a folder is none."""
    try:
        if not path.is_file():
            raise DataError(f"{path} is missing." if not path.exists() else f"{path} is no file.", fix="get the data set again")
        return path.stat().st_size
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read.", fix="check its permissions") from error
