"""A world seen in short clips: several frames at once, so that what is seen shows how things move."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from telos.core.errors import ConfigError
from telos.core.spaces import PixelSpace, Spaces, Tree, TreeSpace, VectorSpace
from telos.core.world import WorldState
from telos.envs.fields import check_count
from telos.envs.gym_world import AbstractGymWorld
from telos.envs.wrapped import WrappedWorld

BEFORE = "before"
"""Parts of a state called `before_2_angle` are what `angle` was two steps ago."""


@dataclass(frozen=True, kw_only=True)
class Clip(WrappedWorld):
    """Shows the frame of now and some of those before, laid over each other as channels (or one behind the other, for vectors).

    Use where one frame hides velocity: the latent, and with it the distance to a goal, then knows of motion, which the memory of
    a recurrent predictor does not give it. The goal is a clip too; that of a state without a past shows it at rest.

    The newest frame comes first. Before an episode begins, what it begins with is taken to have stood still.
    """

    world: AbstractGymWorld
    """What is seen."""
    frames: int = 2
    """Frames in a clip."""
    spacing: int = 3
    """Steps between two frames of a clip: enough for slow motion to show, and few enough that fast motion is not mistaken."""

    def __post_init__(self) -> None:
        check_count(self, "frames", 1)
        check_count(self, "spacing", 1)
        if self.action_repeat != 1:
            raise ConfigError("A clip repeats no actions; the world in it does.", fix="give action_repeat to the world")

    @property
    def depth(self) -> int:
        """How many steps back a clip reaches."""
        return (self.frames - 1) * self.spacing

    @cached_property
    def spaces(self) -> Spaces:  # type: ignore[override]
        match self.world.spaces.observation:
            case PixelSpace(height, width, channels):
                return Spaces(PixelSpace(height, width, self.frames * channels), self.world.spaces.action)
            case VectorSpace(size, low, high):
                bounds = [None if bound is None else self.frames * bound for bound in (low, high)]
                return Spaces(VectorSpace(self.frames * size, *bounds), self.world.spaces.action)
            case TreeSpace():
                raise ConfigError("An observation of several parts cannot be seen in clips.", expected="pictures, or one vector")

    def sample(self, rng: np.random.Generator, num: int) -> WorldState:
        return self._at_rest(self.world.sample(rng, num))

    def sample_pairs(self, rng: np.random.Generator, num: int, kind: str) -> tuple[WorldState, WorldState]:
        starts, goals = self.world.sample_pairs(rng, num, kind)
        return self._at_rest(starts), self._at_rest(goals)

    def advance(self, state: WorldState, actions: np.ndarray) -> WorldState:
        return self._joined([self.world.advance(now(state), actions), *(before(state, lag) for lag in range(self.depth))])

    def observe(self, state: WorldState) -> Tree:
        return np.concatenate([self.world.observe(before(state, lag)) for lag in range(0, self.depth + 1, self.spacing)], axis=-1)

    def draw(self, state: WorldState, size: int) -> np.ndarray:
        """Pictures `[batch size size 3]` of now, for people."""
        return self.world.draw(now(state), size)

    def expert(self, state: WorldState, goal: WorldState) -> np.ndarray:
        return self.world.expert(now(state), now(goal))

    def distance(self, state: WorldState, goal: WorldState) -> np.ndarray:
        return self.world.distance(now(state), now(goal))

    def over(self, state: WorldState) -> np.ndarray:
        return self.world.over(now(state))

    def idle(self, state: WorldState) -> np.ndarray | None:
        return self.world.idle(now(state))

    def truth(self, state: WorldState) -> WorldState:
        return self._joined([self.world.truth(before(state, lag)) for lag in range(self.depth + 1)])

    def recall(self, truth: WorldState, actions: np.ndarray) -> WorldState:
        return self._joined([self.world.recall(before(truth, lag), actions[: max(0, len(actions) - lag)]) for lag in range(self.depth + 1)])

    def _at_rest(self, state: WorldState) -> WorldState:
        return self._joined([state] * (self.depth + 1))

    def _joined(self, states: list[WorldState]) -> WorldState:
        """One state from that of now and those before it, the newest first."""
        return {_name(name, lag): np.array(part) for lag, state in enumerate(states) for name, part in state.items()}


def now(state: WorldState) -> WorldState:
    """What a state says of the present."""
    return before(state, 0)


def before(state: WorldState, lag: int) -> WorldState:
    """What it says of `lag` steps ago."""
    names = [name for name in state if not is_past(name)]
    return {name: state[_name(name, lag)] for name in names}


def is_past(name: str) -> bool:
    """Whether a part of a state tells what was, not what is."""
    return name.startswith(f"{BEFORE}_")


def _name(name: str, lag: int) -> str:
    return f"{BEFORE}_{lag}_{name}" if lag else name


def split_clip(args: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The arguments of the world, and those of the clip in which it is seen."""
    own = ("frames", "spacing")
    return {key: args[key] for key in args if key not in own}, {key: args[key] for key in args if key in own}
