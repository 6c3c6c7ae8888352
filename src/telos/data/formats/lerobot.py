"""What all versions of LeRobot's layout share: `meta/info.json`, and where the rows and the frames of an episode are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from telos.core.errors import DataError
from telos.data.formats.json_files import read_object
from telos.data.formats.lerobot_features import Feature, read_features
from telos.data.formats.paths import within

INFO = "meta/info.json"
TIME = "timestamp"
EPISODE = "episode_index"
BOOKS = ("index", EPISODE, "frame_index")
"""Columns that do nothing but number the rows."""


@dataclass(frozen=True)
class Clip:
    """Where the frames of an episode are."""

    file: str
    begins: float = 0.0
    """Seconds in the video at the time 0 of the episode."""


@dataclass(frozen=True)
class Episode:
    """Where an episode is."""

    number: int
    """As the files count them."""
    num_rows: int
    file: str
    clips: Mapping[str, Clip] = field(default_factory=dict)
    """By feature."""


@dataclass(frozen=True)
class Info:
    """What `meta/info.json` says."""

    version: str
    fps: float
    features: tuple[Feature, ...]
    content: Mapping[str, Any]
    notes: tuple[str, ...]

    @property
    def films(self) -> tuple[str, ...]:
        """Features whose pictures are in videos."""
        return tuple(feature.name for feature in self.features if feature.kind == "video")


def says_version(path: Path) -> str | None:
    """The version that a folder says it has; None for anything else."""
    try:
        version = read_object(within(path, INFO)).get("codebase_version") if (path / INFO).is_file() else None
    except (DataError, OSError):
        return None
    return version if isinstance(version, str) else None


def read_info(root: Path, versions: Sequence[str]) -> Info:
    """Raises DataError for a file that is damaged, or of another version."""
    file = within(root, INFO)
    content = read_object(file)
    version, fps, storage = content.get("codebase_version"), content.get("fps"), content.get("storage_format")
    if not isinstance(version, str) or version not in versions:
        raise DataError(f"{file} has version {str(version)[:40]!r}.", expected=" or ".join(versions), fix="convert it with lerobot's own scripts")
    if storage not in (None, "parquet"):
        raise DataError(f"{file}: the data are stored as {str(storage)[:40]!r}, which is not read.", expected="parquet")
    if not isinstance(fps, int | float) or isinstance(fps, bool) or not 0 < fps < 1e6:
        raise DataError(f"{file}: 'fps' is {str(fps)[:40]!r}.", expected="frames per second, above zero")
    features, notes = read_features(content.get("features"), file)
    if any(feature.kind == "video" for feature in features) and TIME not in {feature.name for feature in features}:
        raise DataError(f"{file} describes videos and no '{TIME}' to find their frames by.", fix="get the data set again")
    return Info(version, float(fps), tuple(feature for feature in features if feature.name not in BOOKS), content, tuple(notes))
