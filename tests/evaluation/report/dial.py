"""A world of a user's own: a dial that is turned. It has no place on a map, and nobody draws it."""

from dataclasses import dataclass

import numpy as np

from telos.core.spaces import Spaces, VectorSpace
from telos.core.world import AbstractWorld


@dataclass(frozen=True, kw_only=True)
class Dial(AbstractWorld):
    """State: `angle [batch 1]`, in turns; it is seen as cosine and sine."""

    @property
    def spaces(self) -> Spaces:
        return Spaces(VectorSpace(2), VectorSpace(1, (-0.05,), (0.05,)))

    def sample(self, rng, num):
        return {"angle": rng.random((num, 1))}

    def sample_pairs(self, rng, num, kind):
        start = rng.random((num, 1))
        return {"angle": start}, {"angle": (start + rng.uniform(0.2, 0.4, (num, 1))) % 1}

    def advance(self, state, actions):
        return {"angle": (state["angle"] + np.clip(actions, -0.05, 0.05)) % 1}

    def observe(self, state):
        turn = 2 * np.pi * state["angle"]
        return np.concatenate([np.cos(turn), np.sin(turn)], axis=1).astype(np.float32)

    def expert(self, state, goal):
        return np.clip((goal["angle"] - state["angle"] + 0.5) % 1 - 0.5, -0.05, 0.05).astype(np.float32)

    def distance(self, state, goal):
        return np.abs((goal["angle"] - state["angle"] + 0.5) % 1 - 0.5)[:, 0]
