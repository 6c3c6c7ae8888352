"""An environment of Gymnasium as a world: a state is put into it, it makes one step, and the state is read out again."""

import math
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

import gymnasium
import numpy as np

from telos.core.errors import ConfigError, SpaceError
from telos.core.spaces import DiscreteSpace, PixelSpace, Spaces, Tree, TreeSpace, space_from_gym
from telos.core.world import AbstractWorld, WorldState
from telos.envs import canvas, foreign
from telos.envs.fields import check_count

OVER = "over"
"""The part of a state that says whether the environment has ended the episode."""


@dataclass(frozen=True, kw_only=True)
class AbstractForeignWorld(AbstractWorld):
    """What all environments of Gymnasium share: how they are made, what they observe, and their actions."""

    env: str
    """Its id, `gym:Name-v0` or `gym:module:Name-v0`."""
    args: Mapping[str, Any] = field(default_factory=dict)
    """What its constructor takes."""
    pixels: int | None = None
    """Observe the rendered frame, in so many pixels; None: what the environment itself observes."""

    has_expert: ClassVar[bool] = False

    def __post_init__(self) -> None:
        check_count(self, "action_repeat", 1)
        if self.pixels is not None:
            check_count(self, "pixels", 1)

    def make(self) -> gymnasium.Env:
        """A fresh environment, which renders where it can. Raises what `foreign.make` raises."""
        return foreign.make(self.env, **foreign.with_rendering(self.env, self.args))

    @cached_property
    def engine(self) -> gymnasium.Env:
        """The one environment that everything is asked of; made when first needed, and begun, since some are not whole before."""
        env = self.make()
        env.reset(seed=0)
        return env

    @cached_property
    def spaces(self) -> Spaces:  # type: ignore[override]
        observation = PixelSpace(self.pixels, self.pixels) if self.pixels is not None else self.seen_space()
        return Spaces(observation, space_from_gym(self.engine.action_space, what=f"The action of '{self.env}'"))

    def seen_space(self) -> Any:
        """The space of what `look` gives."""
        return space_from_gym(self.engine.observation_space, what=f"The observation of '{self.env}'")

    def native(self, action: np.ndarray) -> Any:
        """One action `[action]` as the environment wants it; numbers beyond its bounds are clipped."""
        space = self.engine.action_space
        if isinstance(space, gymnasium.spaces.Discrete):
            return int(action[0]) + int(space.start)
        assert isinstance(space, gymnasium.spaces.Box), "space_from_gym takes no other actions"
        return np.clip(action.reshape(space.shape), space.low, space.high).astype(space.dtype)

    def picture(self, env: gymnasium.Env, size: int) -> np.ndarray:
        """The rendered frame `[size size 3]`. Raises ConfigError where there is none."""
        return canvas.shrink(foreign.render(env, self.env), size)

    def fitting(self, seen: Any) -> Tree:
        """What the environment observed, in the shape and dtype of the space."""
        space = self.spaces.observation
        if isinstance(space, TreeSpace):
            return {name: _flat(seen[name], part) for name, part in space.spaces.items()}
        return _flat(seen, space)


@dataclass(frozen=True, kw_only=True)
class AbstractGymWorld(AbstractForeignWorld):
    """An environment whose full state can be read and set; an adapter says how, in one file.

    Every step starts from the state alone, so whatever the engine would keep between steps beside it (contact caches, warm
    starts of a solver) is dropped; an adapter's docstring says what that changes, if anything.
    """

    @abstractmethod
    def read(self, env: gymnasium.Env) -> Mapping[str, np.ndarray]:
        """The state of `env.unwrapped`, named arrays of one row each, all that matters for what comes next."""

    @abstractmethod
    def restore(self, env: gymnasium.Env, state: Mapping[str, np.ndarray]) -> None:
        """Puts a state into `env.unwrapped`."""

    @abstractmethod
    def look(self, env: gymnasium.Env) -> Any:
        """What the environment observes in its present state, as `step` would give it."""

    def sample(self, rng: np.random.Generator, num: int) -> WorldState:
        """The environment's own starts."""
        states = []
        for seed in rng.integers(2**31, size=num):
            self.engine.reset(seed=int(seed))
            states.append(self._read(over=False))
        if not states:
            return {name: part[:0] for name, part in self.sample(np.random.default_rng(0), 1).items()}
        return _stack(states)

    def advance(self, state: WorldState, actions: np.ndarray) -> WorldState:
        """Rows whose episode is over stay as they are."""
        return _stack([self._advance_row(_row(state, index), action) for index, action in enumerate(np.asarray(actions))])

    def observe(self, state: WorldState) -> Tree:
        seen = []
        for index in range(len(state[OVER])):
            self.restore(self.engine, _row(state, index))
            seen.append(self.picture(self.engine, self.pixels) if self.pixels is not None else self.fitting(self.look(self.engine)))
        if isinstance(seen[0], Mapping):
            return {name: np.stack([part[name] for part in seen]) for name in seen[0]}
        return np.stack(seen)

    def draw(self, state: WorldState, size: int) -> np.ndarray:
        """Pictures `[batch size size 3]` for people."""
        frames = []
        for index in range(len(state[OVER])):
            self.restore(self.engine, _row(state, index))
            frames.append(self.picture(self.engine, size))
        return np.stack(frames)

    def over(self, state: WorldState) -> np.ndarray:
        return np.array(state[OVER], dtype=bool)

    def expert(self, state: WorldState, goal: WorldState) -> np.ndarray:
        raise ConfigError(f"Nobody wrote a scripted expert for '{self.env}'.", fix="collect with another --policy")

    def _read(self, *, over: bool) -> dict[str, np.ndarray]:
        return {**{name: np.array(part) for name, part in self.read(self.engine).items()}, OVER: np.array(over)}

    def _advance_row(self, state: dict[str, np.ndarray], action: np.ndarray) -> dict[str, np.ndarray]:
        if state[OVER]:
            return {name: np.array(part) for name, part in state.items()}
        self.restore(self.engine, state)
        over = False
        for _ in range(self.action_repeat):
            if not over:
                over = bool(self.engine.unwrapped.step(self.native(action))[2])
        return self._read(over=over)


def _row(state: WorldState, index: int) -> dict[str, np.ndarray]:
    return {name: part[index] for name, part in state.items()}


def _stack(states: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    return {name: np.stack([state[name] for state in states]) for name in states[0]}


def _flat(seen: Any, space: Any) -> np.ndarray:
    """One observation; a table where a vector is expected is laid flat, a single choice becomes a row of one."""
    value = np.asarray(seen)
    if value.shape != space.shape:
        if value.size != math.prod(space.shape):
            raise SpaceError(f"The environment observes the shape {list(value.shape)}.", expected=f"{list(space.shape)}")
        value = value.reshape(space.shape)
    kind = np.dtype(np.int64) if isinstance(space, DiscreteSpace) else space.dtype
    return value.astype(kind, copy=False)
