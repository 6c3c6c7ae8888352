"""Frames as a few comparable numbers, without any model: small grey pictures, and readings in units of their deviation."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from telos.core.seeding import numpy_generator
from telos.core.spaces import Tree
from telos.data.base import AbstractEpisodes

SIDE = 12
"""Pixels per side to which pictures are averaged down: what is smaller than a twelfth of the picture is seen faintly."""


@dataclass(frozen=True)
class Scale:
    """Centre and deviation of the raw features."""

    mean: Float[np.ndarray, "size"]
    std: Float[np.ndarray, "size"]

    @classmethod
    def of(cls, observations: Tree) -> "Scale":
        """From frames `[frames ...]`; numbers that never change, and the padding of nothing, count as they are."""
        means, stds = [], []
        for leaf in leaves(observations):
            rows = raw_features(leaf)
            # The pixels of a picture share their unit; each number of a vector has its own.
            spread = np.full(rows.shape[1], rows.std(axis=0).max()) if leaf.ndim == 4 else rows.std(axis=0)
            means.append(rows.mean(axis=0))
            # A picture stands for as much as one number: otherwise its pixels would drown the readings beside it.
            stds.append(np.where(spread > 1e-9, spread, 1.0) * (np.sqrt(rows.shape[1]) if leaf.ndim == 4 else 1.0))
        return cls(np.concatenate(means), np.concatenate(stds))

    def features(self, observations: Tree) -> Float[np.ndarray, "frames size"]:
        """Of frames `[frames ...]`."""
        return (np.concatenate([raw_features(leaf) for leaf in leaves(observations)], axis=1) - self.mean) / self.std


@dataclass(frozen=True)
class Frames:
    """Some frames of logs, and where they are from."""

    features: Float[np.ndarray, "frames size"]
    """Euclidean distances between rows mean something: numbers in units of their deviation, pictures of that of all their pixels."""
    episodes: np.ndarray
    """`[frames]`"""
    times: np.ndarray
    """`[frames]`"""
    scale: Scale
    """By which the features were made comparable."""


def leaves(observations: Tree) -> list[np.ndarray]:
    """The parts of an observation, in their order."""
    return list(observations.values()) if isinstance(observations, Mapping) else [observations]


def raw_features(leaf: np.ndarray) -> Float[np.ndarray, "frames size"]:
    """Vectors as they are; pictures in grey from 0 to 1, averaged down to `SIDE` pixels or a few more."""
    if leaf.ndim != 4:
        return np.asarray(leaf, dtype=np.float64).reshape(len(leaf), -1)
    height, width = leaf.shape[1:3]
    rows, columns = max(1, height // SIDE), max(1, width // SIDE)
    cut = leaf[:, : height // rows * rows, : width // columns * columns]
    blocks = cut.reshape(len(leaf), height // rows, rows, width // columns, columns, leaf.shape[3])
    return blocks.mean(axis=(2, 4, 5), dtype=np.float64).reshape(len(leaf), -1) / 255


def sample_frames(logs: AbstractEpisodes, num: int, *, seed: int) -> Frames:
    """Frames drawn evenly from all frames of the logs, none twice."""
    lengths = np.asarray(logs.lengths) + 1
    rows = np.sort(numpy_generator(seed, "sample frames").permutation(int(lengths.sum()))[:num])
    episodes = np.repeat(np.arange(len(lengths)), lengths)[rows]
    times = rows - (np.cumsum(lengths) - lengths)[episodes]
    # A window of one step reaches from the frame to the next; the last frame of an episode is the second of its window.
    starts = np.minimum(times, lengths[episodes] - 2)
    observations, _ = logs.gather(episodes, starts, 1)
    second = (times > starts).astype(int)
    frames = _pick(observations, second)
    scale = Scale.of(frames)
    return Frames(scale.features(frames), episodes, times, scale)


def _pick(observations: Tree, second: np.ndarray) -> Tree:
    """Of windows of two frames, one each."""
    rows = np.arange(len(second))
    if isinstance(observations, Mapping):
        return {name: leaf[rows, second] for name, leaf in observations.items()}
    return observations[rows, second]
