"""Environments of Gymnasium, of any package, by their id: `gym:Name-v0` or `gym:module:Name-v0`."""

import atexit
import contextlib
import difflib
import importlib
import inspect
import io
import os
import sys
import warnings
import weakref
from collections.abc import Mapping
from typing import Any

import gymnasium
import numpy as np
from gymnasium.envs.registration import load_env_creator

from telos.core.errors import ConfigError, UnknownNameError
from telos.envs import canvas

PREFIX = "gym:"
PACKAGES = {
    "PointMaze": "gymnasium_robotics",
    "AntMaze": "gymnasium_robotics",
    "Fetch": "gymnasium_robotics",
    "gym_pusht": "gym_pusht",
    "MiniGrid": "minigrid",
    "BabyAI": "minigrid",
    "highway": "highway_env",
    "parking": "highway_env",
}
"""Modules that register well-known ids, by how these begin: their users need not name them."""
_RENDERED: weakref.WeakSet[gymnasium.Env] = weakref.WeakSet()
OWN_ARGS = ("max_steps", "pixels")


def is_foreign(name: str) -> bool:
    """Whether the name is an id of Gymnasium's."""
    return name.startswith(PREFIX)


def make(name: str, *, max_steps: int | None = None, pixels: int | None = None, **args: Any) -> gymnasium.Env:
    """The environment; with `pixels` it observes its rendered frame, in so many pixels.

    Raises:
        UnknownNameError: Gymnasium knows no such id.
        ConfigError: it refuses its arguments, or something it needs is not installed.
    """
    spec = spec_of(name)
    if pixels is not None:
        if not isinstance(pixels, int) or pixels < 1:
            raise ConfigError(f"'{name}' cannot be observed in pixels={pixels!r}.", expected="a whole number of at least 1")
        args = {**args, "render_mode": "rgb_array"}
    try:
        env = gymnasium.make(spec, max_episode_steps=max_steps, disable_env_checker=True, **args)
    except gymnasium.error.DependencyNotInstalled as error:
        raise _missing_package(name, error) from error
    except (TypeError, ValueError, AssertionError, gymnasium.error.Error) as error:
        raise ConfigError(f"'{name}' cannot be made: {error}.", expected="arguments among " + ", ".join(_legal_args(spec))) from error
    return env if pixels is None else RenderedFrames(env, pixels)


def with_rendering(name: str, args: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments, and those that make the environment render pictures, if it can."""
    modes = spec_of(name).kwargs.get("render_modes") or _render_modes(spec_of(name))
    return {"render_mode": "rgb_array", **args} if "rgb_array" in modes else dict(args)


def render(env: gymnasium.Env, name: str) -> np.ndarray:
    """The rendered frame `[height width 3]`. Raises ConfigError where there is none, or where something it needs is missing."""
    if sys.platform == "linux" and not os.environ.get("DISPLAY"):
        # Left to itself MuJoCo looks for a screen, and without one it takes the whole process down.
        os.environ.setdefault("MUJOCO_GL", "egl")
    try:
        frame = env.render()
    except gymnasium.error.DependencyNotInstalled as error:
        raise _missing_package(name, error) from error
    if not isinstance(frame, np.ndarray) or frame.ndim != 3 or frame.shape[-1] < 3:
        raise ConfigError(f"'{name}' renders no colour pictures, so it cannot be observed in pixels.", fix="leave pixels away")
    if env not in _RENDERED:
        # A renderer that is cleared away after its graphics library has gone complains; whoever registers last is called first.
        _RENDERED.add(env)
        atexit.register(_close, weakref.ref(env))
    return frame[..., :3]


def _close(env: weakref.ref[gymnasium.Env]) -> None:
    held = env()
    if held is not None:
        # Not every environment bears being closed twice.
        with contextlib.suppress(Exception):
            held.close()


class RenderedFrames(gymnasium.Wrapper):
    """Replaces the observation by the rendered frame, shrunk to `size` by `size` pixels by averaging areas."""

    def __init__(self, env: gymnasium.Env, size: int) -> None:
        super().__init__(env)
        self.size = size
        self.observation_space = gymnasium.spaces.Box(0, 255, (size, size, 3), np.uint8)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[np.ndarray, dict[str, Any]]:
        _, info = self.env.reset(seed=seed, options=options)
        return self._frame(), info

    def step(self, action: Any) -> tuple[np.ndarray, Any, bool, bool, dict[str, Any]]:
        _, reward, terminated, truncated, info = self.env.step(action)
        return self._frame(), reward, terminated, truncated, info

    def _frame(self) -> np.ndarray:
        return canvas.shrink(render(self.env, str(self.env)), self.size)


def _missing_package(name: str, error: Exception) -> ConfigError:
    return ConfigError(f"'{name}' needs a package that is not installed: {error}.", fix="install it, and try again")


def spec_of(name: str) -> gymnasium.envs.registration.EnvSpec:
    """What Gymnasium knows of an id. Raises what `make` raises."""
    module, _, short = name.removeprefix(PREFIX).rpartition(":")
    module = module or next((package for start, package in PACKAGES.items() if short.startswith(start)), "")
    if module:
        _import(module, name)
    try:
        return gymnasium.spec(short)
    except (gymnasium.error.Error, ValueError) as error:
        # Gymnasium knows dozens of ids; the close ones say enough.
        close = difflib.get_close_matches(short, list(gymnasium.registry), n=3, cutoff=0.4)
        raise UnknownNameError(
            f"There is no environment called '{name}'.",
            expected="an id of Gymnasium's, such as " + ", ".join(PREFIX + known for known in close or ["CartPole-v1"]),
            fix=f"if a package brings it, name the module that registers it: {PREFIX}module:{short}" if not module else "",
        ) from error


def _import(module: str, name: str) -> None:
    """Imports the module of an id, so that it registers what it has."""
    try:
        # Packages print advice about their own environments, of which only one is asked for.
        with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")
            importlib.import_module(module)
    except ImportError as error:
        raise ConfigError(f"The module '{module}' of '{name}' cannot be imported: {error}.", fix=f"install the package of {module}") from error


def _render_modes(spec: gymnasium.envs.registration.EnvSpec) -> list[str]:
    creator = load_env_creator(spec.entry_point) if isinstance(spec.entry_point, str) else spec.entry_point
    return list((getattr(creator, "metadata", None) or {}).get("render_modes", ()))


def _legal_args(spec: gymnasium.envs.registration.EnvSpec) -> list[str]:
    creator = load_env_creator(spec.entry_point) if isinstance(spec.entry_point, str) else spec.entry_point
    names = inspect.signature(creator).parameters if callable(creator) else ()
    return sorted({*OWN_ARGS, *names} - {"self", "args", "kwargs"})
