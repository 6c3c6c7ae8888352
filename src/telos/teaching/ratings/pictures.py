"""What people see of a clip: drawn by its world where that can draw, else the pictures that were logged, else lines."""

import base64
from typing import Any

import numpy as np

from telos.core.logs import map_tree
from telos.core.spaces import PixelSpace, Tree, TreeSpace
from telos.core.world import AbstractWorld
from telos.data.base import AbstractEpisodes
from telos.envs.gym import Drawable
from telos.teaching.ratings.clips import Place, frames_of

COLOURS = 3
DRAWN = 160
"""Pixels of what a world draws."""
MOST_LINES = 8


def clip_pictures(logs: AbstractEpisodes, place: Place, steps: int, world: AbstractWorld | None = None) -> dict[str, Any]:
    """A clip for the page: `pictures` (frames of RGB bytes, as base64) or `lines` (numbers over time)."""
    observations, _ = frames_of(logs, place, steps)
    # What a world draws is sharper than what an agent sees of it.
    pictures = None if world is None else _drawn(logs, place, steps, world)
    if pictures is None:
        pictures = _pictures(observations, logs.spaces.observation)
    if pictures is not None:
        about = {"height": pictures.shape[1], "width": pictures.shape[2], "frames": len(pictures)}
        return {"kind": "pictures", **about, "bytes": base64.b64encode(np.ascontiguousarray(pictures).tobytes()).decode()}
    flat = _numbers(observations, logs.spaces.observation)
    return {"kind": "lines", "frames": len(flat), "lines": np.round(flat.T[:MOST_LINES].astype(float), 4).tolist()}


def _pictures(observations: Tree, space: Any) -> np.ndarray | None:
    """The first camera's frames `[frames height width 3]`; of clips, the newest frame, which comes first."""
    if isinstance(space, TreeSpace):
        for name, part in space.spaces.items():
            found = _pictures(observations[name], part)  # type: ignore[index]
            if found is not None:
                return found
    if not isinstance(space, PixelSpace):
        return None
    assert isinstance(observations, np.ndarray)
    return observations[..., :COLOURS] if space.channels >= COLOURS else observations[..., :1].repeat(COLOURS, axis=-1)


def _drawn(logs: AbstractEpisodes, place: Place, steps: int, world: AbstractWorld) -> np.ndarray | None:
    """What the world makes of the true states, if the logs carry them, and it can draw."""
    if not isinstance(world, Drawable):
        return None
    usual = world.truth(world.sample(np.random.default_rng(0), 1))
    if not set(usual) <= set(logs.info_names):
        return None
    rows = slice(place.start, place.start + steps + 1)
    truth = {name: np.array(logs.info(name, place.episode)[rows], part.dtype) for name, part in usual.items()}
    return world.draw(truth, DRAWN)


def _numbers(observations: Tree, space: Any) -> np.ndarray:
    """`[frames numbers]`, each scaled to what varies."""
    parts: list[np.ndarray] = []
    map_tree(lambda leaf: parts.append(np.asarray(leaf, dtype=float).reshape(len(leaf), -1)), observations)
    return np.concatenate(parts, axis=1)
