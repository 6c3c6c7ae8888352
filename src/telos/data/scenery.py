"""How much of the picture is scenery that changes from episode to episode."""

from collections.abc import Mapping

import numpy as np

from telos.core.logs import AbstractLogs
from telos.core.spaces import PixelSpace, TreeSpace

NUM_EPISODES = 64
NUM_FRAMES = 15
"""Per episode; an odd number, so that the median is a colour that was seen."""
CLEAR = 24
"""Grey levels of 255 by which a pixel differs clearly; noise and video compression stay below."""
RARE = 0.1
"""Share of episodes below which a pixel's difference is taken for the agent resting there, not for scenery."""
FEW = 5
"""Episodes below which a single difference must do."""


def scenery_share(logs: AbstractLogs, rng: np.random.Generator) -> float:
    """Share (0 to 1) of the pixels that show other scenery in other episodes; 0 for vectors, the largest part of a tree.

    An episode's median picture is its scenery: whatever moves is gone from it. A pixel counts when its median differs clearly
    from the usual one in more than a tenth of the episodes. An agent too slow to vanish from the median rests on a given pixel
    in fewer, so a fixed scene gives nearly 0; walls, mazes or backgrounds drawn anew for each episode give far more.
    Below eight episodes the figure is coarse.
    """
    space = logs.spaces.observation
    parts = space.spaces if isinstance(space, TreeSpace) else {"": space}
    pictures = [name for name, part in parts.items() if isinstance(part, PixelSpace)]
    if not pictures or logs.num_episodes < 2:
        return 0.0
    chosen = rng.choice(logs.num_episodes, size=min(NUM_EPISODES, logs.num_episodes), replace=False)
    medians = {name: [] for name in pictures}
    for index in chosen:
        observations = logs.episode(int(index)).observations
        for name in pictures:
            medians[name].append(_median(_spread(observations[name] if isinstance(observations, Mapping) else observations)))
    return max(_changing_share(np.stack(rows)) for rows in medians.values())


def _spread(frames: np.ndarray) -> np.ndarray:
    """A few frames `[few height width channel]` evenly from the whole episode."""
    return frames[np.linspace(0, len(frames) - 1, min(NUM_FRAMES, len(frames))).round().astype(int)]


def _median(rows: np.ndarray) -> np.ndarray:
    """The lower median over the first axis: unlike the mean of the middle two, it is always a value that was seen."""
    middle = (len(rows) - 1) // 2
    return np.partition(rows, middle, axis=0)[middle]


def _changing_share(medians: np.ndarray) -> float:
    """Of the pixels of `[episodes height width channel]`."""
    usual = _median(medians).astype(np.int16)
    differs = (np.abs(medians.astype(np.int16) - usual) > CLEAR).any(-1)
    # Of a handful of episodes no pixel differs twice, since the usual picture is one of theirs.
    rare = max(1, RARE * len(medians)) if len(medians) >= FEW else 0
    return float((differs.sum(0) > rare).mean())
