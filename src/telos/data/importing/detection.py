"""Finds out what a file or folder is: every format is asked."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from telos.core.errors import DataError, UnknownNameError
from telos.data import formats
from telos.data.formats.base import AbstractFormat, AbstractSource, Description


def find_format(path: Path, name: str | None = None) -> AbstractFormat:
    """The format of a path: the one called `name`, else the only one that recognises it.

    Raises:
        UnknownNameError: there is no format of that name.
        DataError: there is nothing at the path, or none or several formats recognise it.
    """
    if not path.exists():
        raise DataError(f"There is nothing at {path}.", fix="check the path")
    if name is not None:
        known = {format.name: format for format in formats.FORMATS}
        if name not in known:
            raise UnknownNameError.of("format", name, known)
        return known[name]
    found = [format for format in formats.FORMATS if format.recognises(path)]
    if len(found) == 1:
        return found[0]
    if found:
        names = " and ".join(format.name for format in found)
        raise DataError(f"{path} looks like {names}.", expected="one layout", fix=f"say which: --format {found[0].name}")
    listing = "; ".join(f"{format.name} ({format.says})" for format in formats.FORMATS)
    raise DataError(f"{path} is in no layout that Telos knows.", expected=listing, fix="name one with --format, or write it with EpisodeWriter")


@contextmanager
def opened(path: Path, format: str | None = None) -> Iterator[AbstractSource]:
    """The data set at a path, closed in the end. Raises as `find_format` and `AbstractFormat.open` do."""
    source = find_format(path, format).open(path)
    try:
        yield source
    finally:
        source.close()


def describe_source(source: Path | str, format: str | None = None) -> Description:
    """What is in somebody's data set, before any of its bulk is read.

    Args:
        source: File or folder.
        format: Name of the layout; found out by default.

    Raises:
        UnknownNameError: there is no format of that name.
        DataError: none or several formats recognise it, or it is damaged.
        MissingExtraError: the package that reads it is not installed.
    """
    with opened(Path(source), format) as found:
        return found.description
