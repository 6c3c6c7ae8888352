"""Pendulum of Gymnasium: swing up with a motor that is too weak to lift it, and stay there."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import gymnasium
import numpy as np

from telos.core.world import Rules, WorldState
from telos.envs.gym_world import OVER, AbstractGymWorld

SWAY = 0.2
"""Most that a start hangs away from straight down, in radians."""
GRAVITY, MOTOR = 15.0, 3.0
"""Angular acceleration when it lies level, and for each unit of torque, in radians per second squared."""
CAUGHT = 0.4
"""Angle within which the expert stops pumping and balances, in radians; at 0.41 full torque just carries the weight."""


@dataclass(frozen=True, kw_only=True)
class Pendulum(AbstractGymWorld):
    """A rod on a hinge (`Pendulum-v1`): cosine and sine of its angle from upright, and its velocity, are seen. A step is 0.05 seconds.

    Starts hang within 0.2 radians of straight down, at rest; the goal is upright and at rest. Success is to be within 0.2 radians
    of upright in each of the last 20 of 200 steps.

    Pictures leave out the arrow that shows the torque of the last action: it is no part of the state. One picture shows no
    velocity; observe clips, `frames=2`. They are drawn in four times the size asked for, where the environment takes 500 pixels.
    """

    pair_kinds: ClassVar[tuple[str, ...]] = ("swing-up",)
    rules: ClassVar[Rules] = Rules(radius=0.2, unit="radians", hold=20, at_end=True, steps=200)
    units: ClassVar[Mapping[str, str]] = {"angle": "radians"}
    has_expert: ClassVar[bool] = True

    def read(self, env: gymnasium.Env) -> Mapping[str, np.ndarray]:
        angle, velocity = env.unwrapped.state  # type: ignore[attr-defined]
        return {"angle": np.array(angle, np.float64), "velocity": np.array(velocity, np.float64)}

    def restore(self, env: gymnasium.Env, state: Mapping[str, np.ndarray]) -> None:
        inner: Any = env.unwrapped
        inner.state = np.array([state["angle"], state["velocity"]])
        inner.last_u = None

    def look(self, env: gymnasium.Env) -> np.ndarray:
        return env.unwrapped._get_obs()  # type: ignore[attr-defined]

    def picture(self, env: gymnasium.Env, size: int) -> np.ndarray:
        inner: Any = env.unwrapped
        inner.last_u = None
        if inner.screen_dim != 4 * size:
            inner.screen, inner.screen_dim = None, 4 * size
        return super().picture(env, size)

    def sample_pairs(self, rng: np.random.Generator, num: int, kind: str) -> tuple[WorldState, WorldState]:
        self.check_pair_kind(kind)
        upright = {"angle": np.zeros(num), "velocity": np.zeros(num), OVER: np.zeros(num, dtype=bool)}
        return {**upright, "angle": np.pi + rng.uniform(-SWAY, SWAY, num)}, upright

    def distance(self, state: WorldState, goal: WorldState) -> np.ndarray:
        """Between the angles, the short way round, in radians."""
        return np.abs(_wrapped(state["angle"] - goal["angle"]))

    def expert(self, state: WorldState, goal: WorldState) -> np.ndarray:
        """Pushes along with the motion until the energy suffices, brakes when there is too much, and balances at the top, whatever the goal.

        Source: Åström & Furuta (2000), "Swinging up a pendulum by energy control".
        """
        angle, velocity = _wrapped(state["angle"]), state["velocity"]
        lacking = GRAVITY * (1 - np.cos(angle)) - velocity**2 / 2
        pump = 2 * lacking * np.where(velocity < 0, -1, 1)
        balance = -(GRAVITY * np.sin(angle) + 20 * angle + 8 * velocity) / MOTOR
        return np.clip(np.where(np.abs(angle) < CAUGHT, balance, pump), -2, 2)[:, None].astype(np.float32)


def _wrapped(angle: np.ndarray) -> np.ndarray:
    """The same angle from -pi to pi."""
    return (angle + np.pi) % (2 * np.pi) - np.pi
