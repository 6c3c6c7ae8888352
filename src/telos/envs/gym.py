"""Worlds as Gymnasium environments: one at a time, or a whole batch in one call."""

import math
from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from telos.core.errors import ConfigError, SpaceError
from telos.core.logs import map_tree
from telos.core.spaces import DiscreteSpace, PixelSpace, TreeSpace, VectorSpace
from telos.core.world import AbstractWorld, WorldState

RENDER_SIZE = 256
"""Height and width of rendered frames, in pixels."""
START_OPTIONS = ("state", "goal_state", "pairs")


@runtime_checkable
class Drawable(Protocol):
    """A world that can draw its states for people, in any size, whatever the agent observes."""

    def draw(self, state: WorldState, size: int) -> np.ndarray:
        """Pictures `[batch size size 3]`."""
        ...


def gym_space(space: Any) -> gymnasium.Space:
    """The Gymnasium space for a Telos one."""
    match space:
        case PixelSpace():
            return gymnasium.spaces.Box(0, 255, space.shape, np.uint8)
        case DiscreteSpace():
            return gymnasium.spaces.Discrete(space.num)
        case VectorSpace():
            low, high = space.low or (-np.inf,) * space.size, space.high or (np.inf,) * space.size
            return gymnasium.spaces.Box(np.array(low, np.float32), np.array(high, np.float32), space.shape, np.float32)
        case TreeSpace():
            return gymnasium.spaces.Dict({name: gym_space(part) for name, part in space.spaces.items()})
    raise TypeError(f"no Gymnasium space for {space!r}")


def render_state(world: AbstractWorld, state: WorldState) -> np.ndarray:
    """Pictures `[batch height width 3]` of states: from the world's `draw(state, size)`, else what it observes.

    Raises:
        ConfigError: the world has neither `draw` nor pictures as observations.
    """
    if isinstance(world, Drawable):
        return world.draw(state, RENDER_SIZE)
    if isinstance(world.spaces.observation, PixelSpace):
        return world.observe(state)
    raise ConfigError(f"{type(world).__name__} cannot be rendered.", expected="a method draw(state, size), or pictures as observations")


class WorldEnv(gymnasium.Env):
    """One world. It has no task: the reward is 0, and an episode ends with `max_steps`, or where the world says it is over.

    `reset(options={"state": ..., "goal_state": ...})` restores a state and sets a goal, arrays `[1 ...]`; or
    `options={"pairs": kind}` samples both. `info["state"]` is the true state, for evaluation only; with a goal come
    `info["goal_state"]`, `info["distance"]` and, from `reset`, `info["goal"]`: what is seen there, without the batch axis.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 10}  # noqa: RUF012

    def __init__(self, world: AbstractWorld, *, max_steps: int = 200, render_mode: str | None = None) -> None:
        _check_options(max_steps, render_mode)
        self.world, self.max_steps, self.render_mode = world, max_steps, render_mode
        self.observation_space = gym_space(world.spaces.observation)
        self.action_space = gym_space(world.spaces.action)
        self._state: WorldState | None = None
        self._goal: WorldState | None = None
        self._steps = 0

    def reset(self, *, seed: int | None = None, options: Mapping[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        options = _check_reset(options, START_OPTIONS)
        self._state, self._goal = _start(self.world, self.np_random, 1, options)
        self._steps = 0
        info = self._info()
        if self._goal is not None:
            info["goal"] = map_tree(lambda part: part[0], self.world.observe(self._goal))
        return self._observe(), info

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self._state = self.world.advance(_started(self._state), _checked(self.world, action, 1))
        self._steps += 1
        over = bool(self.world.over(self._state)[0])
        return self._observe(), 0.0, over, self._steps >= self.max_steps, self._info()

    def render(self) -> np.ndarray:
        """The present state `[height width 3]`."""
        return render_state(self.world, _started(self._state))[0]

    def _observe(self) -> Any:
        return map_tree(lambda part: part[0], self.world.observe(_started(self._state)))

    def _info(self) -> dict[str, Any]:
        return _truth(self.world, _started(self._state), self._goal)


class WorldVectorEnv(VectorEnv):
    """A batch of worlds, advanced in one call. Nothing resets by itself.

    Options and info are those of `WorldEnv`, in arrays `[num ...]`; with `options={"reset_mask": ...}` only the rows
    of the mask start anew. One seed serves the whole batch.
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
        self._goal: WorldState | None = None
        self._steps = np.zeros(num, np.int64)

    def reset(self, *, seed: Any = None, options: Mapping[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        options = _check_reset(options, (*START_OPTIONS, "reset_mask"))
        state, goal = _start(self.world, self.np_random, self.num_envs, options)
        rows = np.ones(self.num_envs, bool) if options.get("reset_mask") is None else np.asarray(options["reset_mask"], bool)
        if not rows.all():
            state = _replace_rows(_started(self._state), state, rows)
            if (goal is None) != (self._goal is None):
                raise ConfigError("Some rows would have a goal and others none.", expected="a goal for every row of a batch, or for none")
            goal = goal and _replace_rows(self._goal or {}, goal, rows)
        self._state, self._goal, self._steps = state, goal, np.where(rows, 0, self._steps)
        info = self._info()
        return self.world.observe(state), info if goal is None else {**info, "goal": self.world.observe(goal)}

    def step(self, actions: Any) -> tuple[Any, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        self._state = self.world.advance(_started(self._state), _checked(self.world, actions, self.num_envs))
        self._steps = self._steps + 1
        rewards, over = np.zeros(self.num_envs), self.world.over(self._state)
        return self.world.observe(self._state), rewards, over, self._steps >= self.max_steps, self._info()

    def render(self) -> tuple[np.ndarray, ...]:
        """The present states, each `[height width 3]`."""
        return tuple(render_state(self.world, _started(self._state)))

    def _info(self) -> dict[str, Any]:
        return _truth(self.world, _started(self._state), self._goal)


def _started(state: WorldState | None) -> WorldState:
    if state is None:
        raise gymnasium.error.ResetNeeded("call reset() before step() or render()")
    return state


def _start(world: AbstractWorld, rng: np.random.Generator, num: int, options: Mapping[str, Any]) -> tuple[WorldState, WorldState | None]:
    """The states, and the goals if there are any, that a reset asks for."""
    given, goal = options.get("state"), options.get("goal_state")
    if "pairs" in options:
        if given is not None or goal is not None:
            raise ConfigError("reset was given pairs as well as states.", expected="'pairs', or 'state' and 'goal_state'")
        return world.sample_pairs(rng, num, options["pairs"])
    state = world.sample(rng, num) if given is None else _fitting(world, given, num)
    return state, None if goal is None else _fitting(world, goal, num)


def _fitting(world: AbstractWorld, state: WorldState, num: int) -> WorldState:
    """A copy of a state from outside. Raises ConfigError if it is not one of this world's."""
    usual = world.sample(np.random.default_rng(0), 1)
    if isinstance(state, Mapping) and set(state) != set(usual) and set(state) == set(world.truth(usual)):
        # What logs keep, and nothing done since: the beginning of an episode.
        rows = [world.recall({name: np.asarray(part)[index : index + 1] for name, part in state.items()}, np.empty(0)) for index in range(num)]
        state = {name: np.concatenate([row[name] for row in rows]) for name in usual}
    if not isinstance(state, Mapping) or set(state) != set(usual):
        found = sorted(state) if isinstance(state, Mapping) else type(state).__name__
        raise ConfigError(f"A state of {type(world).__name__} cannot have the parts {found}.", expected=f"{sorted(usual)}, as in info['state']")
    # Stores keep no truth values and half the digits; the world's own dtypes come back here.
    copy = {name: np.array(part, usual[name].dtype) for name, part in state.items()}
    for name, part in copy.items():
        if part.shape != (num, *usual[name].shape[1:]):
            raise ConfigError(
                f"The state's '{name}' has shape {list(part.shape)}.",
                expected=f"{[num, *usual[name].shape[1:]]}: {num} {'rows, one for each world' if num > 1 else 'row'}",
            )
    return copy


def _checked(world: AbstractWorld, actions: Any, num: int) -> np.ndarray:
    """Actions from outside as `[num action]`. Raises SpaceError if they do not fit, or hold NaN."""
    actions, space = np.asarray(actions), world.spaces.action
    # Gymnasium gives discrete choices, and the action of a single world, without these axes.
    expected = (num, *space.shape)
    if actions.size == math.prod(expected):
        actions = actions.reshape(expected)
    if space.batch_shape(actions, what="The action") != (num,):
        raise SpaceError(f"The actions have shape {list(actions.shape)}.", expected=f"{list(expected)}")
    return space.check(actions, what="The action")


def _copy(state: WorldState) -> dict[str, np.ndarray]:
    return {name: np.array(part) for name, part in state.items()}


def _replace_rows(old: WorldState, new: WorldState, rows: np.ndarray) -> WorldState:
    return {name: np.where(rows.reshape(-1, *[1] * (part.ndim - 1)), part, old[name]) for name, part in new.items()}


def _truth(world: AbstractWorld, state: WorldState, goal: WorldState | None) -> dict[str, Any]:
    """What `info` holds; copies, so that nobody moves the world by writing into it."""
    info: dict[str, Any] = {"state": _copy(world.truth(state))}
    return info if goal is None else {**info, "goal_state": _copy(goal), "distance": world.distance(state, goal)}


def _check_options(max_steps: int, render_mode: str | None) -> None:
    if not isinstance(max_steps, int) or max_steps < 1:
        raise ConfigError(f"An episode cannot have max_steps={max_steps!r}.", expected="a whole number of at least 1")
    if render_mode not in (None, "rgb_array"):
        raise ConfigError(f"A world cannot be rendered as '{render_mode}'.", expected="render_mode=None or 'rgb_array'")


def _check_reset(options: Mapping[str, Any] | None, known: tuple[str, ...]) -> Mapping[str, Any]:
    unknown = sorted(set(options or {}) - set(known))
    if unknown:
        raise ConfigError(f"reset knows no option '{unknown[0]}'.", expected=", ".join(known))
    return options or {}
