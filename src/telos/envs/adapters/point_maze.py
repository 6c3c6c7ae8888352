"""PointMaze of gymnasium-robotics: a ball that is pushed about in a maze by forces."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import gymnasium
import numpy as np

from telos.core.spaces import VectorSpace
from telos.core.world import Rules, WorldState
from telos.envs.gym_world import OVER, AbstractGymWorld

SUCCESS_RADIUS = 0.45
"""The environment's own, in cells."""
WALL = 1
"""In its maps; everything else is free."""
LEAN, BRAKE = 4.0, 1.0
"""Gains of the expert: force for each cell that it is away, and for each cell per second that it moves."""


@dataclass(frozen=True, kw_only=True)
class PointMaze(AbstractGymWorld):
    """A ball in a maze (`PointMaze_UMaze-v3` and the like): position and velocity are seen, a goal is a place to be at rest in.

    Starts and goals are drawn as the environment draws them. Success is its own: within 0.45 cells of the goal. It is judged
    once an action has been carried out, that is, every `action_repeat` steps of the environment, in the time that is registered
    for it (U-maze 300 of its steps, medium 600, large 800).

    Five steps of the environment make one of the agent: the ball is heavy, and a single one of 10 ms hardly moves it.

    Pictures show the maze from above and no goal, since the one that the environment holds is not the agent's. They are drawn
    without anti-aliasing (`offsamples = 0`), which is 1 to 2 times as fast.

    The contact solver starts from nothing at every step, where the environment starts it from the last solution. In free motion
    that changes nothing; along walls positions differ by less than 1e-12 cells after 50 random actions.
    """

    action_repeat: int = 5

    has_expert: ClassVar[bool] = True

    @property
    def rules(self) -> Rules:  # type: ignore[override]
        """The environment's, its time counted in actions."""
        spec = self.engine.spec
        assert spec is not None
        assert spec.max_episode_steps is not None
        return Rules(radius=SUCCESS_RADIUS, unit="cells of the maze", hold=1, steps=max(1, spec.max_episode_steps // self.action_repeat))

    def make(self) -> gymnasium.Env:
        env = super().make()
        inner = env.unwrapped
        inner.model.vis.quality.offsamples = 0  # type: ignore[attr-defined]
        inner.model.site_rgba[inner.target_site_id, 3] = 0  # type: ignore[attr-defined]
        if getattr(inner.point_env, "mujoco_renderer", None) is not None:  # type: ignore[attr-defined]
            inner.point_env.mujoco_renderer.default_cam_config |= {"elevation": -90, "azimuth": 90}  # type: ignore[attr-defined]
        return env

    def seen_space(self) -> VectorSpace:
        return VectorSpace(4)

    def read(self, env: gymnasium.Env) -> Mapping[str, np.ndarray]:
        data: Any = env.unwrapped.data  # type: ignore[attr-defined]
        return {"qpos": data.qpos, "qvel": data.qvel}

    def restore(self, env: gymnasium.Env, state: Mapping[str, np.ndarray]) -> None:
        """Sets what the environment's own step starts from; what follows from it is computed there, or before a picture is drawn."""
        data: Any = env.unwrapped.data  # type: ignore[attr-defined]
        data.qpos[:], data.qvel[:], data.qacc_warmstart[:] = state["qpos"], state["qvel"], 0

    def look(self, env: gymnasium.Env) -> np.ndarray:
        data: Any = env.unwrapped.data  # type: ignore[attr-defined]
        return np.concatenate([data.qpos, data.qvel])

    def picture(self, env: gymnasium.Env, size: int) -> np.ndarray:
        inner: Any = env.unwrapped.point_env  # type: ignore[attr-defined]
        inner.set_state(inner.data.qpos, inner.data.qvel)
        return super().picture(env, size)

    def sample_pairs(self, rng: np.random.Generator, num: int, kind: str) -> tuple[WorldState, WorldState]:
        """What the environment draws in one reset each: a goal, and a start in another cell."""
        self.check_pair_kind(kind)
        starts, goals = np.empty((num, 2)), np.empty((num, 2))
        for row, seed in enumerate(rng.integers(2**31, size=num)):
            observation, _ = self.engine.reset(seed=int(seed))
            starts[row], goals[row] = observation["achieved_goal"], observation["desired_goal"]
        return _at_rest(starts), _at_rest(goals)

    def distance(self, state: WorldState, goal: WorldState) -> np.ndarray:
        return np.sqrt(np.square(state["qpos"] - goal["qpos"]).sum(axis=1))

    def expert(self, state: WorldState, goal: WorldState) -> np.ndarray:
        """A spring and a brake towards the middle of the next cell on the shortest way, and in the goal's cell towards the goal."""
        here, there = self._cells(state["qpos"]), self._cells(goal["qpos"])
        following = self._ways[here, there]
        target = np.where((here == there)[:, None], goal["qpos"], self._middles[following])
        return np.clip(LEAN * (target - state["qpos"]) - BRAKE * state["qvel"], -1, 1).astype(np.float32)

    @cached_property
    def _map(self) -> np.ndarray:
        """`[rows columns]`: where a wall is."""
        maze: Any = self.engine.unwrapped.maze  # type: ignore[attr-defined]
        return np.array([[cell == WALL for cell in row] for row in maze.maze_map])

    @cached_property
    def _middles(self) -> np.ndarray:
        """`[cells 2]`, row by row."""
        maze: Any = self.engine.unwrapped.maze  # type: ignore[attr-defined]
        return np.array([maze.cell_rowcol_to_xy(np.array(place)) for place in np.ndindex(self._map.shape)])

    def _cells(self, places: np.ndarray) -> np.ndarray:
        """The number of the cell `[batch]` in which a place is."""
        return np.square(places[:, None] - self._middles).sum(axis=-1).argmin(axis=1)

    @cached_property
    def _ways(self) -> np.ndarray:
        """`[cells cells]`: the cell to go to next, from one on the way to another; itself where there is no way."""
        num, columns = self._map.size, self._map.shape[1]
        free = ~self._map.reshape(-1)
        following = np.tile(np.arange(num)[:, None], (1, num))
        for goal in np.flatnonzero(free).tolist():
            reached, waiting = {goal}, deque([goal])
            while waiting:
                cell = waiting.popleft()
                for step in (1, -1, columns, -columns):
                    # The outermost cells are walls, so that no step leads round an edge.
                    if free[cell + step] and cell + step not in reached:
                        reached.add(cell + step)
                        following[cell + step, goal] = cell
                        waiting.append(cell + step)
        return following


def _at_rest(places: np.ndarray) -> WorldState:
    return {"qpos": places, "qvel": np.zeros_like(places), OVER: np.zeros(len(places), dtype=bool)}
