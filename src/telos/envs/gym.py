"""Worlds as Gymnasium environments: one at a time, or a whole batch in one call."""

from collections.abc import Mapping
from typing import Any

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from telos.core.errors import ConfigError
from telos.core.logs import map_tree
from telos.core.spaces import DiscreteSpace, PixelSpace, TreeSpace, VectorSpace
from telos.core.world import AbstractWorld, WorldState

RENDER_SIZE = 256
"""Height and width of rendered frames, in pixels."""


def gym_space(space: Any) -> gymnasium.Space:
    """The Gymnasium space for a Telos one."""
    match space:
        case PixelSpace():
            return gymnasium.spaces.Box(0, 255, space.shape, np.uint8)
        case DiscreteSpace():
            return gymnasium.spaces.Discrete(space.num)
        case VectorSpace():
            low, high = (np.float32(bound if bound is not None else default) for bound, default in ((space.low, -np.inf), (space.high, np.inf)))
            return gymnasium.spaces.Box(np.broadcast_to(low, space.shape), np.broadcast_to(high, space.shape), space.shape, np.float32)
        case TreeSpace():
            return gymnasium.spaces.Dict({name: gym_space(part) for name, part in space.spaces.items()})
    raise TypeError(f"no Gymnasium space for {space!r}")


def render_state(world: AbstractWorld, state: WorldState) -> np.ndarray:
    """Pictures `[batch height width 3]` of states: from the world's `draw(state, size)`, else what it observes.

    Raises:
        ConfigError: the world has neither `draw` nor pictures as observations.
    """
    if hasattr(world, "draw"):
        return world.draw(state, RENDER_SIZE)
    if isinstance(world.spaces.observation, PixelSpace):
        return world.observe(state)
    raise ConfigError(f"{type(world).__name__} cannot be rendered.", expected="a method draw(state, size), or pictures as observations")


class WorldEnv(gymnasium.Env):
    """One world. It has no task: the reward is 0 and only `max_steps` ends an episode.

    `reset(options={"state": ...})` restores a state, arrays `[1 ...]`; `info["state"]` is the true state, likewise.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 10}  # noqa: RUF012

    def __init__(self, world: AbstractWorld, *, max_steps: int = 200, render_mode: str | None = None) -> None:
        _check_options(max_steps, render_mode)
        self.world, self.max_steps, self.render_mode = world, max_steps, render_mode
        self.observation_space = gym_space(world.spaces.observation)
        self.action_space = gym_space(world.spaces.action)
        self._state: WorldState | None = None
        self._steps = 0

    def reset(self, *, seed: int | None = None, options: Mapping[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        _check_reset(options, ("state",))
        given = (options or {}).get("state")
        self._state = self.world.sample(self.np_random, 1) if given is None else _copy_state(given, 1)
        self._steps = 0
        return self._observe(), self._info()

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self._state = self.world.advance(_started(self._state), np.asarray(action).reshape(1, -1))
        self._steps += 1
        return self._observe(), 0.0, False, self._steps >= self.max_steps, self._info()

    def render(self) -> np.ndarray:
        """The present state `[height width 3]`."""
        return render_state(self.world, _started(self._state))[0]

    def _observe(self) -> Any:
        return map_tree(lambda part: part[0], self.world.observe(_started(self._state)))

    def _info(self) -> dict[str, Any]:
        return {"state": _copy_state(_started(self._state), 1)}


class WorldVectorEnv(VectorEnv):
    """A batch of worlds, advanced in one call. Nothing resets by itself.

    `reset(options={"state": ..., "reset_mask": ...})` restores states `[num ...]`, and only the rows of the mask if
    there is one. One seed serves the whole batch.
    """

    def __init__(self, world: AbstractWorld, num: int, *, max_steps: int = 200, render_mode: str | None = None) -> None:
        _check_options(max_steps, render_mode)
        if not isinstance(num, int) or num < 1:
            raise ConfigError(f"A batch of {num} worlds cannot be made.", expected="a whole number of at least 1")
        self.metadata = {**WorldEnv.metadata, "autoreset_mode": AutoresetMode.DISABLED}
        self.world, self.num_envs, self.max_steps, self.render_mode = world, num, max_steps, render_mode
        self.single_observation_space = gym_space(world.spaces.observation)
        self.single_action_space = gym_space(world.spaces.action)
        self.observation_space = batch_space(self.single_observation_space, num)
        self.action_space = batch_space(self.single_action_space, num)
        self._state: WorldState | None = None
        self._steps = np.zeros(num, np.int64)

    def reset(self, *, seed: Any = None, options: Mapping[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        _check_reset(options, ("state", "reset_mask"))
        given, mask = (options or {}).get("state"), (options or {}).get("reset_mask")
        fresh = self.world.sample(self.np_random, self.num_envs) if given is None else _copy_state(given, self.num_envs)
        if mask is None:
            self._state, self._steps = fresh, np.zeros(self.num_envs, np.int64)
        else:
            rows, old = np.asarray(mask, bool), _started(self._state)
            self._state = {name: np.where(rows.reshape(-1, *[1] * (part.ndim - 1)), part, old[name]) for name, part in fresh.items()}
            self._steps = np.where(rows, 0, self._steps)
        return self.world.observe(self._state), self._info()

    def step(self, actions: Any) -> tuple[Any, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        self._state = self.world.advance(_started(self._state), np.asarray(actions).reshape(self.num_envs, -1))
        self._steps = self._steps + 1
        zeros = np.zeros(self.num_envs)
        return self.world.observe(self._state), zeros, zeros.astype(bool), self._steps >= self.max_steps, self._info()

    def render(self) -> tuple[np.ndarray, ...]:
        """The present states, each `[height width 3]`."""
        return tuple(render_state(self.world, _started(self._state)))

    def _info(self) -> dict[str, Any]:
        return {"state": _copy_state(_started(self._state), self.num_envs)}


def _started(state: WorldState | None) -> WorldState:
    if state is None:
        raise gymnasium.error.ResetNeeded("call reset() before step() or render()")
    return state


def _copy_state(state: WorldState, num: int) -> WorldState:
    copy = {name: np.array(part) for name, part in state.items()}
    for name, part in copy.items():
        if part.shape[:1] != (num,):
            raise ConfigError(f"The state's '{name}' has shape {list(part.shape)}.", expected=f"{num} rows, one for each world")
    return copy


def _check_options(max_steps: int, render_mode: str | None) -> None:
    if not isinstance(max_steps, int) or max_steps < 1:
        raise ConfigError(f"An episode cannot have max_steps={max_steps!r}.", expected="a whole number of at least 1")
    if render_mode not in (None, "rgb_array"):
        raise ConfigError(f"A world cannot be rendered as '{render_mode}'.", expected="render_mode=None or 'rgb_array'")


def _check_reset(options: Mapping[str, Any] | None, known: tuple[str, ...]) -> None:
    unknown = sorted(set(options or {}) - set(known))
    if unknown:
        raise ConfigError(f"reset knows no option '{unknown[0]}'.", expected=", ".join(known))
