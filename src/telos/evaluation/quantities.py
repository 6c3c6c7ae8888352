"""Which parts of the true state are quantities that may be read from latents, and as which numbers."""

import numpy as np

from telos.data import AbstractEpisodes
from telos.data.manifest import INFO
from telos.envs.clip import is_past

LARGEST_QUANTITY = 8
"""Numbers per frame; what has more (the map of a maze) is scenery, not a quantity."""
WINDING = "radians"
"""Unit of what comes back to where it was after a full turn."""


def quantity_names(logs: AbstractEpisodes) -> list[str]:
    """Small parts of the true state; what a clip remembers of the past is told by the present of other frames."""
    return [name for name in logs.info_names if 0 < logs.info(name, 0)[0].size <= LARGEST_QUANTITY and not is_past(name)]


def as_read(logs: AbstractEpisodes, name: str, rows: np.ndarray) -> np.ndarray:
    """The numbers `[frames size]` that stand for rows `[frames ...]` of a quantity: of an angle its cosine and sine, since an angle
    that has wound around says another number of the same direction."""
    flat = rows.reshape(len(rows), -1)
    return np.concatenate([np.cos(flat), np.sin(flat)], axis=1) if logs.unit(INFO + name) == WINDING else flat
