"""Logs of a point with momentum that is seen without its velocity, for what can be read and what cannot."""

from pathlib import Path

import numpy as np

from telos.core.spaces import Spaces, VectorSpace
from telos.data import EpisodeWriter

SPACES = Spaces(VectorSpace(2, (-1, -1), (1, 1)), VectorSpace(2, (-1, -1), (1, 1)))
UNITS = {"info/position": "m", "info/velocity": "m/s", "info/heading": "radians"}


def write_logs(path: Path, *, episodes: int = 40, steps: int = 16, seed: int = 0) -> Path:
    """A point is pushed about in a ring of places and directions; what is seen is where it is, and nothing of how fast."""
    rng = np.random.default_rng(seed)
    with EpisodeWriter(path, SPACES, units=UNITS) as writer:
        for _ in range(episodes):
            pushes = rng.uniform(-1, 1, (steps, 2)).astype(np.float32)
            position, velocity = [rng.uniform(-0.8, 0.8, 2)], [rng.uniform(-0.3, 0.3, 2)]
            for push in pushes:
                velocity.append(0.9 * velocity[-1] + 0.1 * push)
                position.append(np.clip(position[-1] + 0.2 * velocity[-1], -1, 1))
            where = np.array(position)
            # Winds around: whole turns are added, which no observation shows.
            heading = np.arctan2(where[:, 1], where[:, 0]) + 2 * np.pi * rng.integers(-3, 4)
            info = {"position": where, "velocity": np.array(velocity), "heading": heading, "mass": np.ones(len(where))}
            extra = {"reward": np.ones(steps, np.float32), "clock": np.arange(steps + 1, dtype=np.int64)}
            writer.add(where.astype(np.float32), pushes, info=info, extra=extra)
    return path
