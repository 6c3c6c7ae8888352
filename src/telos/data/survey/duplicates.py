"""Episodes and frames that are there more than once."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from telos.core.seeding import numpy_generator
from telos.data.base import AbstractEpisodes
from telos.data.manifest import leaf_spaces
from telos.data.survey.features import Frames, Scale

NEAR = 0.1
"""Two frames of different episodes are nearly the same if they are nearer than this share of what a usual step changes."""
TWIN = 0.05
"""Two episodes take nearly the same course if they differ by less than this share of what two episodes usually differ."""
NUM_LOOKS = 12
MOST_FEATURES = 32
ROWS_AT_ONCE = 512


def episode_digests(logs: AbstractEpisodes, episodes: Iterable[int] | None = None) -> list[bytes]:
    """A checksum of each episode's observations and actions: equal ones mean equal episodes."""
    digests = []
    names = list(leaf_spaces(logs.spaces))
    for index in range(logs.num_episodes) if episodes is None else episodes:
        checksum = hashlib.blake2b(digest_size=16)
        for name in names:
            rows = logs.column(name, int(index))
            checksum.update(np.ascontiguousarray(rows[:-1] if name == "action" else rows).view(np.uint8).data)
        digests.append(checksum.digest())
    return digests


def copies(logs: AbstractEpisodes) -> list[tuple[int, int]]:
    """Episodes that return: `(first, again)`."""
    seen: dict[bytes, int] = {}
    pairs = [(seen.setdefault(digest, index), index) for index, digest in enumerate(episode_digests(logs))]
    return [(first, again) for first, again in pairs if first != again]


def twins(logs: AbstractEpisodes, scale: Scale, *, seed: int = 0, most: int = 50) -> list[tuple[int, int]]:
    """Pairs of episodes that take nearly the same course, but are not copies; at most a few, the most alike first.

    Each episode is looked at `NUM_LOOKS` times on its way; two are twins if they differ by less than `TWIN` of what two episodes usually differ.
    """
    courses = _courses(logs, scale, numpy_generator(seed, "courses of episodes"))
    squares = np.square(courses).sum(axis=1)
    usual = float(np.median(np.linalg.norm(courses - courses[numpy_generator(seed, "other episodes").permutation(len(courses))], axis=1)))
    known = set(copies(logs))
    found = []
    for start in range(0, len(courses), ROWS_AT_ONCE):
        rows = np.arange(start, min(start + ROWS_AT_ONCE, len(courses)))
        distances = np.sqrt(np.maximum(squares[rows, None] + squares - 2 * courses[rows] @ courses.T, 0))
        for row, other in zip(*np.nonzero(distances < TWIN * usual), strict=True):
            if rows[row] < other and (int(rows[row]), int(other)) not in known:
                found.append((float(distances[row, other]), int(rows[row]), int(other)))
    return [(first, second) for _, first, second in sorted(found)[:most]]


def _courses(logs: AbstractEpisodes, scale: Scale, rng: np.random.Generator) -> Float[np.ndarray, "episodes size"]:
    """Features along the way, in few numbers: random projections keep distances nearly as they are (Johnson & Lindenstrauss 1984)."""
    size = len(scale.mean)
    project = rng.normal(size=(size, MOST_FEATURES)) / np.sqrt(MOST_FEATURES) if size > MOST_FEATURES else np.eye(size)
    rows = []
    for index in range(logs.num_episodes):
        observations = logs.episode(index).observations
        times = np.linspace(0, int(logs.lengths[index]), NUM_LOOKS).round().astype(int)
        looks = {name: leaf[times] for name, leaf in observations.items()} if isinstance(observations, dict) else observations[times]
        rows.append((scale.features(looks) @ project).reshape(-1))
    return np.stack(rows)


@dataclass(frozen=True)
class NearDuplicates:
    """How often a frame was nearly seen before, in another episode."""

    share: float
    """Of the frames looked at."""
    num_frames: int
    step: float
    """What a usual step changes, in the units of the features."""


def near_duplicates(frames: Frames, step: float) -> NearDuplicates:
    """Looks for the nearest frame of another episode.

    Args:
        step: the usual distance between neighbouring frames of one episode.
    """
    nearest = np.full(len(frames.features), np.inf)
    squares = np.square(frames.features).sum(axis=1)
    for start in range(0, len(nearest), ROWS_AT_ONCE):
        rows = slice(start, start + ROWS_AT_ONCE)
        distances = squares[rows, None] + squares - 2 * frames.features[rows] @ frames.features.T
        distances[frames.episodes[rows, None] == frames.episodes] = np.inf
        nearest[rows] = distances.min(axis=1)
    # The difference of squares leaves a rest of rounding where frames are equal.
    near = np.sqrt(np.maximum(nearest, 0)) <= max(NEAR * step, 1e-6)
    return NearDuplicates(float(near.mean()), len(near), step)
