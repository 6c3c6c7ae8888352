"""Acrobot of Gymnasium: two links, a motor in the elbow only; swing the tip above the line."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import gymnasium
import numpy as np

from telos.core.world import Rules, WorldState
from telos.envs.gym_world import OVER, AbstractGymWorld

LINE = 1.0
"""Height of the line above the hinge, in links."""


@dataclass(frozen=True, kw_only=True)
class Acrobot(AbstractGymWorld):
    """Two links that hang from a hinge (`Acrobot-v1`): cosines and sines of both angles, and their velocities, are seen. Choices: -1, 0, 1.

    Starts are the environment's own, nearly hanging and nearly at rest; the goal is both links straight up and at rest. Success is
    the environment's own: the tip above the line, one link above the hinge, within 500 steps of 0.2 seconds; then the episode ends.
    """

    pair_kinds: ClassVar[tuple[str, ...]] = ("upright",)
    rules: ClassVar[Rules] = Rules(radius=0.0, unit="links below the line", hold=1, steps=500)
    has_expert: ClassVar[bool] = True

    def read(self, env: gymnasium.Env) -> Mapping[str, np.ndarray]:
        return {"joints": np.array(env.unwrapped.state, np.float64)}  # type: ignore[attr-defined]

    def restore(self, env: gymnasium.Env, state: Mapping[str, np.ndarray]) -> None:
        """`joints`: both angles, the second from the first link on, and both velocities."""
        inner: Any = env.unwrapped
        inner.state = np.array(state["joints"], np.float64)

    def look(self, env: gymnasium.Env) -> np.ndarray:
        return env.unwrapped._get_ob()  # type: ignore[attr-defined]

    def idle(self, state: WorldState) -> np.ndarray:
        """The choice in the middle is no torque."""
        return np.ones((len(state[OVER]), 1), np.int64)

    def sample_pairs(self, rng: np.random.Generator, num: int, kind: str) -> tuple[WorldState, WorldState]:
        self.check_pair_kind(kind)
        starts = self.sample(rng, num)
        return starts, {"joints": np.tile([np.pi, 0.0, 0.0, 0.0], (num, 1)), OVER: np.zeros(num, dtype=bool)}

    def distance(self, state: WorldState, goal: WorldState) -> np.ndarray:
        """Between the heights of the tips, in links; above the line all heights are alike."""
        return np.abs(np.minimum(tip_height(state), LINE) - np.minimum(tip_height(goal), LINE))

    def expert(self, state: WorldState, goal: WorldState) -> np.ndarray:
        """Bends the elbow against the swing of the first link, which pumps energy into it, whatever the goal."""
        return np.where(state["joints"][:, 2:3] > 0, 0, 2)


def tip_height(state: WorldState) -> np.ndarray:
    """Of the second link's end above the hinge, in links: from -2 to 2."""
    first, second = state["joints"][:, 0], state["joints"][:, 1]
    return -np.cos(first) - np.cos(first + second)
