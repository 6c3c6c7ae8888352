"""Logs of a point that wanders, with whatever flaw a test asks for."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import tiny_runs

from telos.core.spaces import PixelSpace, Spaces, TreeSpace, VectorSpace
from telos.data import Episodes, EpisodeWriter

ACTION = VectorSpace(2, (-1.0, -1.0), (1.0, 1.0))
CAMERA = Spaces(TreeSpace({"camera": PixelSpace(16, 16), "proprio": VectorSpace(3)}), ACTION)
NUMBERS = Spaces(VectorSpace(3), ACTION)
Flaw = Callable[[int, dict[str, np.ndarray]], None]
"""Changes an episode of that number in place: `places [time+1 2]`, `pushes [time 2]`, `clock [time+1]`, `camera` if there is one."""


def wander(path: Path, spaces: Spaces = NUMBERS, flaw: Flaw = lambda index, episode: None, *, episodes: int = 30, steps: int = 20) -> Episodes:
    """Episodes as they should be, but for the flaw."""
    rng = np.random.default_rng(0)
    with EpisodeWriter(path, spaces) as writer:
        for index in range(episodes):
            pushes = rng.uniform(-1, 1, (steps, 2))
            places = [rng.uniform(-1, 1, 2)]
            for push in pushes:
                places.append(np.clip(places[-1] + 0.3 * push, -1, 1))
            episode = {"places": np.array(places), "pushes": pushes, "clock": 0.1 * np.arange(steps + 1)}
            flaw(index, episode)
            observations = tiny_runs._seen(spaces.observation, episode["places"])
            if isinstance(observations, dict):
                episode["camera"] = observations["camera"]
                flaw(index, episode)
                observations = {**observations, "camera": episode["camera"]}
            writer.add(
                observations, episode["pushes"].astype(np.float32), info={"position": episode["places"]}, extra={"timestamp": episode["clock"]}
            )
    return Episodes.open(path)
