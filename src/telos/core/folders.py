"""A new folder that is whole, or not there."""

import errno
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from telos.core.errors import DataError


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """A hidden sibling to write into, which takes the place of `path` when the block ends, and is gone if it fails.

    Raises:
        DataError: something is there already, or the disk refuses.
    """
    check_target(path)
    folder = hidden_sibling(path)
    try:
        folder.mkdir(parents=True)
        yield folder
        if path.is_dir():
            path.rmdir()
        folder.rename(path)
    except OSError as error:
        raise cannot_write(path, error) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def hidden_sibling(path: Path) -> Path:
    """Where a folder grows that is not finished yet."""
    path = path.absolute()
    return path.with_name(f".{path.name}.{secrets.token_hex(6)}.tmp")


def check_target(path: Path) -> None:
    """Raises DataError where something is already, but for an empty folder."""
    if path.is_symlink() or (path.exists() and (not path.is_dir() or any(path.iterdir()))):
        raise taken(path)


def taken(path: Path) -> DataError:
    return DataError(f"{path} exists already and is not empty.", fix="choose another --out, or remove it")


def cannot_write(path: Path, error: OSError) -> DataError:
    """What to say when the disk refuses."""
    if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
        return taken(path)
    return DataError(f"{path} cannot be written: {error.strerror or error}.", fix="choose another --out, with room and permission to write")
