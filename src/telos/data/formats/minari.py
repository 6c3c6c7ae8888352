"""Minari's data sets: HDF5, Arrow or parquet, described by Gymnasium's spaces."""

from pathlib import Path

from telos.core.errors import DataError
from telos.data.formats.arrays import check_links
from telos.data.formats.base import AbstractFormat, AbstractSource
from telos.data.formats.json_files import read_object
from telos.data.formats.minari_source import METADATA, MinariSource
from telos.data.formats.paths import within


class Minari(AbstractFormat):
    """Takes the folder of a data set, `ROOT/namespace/name-v0`, or the folder `data` in it.

    Source: Farama-Foundation/Minari 0.5, `docs/content/dataset_standards`.
    """

    name = "minari"
    says = "Minari 0.5: a folder name-v0 with data/metadata.json (hdf5, arrow or parquet)"

    def recognises(self, path: Path) -> bool:
        try:
            content = read_object(within(path, str((_folder(path) / METADATA).relative_to(path))))
        except (DataError, OSError):
            return False
        return "data_format" in content and ("observation_space" in content or "total_episodes" in content)

    def open(self, path: Path) -> AbstractSource:
        check_links(path)
        return MinariSource(_folder(path), self.name)


def _folder(path: Path) -> Path:
    return path if (path / METADATA).is_file() else path / "data"
