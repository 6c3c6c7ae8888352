"""A world that is seen now and then only."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int, UInt8

from telos.core.errors import ConfigError
from telos.core.spaces import PixelSpace, Tree
from telos.core.world import AbstractWorld, WorldState
from telos.envs.fields import Colour, check_colours, check_number
from telos.envs.luck import MODULUS, next_luck, uniform
from telos.envs.two_rooms import TwoRooms
from telos.envs.wrapped import WrappedWorld


@dataclass(frozen=True, kw_only=True)
class Flicker(WrappedWorld):
    """Another world whose picture is blank at random: the moment shows nothing, only the past tells where things are.

    Use to see whether an agent carries a belief through frames that show nothing. The picture of a goal is never blank.

    State: that of the world inside, and `blank [batch]` (whether this frame is), `coin [batch]` (from which the next one is drawn).

    Source: Hausknecht & Stone (2015), arXiv 1507.06527, flickering games with probability 0.5.
    """

    world: AbstractWorld = TwoRooms()
    """What is seen; pictures only."""
    probability: float = 0.5
    """Of a frame to be blank."""
    blank_colour: Colour = (0, 0, 0)
    """What a blank frame is filled with."""

    def __post_init__(self) -> None:
        check_number(self, "probability", 0, 1)
        check_colours(self, "blank_colour")
        check_pictures(self)

    def sample(self, rng: np.random.Generator, num: int) -> WorldState:
        return {**self.world.sample(rng, num), **self._toss(rng.integers(MODULUS, size=num))}

    def sample_pairs(self, rng: np.random.Generator, num: int, kind: str) -> tuple[WorldState, WorldState]:
        starts, goals = self.world.sample_pairs(rng, num, kind)
        shown = {"blank": np.zeros(num, bool), "coin": rng.integers(MODULUS, size=num)}
        return {**starts, **self._toss(rng.integers(MODULUS, size=num))}, {**goals, **shown}

    def advance(self, state: WorldState, actions: np.ndarray) -> WorldState:
        return {**self.world.advance(state, actions), **self._toss(next_luck(state["coin"]))}

    def observe(self, state: WorldState) -> Tree:
        seen = self.world.observe(state)
        return np.where(state["blank"][:, None, None, None], np.array(self.blank_colour, np.uint8), seen)

    def draw(self, state: WorldState, size: int) -> UInt8[np.ndarray, "batch size size 3"]:
        """The picture in any size, for people; never blank."""
        return self.world.draw(state, size)  # type: ignore[attr-defined]

    def truth(self, state: WorldState) -> WorldState:
        return {**self.world.truth(state), "blank": state["blank"], "coin": state["coin"]}

    def recall(self, truth: WorldState, actions: np.ndarray) -> WorldState:
        own = {"blank": np.array(truth["blank"], bool), "coin": np.array(truth["coin"], np.int64)}
        return {**self.world.recall({name: truth[name] for name in truth if name not in own}, actions), **own}

    def _toss(self, coin: Int[np.ndarray, " batch"]) -> Mapping[str, np.ndarray]:
        return {"blank": uniform(coin) < self.probability, "coin": coin}


def check_pictures(world: WrappedWorld) -> None:
    """Raises ConfigError if the world inside does not show one coloured picture."""
    space = world.world.spaces.observation
    if not (isinstance(space, PixelSpace) and space.channels == 3):
        raise ConfigError(
            f"{type(world).__name__} needs pictures in colour, and the world inside shows {space.describe()}.", fix="another world, such as two-rooms"
        )
    if world.action_repeat != 1:
        raise ConfigError(f"{type(world).__name__} repeats no actions; the world in it does.", fix="give action_repeat to the world")
