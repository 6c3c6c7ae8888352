"""LeRobot's layout (v3.0): parquet files with pictures as PNG, so that not a pixel is lost."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from telos.core.errors import ConfigError, DataError, MissingExtraError
from telos.core.spaces import PixelSpace
from telos.data.exporting.base import AbstractExport, Tell, observation_columns, other_columns, what_stores_know_alone
from telos.data.exporting.lerobot_files import Feature, Shelf
from telos.data.manifest import leaf_spaces
from telos.data.store import Episodes

PNG_CHANNELS = (1, 2, 3, 4)
OWN = ("timestamp", "frame_index", "episode_index", "index", "task_index")
"""Names that LeRobot keeps for itself."""


@dataclass(frozen=True, kw_only=True)
class LeRobotExport(AbstractExport):
    """A folder that LeRobot (0.4 and later) reads.

    LeRobot has an action for every frame: the last frame of an episode gets one of zeros, which leads nowhere and is dropped when
    the data set is read back.

    Source: huggingface/lerobot, `datasets/` (v3.0).
    """

    fps: float = 10.0
    """Frames per second. LeRobot counts in seconds; Telos in steps."""

    name: ClassVar[str] = "lerobot"
    says: ClassVar[str] = "LeRobot v3.0 (parquet, pictures as PNG)"

    def __post_init__(self) -> None:
        if not 0 < self.fps < 1e6:
            raise ConfigError(f"A data set cannot have {self.fps} frames per second.", expected="a number above 0", fix="--fps 10")

    def losses(self, store: Episodes) -> Iterator[str]:
        yield from what_stores_know_alone(store)
        yield "Bounds of observations and actions, how many choices there are, and the name of the environment: LeRobot has no place for them."
        yield f"Steps become seconds, at {self.fps:g} frames per second; the last frame of each episode gets an action of zeros."

    def names(self, store: Episodes) -> Mapping[str, str]:
        return {feature.column: feature.name for feature in _features(store)}

    def write(self, store: Episodes, folder: Path, tell: Tell) -> None:
        try:
            import pyarrow  # noqa: F401
        except ImportError as error:
            raise MissingExtraError.of("pyarrow", extra="formats", purpose="Writing LeRobot's files") from error
        features = _features(store)
        shelf = Shelf(folder, self.fps, features)
        for episode in range(store.num_episodes):
            shelf.add({feature.name: feature.rows(store, episode) for feature in features}, int(store.lengths[episode]) + 1)
            tell(episode + 1, store.num_episodes)
        shelf.finish()


def _shape(store: Episodes, name: str) -> tuple[int, ...]:
    return next(column.shape for column in store.manifest.columns if column.name == name)


def _features(store: Episodes) -> list[Feature]:
    leaves = leaf_spaces(store.spaces)
    names = {"action": "action"}
    for part, column in observation_columns(store).items():
        picture = isinstance(leaves[column], PixelSpace)
        names[column] = f"observation.images.{part or 'front'}" if picture else f"observation.{part or 'state'}"
    names |= {name: f"extra_{name}" if name in OWN else name.replace("/", ".") for name in other_columns(store)}
    features = []
    for column, name in names.items():
        picture = isinstance(leaves.get(column), PixelSpace)
        shape = _shape(store, column)
        if picture and shape[-1] not in PNG_CHANNELS:
            raise DataError(f"Pictures with {shape[-1]} channels ('{column}') cannot be kept as PNG.", expected="1 to 4", fix="--to npz or minari")
        dtype = np.dtype(next(part.dtype for part in store.manifest.columns if part.name == column)).name
        features.append(Feature(name, column, shape, dtype, picture))
    return features
