"""A world with something in front of it."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt8

from telos.core.spaces import Tree
from telos.core.world import AbstractWorld, WorldState
from telos.envs.canvas import bands
from telos.envs.fields import Colour, check_colours, check_number
from telos.envs.flicker import check_pictures
from telos.envs.two_rooms import TwoRooms
from telos.envs.wrapped import WrappedWorld

AWAY = -1.0
"""Where the bar is while nothing is hidden."""


@dataclass(frozen=True, kw_only=True)
class Occluder(WrappedWorld):
    """Another world behind an upright bar, which stands still or wanders from left to right, over and over.

    Use to see whether an agent goes on believing in what it does not see for a while. Nothing hides the picture of a goal.

    State: that of the world inside, and `bar [batch]` (x of its middle; -1 where there is none).
    """

    world: AbstractWorld = TwoRooms()
    """What is behind the bar; pictures only."""
    width: float = 0.3
    """Of the bar, as a share of the picture."""
    speed: float = 0.03
    """How far the bar wanders in a step; 0: it stands where the episode began."""
    bar_colour: Colour = (120, 120, 128)
    """Colour of the bar."""

    def __post_init__(self) -> None:
        check_number(self, "width", 0.01, 1)
        check_number(self, "speed", 0, 1)
        check_colours(self, "bar_colour")
        check_pictures(self)

    def sample(self, rng: np.random.Generator, num: int) -> WorldState:
        return {**self.world.sample(rng, num), "bar": self._somewhere(rng, num)}

    def sample_pairs(self, rng: np.random.Generator, num: int, kind: str) -> tuple[WorldState, WorldState]:
        starts, goals = self.world.sample_pairs(rng, num, kind)
        return {**starts, "bar": self._somewhere(rng, num)}, {**goals, "bar": np.full(num, AWAY)}

    def advance(self, state: WorldState, actions: np.ndarray) -> WorldState:
        bar = np.asarray(state["bar"], np.float64)
        low, length = -self.width / 2, 1 + self.width
        moved = low + (bar - low + self.speed) % length
        return {**self.world.advance(state, actions), "bar": np.where(bar == AWAY, AWAY, moved)}

    def observe(self, state: WorldState) -> Tree:
        seen = self.world.observe(state)
        bar = np.asarray(state["bar"], np.float64)
        hidden = bands(bar - self.width / 2, bar + self.width / 2, seen.shape[2])[:, None, :, None] * (bar != AWAY)[:, None, None, None]
        colour = np.array(self.bar_colour, np.float32)
        return (seen + hidden * (colour - seen) + np.float32(0.5)).astype(np.uint8)

    def draw(self, state: WorldState, size: int) -> UInt8[np.ndarray, "batch size size 3"]:
        """The picture in any size, for people; nothing hides it."""
        return self.world.draw(state, size)  # type: ignore[attr-defined]

    def truth(self, state: WorldState) -> WorldState:
        return {**self.world.truth(state), "bar": state["bar"]}

    def recall(self, truth: WorldState, actions: np.ndarray) -> WorldState:
        inner = self.world.recall({name: truth[name] for name in truth if name != "bar"}, actions)
        return {**inner, "bar": np.array(truth["bar"], np.float64)}

    def _somewhere(self, rng: np.random.Generator, num: int) -> np.ndarray:
        return rng.uniform(-self.width / 2, 1 + self.width / 2, num)
