"""What a shift is: another look of a world whose dynamics stay as they are."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt8

from telos.core.spaces import PixelSpace, Spaces, Tree, TreeSpace
from telos.core.world import AbstractWorld, WorldState
from telos.envs.wrapped import WrappedWorld


@dataclass(frozen=True, kw_only=True)
class AbstractShift(ABC):
    """Changes what is seen of a world, and nothing else. A value; without chance of its own."""

    @property
    @abstractmethod
    def label(self) -> str:
        """A few words for tables."""

    @abstractmethod
    def misfit(self, world: AbstractWorld) -> str:
        """Why this world cannot be shown like that, in a few words; empty if it can."""

    @abstractmethod
    def observe(self, world: AbstractWorld, state: WorldState) -> Tree:
        """What is seen of a batch of states `[batch ...]`, as `world.observe` gives it, in the new look."""


@dataclass(frozen=True, kw_only=True)
class AbstractPictureShift(AbstractShift):
    """Changes the picture, whatever it shows: fits every world that is seen in pictures."""

    @abstractmethod
    def pictures(self, frames: UInt8[np.ndarray, "batch height width channel"]) -> UInt8[np.ndarray, "batch height width channel"]:
        """The pictures in the new look; a row of a batch looks like the row alone."""

    def misfit(self, world: AbstractWorld) -> str:
        return "" if picture_spaces(world.spaces) else "nothing is seen in pictures"

    def observe(self, world: AbstractWorld, state: WorldState) -> Tree:
        space, seen = world.spaces.observation, world.observe(state)
        if not isinstance(space, TreeSpace):
            return self.pictures(seen)
        return {name: self.pictures(leaf) if isinstance(space.spaces[name], PixelSpace) else leaf for name, leaf in seen.items()}


def picture_spaces(spaces: Spaces) -> list[PixelSpace]:
    """The pictures among what is observed."""
    space = spaces.observation
    parts = list(space.spaces.values()) if isinstance(space, TreeSpace) else [space]
    return [part for part in parts if isinstance(part, PixelSpace)]


@dataclass(frozen=True, kw_only=True)
class ShiftedWorld(WrappedWorld):
    """A world in another look: starts, goals, dynamics, expert and distance are those of the world inside."""

    shift: AbstractShift
    """How."""

    def observe(self, state: WorldState) -> Tree:
        return self.shift.observe(self.world, state)
