"""Plain npz: a folder with a file for each episode, or one file with arrays and the ends of the episodes."""

from pathlib import Path

from telos.core.errors import DataError
from telos.data.formats import npz_files
from telos.data.formats.arrays import check_links, foreign, natural
from telos.data.formats.base import AbstractFormat, AbstractSource
from telos.data.formats.ends import find_ends
from telos.data.formats.episodes import EpisodesSource
from telos.data.formats.flat import FlatSource
from telos.data.formats.ogbench import OGBench
from telos.data.formats.paths import inside
from telos.data.formats.roles import guess_roles


class Npz(AbstractFormat):
    """Arrays by name. In a file for each episode, actions may be as many as observations (the last one leads nowhere), or one less.

    In a file with all episodes, arrays are as long as one another, and one of these tells the episodes apart: `episode_ends`
    (cumulative), `episode_lengths`, `episode_index`, or flags such as `dones`, `terminals`, `timeouts`; with none, all is one episode.
    """

    name = "npz"
    says = "plain npz: a folder with a file for each episode, or one file with the ends of its episodes"

    def recognises(self, path: Path) -> bool:
        if path.is_dir():
            first = min(inside(path, "*.npz"), key=lambda file: natural(file.name), default=None)
            return first is not None and npz_files.is_npz(first)
        return npz_files.is_npz(path) and not OGBench().recognises(path)

    def open(self, path: Path) -> AbstractSource:
        return _open_folder(path) if path.is_dir() else _open_file(path)


def _open_folder(path: Path) -> AbstractSource:
    """A file an episode, in the natural order of their names."""
    check_links(path)
    files = sorted(path.glob("*.npz"), key=lambda file: natural(file.name))
    names = [file.name for file in files]
    return EpisodesSource(
        path, [str(file) for file in files], lambda number: npz_files.open_arrays(files[number]), format=Npz.name, metadata={"files": names}
    )


def _open_file(path: Path) -> AbstractSource:
    arrays, notes = npz_files.open_arrays(path)
    if not arrays:
        raise DataError(f"{path} has no arrays of numbers.", expected="observations, actions, and the ends of the episodes")
    with foreign(path):
        ends, used = find_ends(arrays, path)
    columns = {name: array for name, array in arrays.items() if name not in used}
    told = f"Episodes are told apart by {' and '.join(map(repr, used))}." if used else "Nothing tells episodes apart: all is one."
    source = FlatSource(path, columns, ends, format=Npz.name, roles=guess_roles, notes=(*notes, told))
    source.in_order = any(map(npz_files.is_packed, columns.values()))
    return source
