"""Watches pictures while they are logged: black ones, blank ones, and such as stay the same though something moved."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Bool, UInt8

from telos.core.errors import DataError
from telos.core.spaces import PixelSpace, Spaces, Tree, TreeSpace

FIRST_STEPS = 50
"""Steps after which pictures that were all black are taken for a renderer that does not work."""
BLANK_SHARE, FROZEN_SHARE = 0.01, 0.2
"""Shares from which on somebody is told. Slow movements hide between pixels, so that some equal pictures are nothing odd."""
STRIDE = 8
"""Of the pixels that are looked at first: pictures that differ mostly differ there."""


@dataclass
class Tally:
    """What was seen of one camera."""

    frames: int = 0
    blank: int = 0
    """Pictures of a single colour."""
    moves: int = 0
    """Steps at which something was done and, where the true state is known, changed."""
    frozen: int = 0
    """Of these, steps after which the picture was the same as before."""


@dataclass
class PictureWatch:
    """Counts what is odd about pictures, episode by episode."""

    spaces: Spaces
    tallies: dict[str, Tally] = field(init=False)

    def __post_init__(self) -> None:
        space = self.spaces.observation
        parts = space.spaces if isinstance(space, TreeSpace) else {"": space}
        self.tallies = {name: Tally() for name, part in parts.items() if isinstance(part, PixelSpace)}

    def check_first(self, observations: Tree) -> None:
        """Looks at all pictures `[episodes time height width channel]` so far.

        Raises:
            DataError: a camera has seen nothing but black.
        """
        for name in self.tallies:
            if not _part(observations, name).any():
                camera = f" of the camera '{name}'" if name else ""
                raise DataError(
                    f"Every picture{camera} so far is black: the environment renders nothing.",
                    fix="unset SDL_VIDEODRIVER, and for MuJoCo set MUJOCO_GL=egl; then look at env.render() by itself",
                )

    def add(self, observations: Tree, actions: np.ndarray, state: Mapping[str, np.ndarray]) -> None:
        """An episode: observations and true state `[time+1 ...]`, actions `[time action]`."""
        moved = np.ones(len(actions), dtype=bool) if actions.dtype.kind in "iu" else (actions != 0).any(axis=1)
        if state:
            moved &= np.logical_or.reduce([_differ(rows) for rows in state.values()])
        for name, tally in self.tallies.items():
            frames = _part(observations, name)
            tally.frames += len(frames)
            tally.blank += int(_blank(frames).sum())
            tally.moves += int(moved.sum())
            tally.frozen += int((moved & _same_as_before(frames)).sum())

    def problems(self) -> list[str]:
        """A sentence for all that is odd."""
        found = []
        for name, tally in self.tallies.items():
            camera = f"camera '{name}': " if name else ""
            if tally.blank > BLANK_SHARE * tally.frames:
                found.append(f"{camera}{_percent(tally.blank, tally.frames)} of the pictures are of a single colour")
            if tally.frozen > FROZEN_SHARE * tally.moves:
                share = _percent(tally.frozen, tally.moves)
                found.append(f"{camera}{share} of the steps that changed something left the picture as it was: is it drawn anew?")
        return found

    def to_json(self) -> dict[str, Any]:
        """For the manifest."""
        return {"problems": self.problems(), "pictures": {name or "observation": vars(tally) for name, tally in self.tallies.items()}}


def _part(observations: Tree, name: str) -> np.ndarray:
    return observations[name] if name else observations


def _differ(rows: np.ndarray) -> Bool[np.ndarray, " time"]:
    """Whether each row is another than the one before."""
    return (rows[1:] != rows[:-1]).reshape(len(rows) - 1, -1).any(axis=1)


def _blank(frames: UInt8[np.ndarray, "frames height width channel"]) -> Bool[np.ndarray, " frames"]:
    found = (frames[:, ::STRIDE, ::STRIDE] == frames[:, :1, :1]).all(axis=(1, 2, 3))
    found[found] = (frames[found] == frames[found, :1, :1]).all(axis=(1, 2, 3))
    return found


def _same_as_before(frames: UInt8[np.ndarray, "frames height width channel"]) -> Bool[np.ndarray, " time"]:
    found = (frames[1:, ::STRIDE, ::STRIDE] == frames[:-1, ::STRIDE, ::STRIDE]).all(axis=(1, 2, 3))
    (rows,) = np.nonzero(found)
    found[rows] = (frames[rows + 1] == frames[rows]).all(axis=(1, 2, 3))
    return found


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f} %"
