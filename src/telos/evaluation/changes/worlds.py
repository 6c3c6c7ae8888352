"""Worlds whose dynamics change while nobody says so: the same to look at, other consequences."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

from telos.core.errors import ConfigError
from telos.core.spaces import Tree, VectorSpace
from telos.core.world import AbstractWorld, WorldState
from telos.envs.wrapped import WrappedWorld

CLOCK = "clock"
"""Steps since the episode began, beside the parts of the state of the world inside."""


class AbstractChange(ABC):
    """One way in which actions lead elsewhere. A frozen dataclass."""

    @property
    @abstractmethod
    def label(self) -> str:
        """In a few words for people."""

    @abstractmethod
    def advance(self, world: AbstractWorld, state: WorldState, actions: np.ndarray) -> WorldState:
        """What `actions` lead to now."""


@dataclass(frozen=True, kw_only=True)
class Drag(AbstractChange):
    """Everything is harder to move: actions do a share of what they did."""

    share: float = 0.5
    """What is left of an action."""

    @property
    def label(self) -> str:
        return f"drag: {100 * self.share:g} % of each step"

    def advance(self, world: AbstractWorld, state: WorldState, actions: np.ndarray) -> WorldState:
        return world.advance(state, actions * self.share)


@dataclass(frozen=True, kw_only=True)
class Mirrored(AbstractChange):
    """One number of the action has the opposite effect."""

    axis: int = 0
    """Which number."""

    @property
    def label(self) -> str:
        return f"mirrored action (number {self.axis + 1})"

    def advance(self, world: AbstractWorld, state: WorldState, actions: np.ndarray) -> WorldState:
        turned = np.array(actions)
        turned[:, self.axis] *= -1
        return world.advance(state, turned)


@dataclass(frozen=True, kw_only=True)
class Wind(AbstractChange):
    """As if a second action followed on each: it blows, into the walls at most."""

    push: tuple[float, ...] = (0.02, 0.0)
    """That action, in the environment's units."""

    @property
    def label(self) -> str:
        return "wind of " + ", ".join(f"{part:g}" for part in self.push) + " a step"

    def advance(self, world: AbstractWorld, state: WorldState, actions: np.ndarray) -> WorldState:
        blown = np.broadcast_to(np.array(self.push, actions.dtype), actions.shape)
        return world.advance(world.advance(state, actions), blown)


@dataclass(frozen=True, kw_only=True)
class ChangedWorld(WrappedWorld):
    """A world that changes its ways after some steps of each episode.

    Raises:
        ConfigError: its actions are not numbers, or it changes before the beginning.
    """

    change: AbstractChange
    """How."""
    after: int = 0
    """Steps of an episode in which all is as it was."""

    def __post_init__(self) -> None:
        if not isinstance(self.world.spaces.action, VectorSpace):
            raise ConfigError(f"{type(self.world).__name__} is moved by choices, which can neither be halved nor mirrored.")
        if self.after < 0:
            raise ConfigError(f"A world cannot change after {self.after} steps.", expected="0 or more")

    def sample(self, rng: np.random.Generator, num: int) -> WorldState:
        return _clocked(self.world.sample(rng, num))

    def sample_pairs(self, rng: np.random.Generator, num: int, kind: str) -> tuple[WorldState, WorldState]:
        starts, goals = self.world.sample_pairs(rng, num, kind)
        return _clocked(starts), _clocked(goals)

    def advance(self, state: WorldState, actions: np.ndarray) -> WorldState:
        inside, clock = _inside(state), state[CLOCK]
        usual, changed = self.world.advance(inside, actions), self.change.advance(self.world, inside, np.asarray(actions))
        late = clock >= self.after
        mixed = {name: np.where(late.reshape(-1, *[1] * (part.ndim - 1)), changed[name], part) for name, part in usual.items()}
        return {**mixed, CLOCK: clock + 1}

    def observe(self, state: WorldState) -> Tree:
        return self.world.observe(_inside(state))

    def expert(self, state: WorldState, goal: WorldState) -> np.ndarray:
        return self.world.expert(_inside(state), _inside(goal))

    def distance(self, state: WorldState, goal: WorldState) -> np.ndarray:
        return self.world.distance(_inside(state), _inside(goal))

    def over(self, state: WorldState) -> np.ndarray:
        return self.world.over(_inside(state))

    def idle(self, state: WorldState) -> np.ndarray | None:
        return self.world.idle(_inside(state))

    def truth(self, state: WorldState) -> WorldState:
        return {**self.world.truth(_inside(state)), CLOCK: state[CLOCK]}

    def recall(self, truth: WorldState, actions: np.ndarray) -> WorldState:
        return {**self.world.recall(_inside(truth), actions), CLOCK: np.array([len(actions)])}


def begun(state: WorldState) -> WorldState:
    """States of the world inside as the beginning of episodes in the changing one."""
    return _clocked(state)


def _clocked(state: WorldState) -> WorldState:
    return {**state, CLOCK: np.zeros(len(next(iter(state.values()))), np.int64)}


def _inside(state: WorldState) -> WorldState:
    return {name: part for name, part in state.items() if name != CLOCK}
