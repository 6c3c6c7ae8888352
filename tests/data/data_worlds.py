"""Small worlds and stores for the tests of the data layer."""

from pathlib import Path

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv

from telos.core.spaces import DiscreteSpace, PixelSpace, Spaces, TreeSpace, VectorSpace
from telos.data import Episodes, EpisodeWriter

ACTION = VectorSpace(2, (-1.0, -1.0), (1.0, 1.0))
PIXELS = Spaces(PixelSpace(8, 8), ACTION)
VECTOR = Spaces(VectorSpace(3), DiscreteSpace(4))
TREE = Spaces(TreeSpace({"camera": PixelSpace(6, 5, 1), "proprio": VectorSpace(2)}), ACTION)


def sample(space, num: int, rng: np.random.Generator):
    """Random rows `[num ...]` of a space."""
    match space:
        case TreeSpace():
            return {name: sample(part, num, rng) for name, part in space.spaces.items()}
        case PixelSpace():
            return rng.integers(0, 256, (num, *space.shape), dtype=np.uint8)
        case DiscreteSpace():
            return rng.integers(space.num, size=(num, 1))
    return rng.uniform(-1, 1, (num, space.size)).astype(np.float32)


def write_store(path: Path, spaces: Spaces = PIXELS, lengths=(5, 1, 9, 4), seed: int = 0, **about) -> Episodes:
    """A store of random numbers, with the row number as its true state."""
    rng = np.random.default_rng(seed)
    with EpisodeWriter(path, spaces, **about) as writer:
        for length in lengths:
            state = {"row": np.arange(length + 1.0)}
            writer.add(sample(spaces.observation, length + 1, rng), sample(spaces.action, length, rng), info=state)
    return Episodes.open(path)


class DriftingPoints(VectorEnv):
    """Points that go where they are pushed; an episode ends by itself when its point has gone far."""

    def __init__(self, num_envs: int = 8, far: float = 1e9, autoreset_mode: AutoresetMode = AutoresetMode.DISABLED) -> None:
        self.num_envs, self.far = num_envs, far
        self.metadata = {"autoreset_mode": autoreset_mode}
        self.single_observation_space = gymnasium.spaces.Box(0, 255, (8, 8, 3), np.uint8)
        self.single_action_space = gymnasium.spaces.Box(-1, 1, (2,), np.float32)
        self.places = np.zeros((num_envs, 2))
        self.rng = np.random.default_rng(0)

    def reset(self, *, seed=None, options=None):
        if seed is not None:
            self.rng = np.random.default_rng(seed)
        mask = (options or {}).get("reset_mask", np.ones(self.num_envs, dtype=bool))
        self.places[mask] = self.rng.uniform(-1, 1, (int(mask.sum()), 2))
        return self._look(), self._info()

    def step(self, actions):
        self.places = self.places + actions
        ended = np.abs(self.places).max(1) > self.far
        return self._look(), np.zeros(self.num_envs), ended, np.zeros(self.num_envs, dtype=bool), self._info()

    def _look(self):
        shade = (np.abs(self.places).sum(1) * 20 % 256).astype(np.uint8)
        return np.broadcast_to(shade[:, None, None, None], (self.num_envs, 8, 8, 3)).copy()

    def _info(self):
        return {"state": {"position": self.places.copy()}}


class Corridor(gymnasium.Env):
    """Four cells in a row, plain Gymnasium: 0 goes left, 1 goes right, and the end is the end."""

    observation_space = gymnasium.spaces.Box(0, 10, (3,), np.float64)
    action_space = gymnasium.spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.cell = int(self.np_random.integers(3))
        return np.full(3, self.cell, dtype=np.float64), {"state": {"cell": np.array([self.cell])}}

    def step(self, action):
        assert action in (0, 1)
        self.cell = max(0, self.cell + (1 if action == 1 else -1))
        return np.full(3, self.cell, dtype=np.float64), 0.0, self.cell >= 3, False, {"state": {"cell": np.array([self.cell])}}
