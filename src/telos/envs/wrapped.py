"""A world around another one, and all of it the other's until something is said."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from telos.core.spaces import Spaces, Tree
from telos.core.world import AbstractWorld, Rules, WorldState


@dataclass(frozen=True, kw_only=True)
class WrappedWorld(AbstractWorld):
    """Passes everything on to the world inside; a subclass says what is different."""

    world: AbstractWorld
    """What is inside."""

    @property
    def pair_kinds(self) -> tuple[str, ...]:  # type: ignore[override]
        return self.world.pair_kinds

    @property
    def rules(self) -> Rules:  # type: ignore[override]
        return self.world.rules

    @property
    def units(self) -> Mapping[str, str]:  # type: ignore[override]
        return self.world.units

    @property
    def has_expert(self) -> bool:  # type: ignore[override]
        return self.world.has_expert

    @property
    def spaces(self) -> Spaces:
        return self.world.spaces

    def sample(self, rng: np.random.Generator, num: int) -> WorldState:
        return self.world.sample(rng, num)

    def sample_pairs(self, rng: np.random.Generator, num: int, kind: str) -> tuple[WorldState, WorldState]:
        return self.world.sample_pairs(rng, num, kind)

    def advance(self, state: WorldState, actions: np.ndarray) -> WorldState:
        return self.world.advance(state, actions)

    def observe(self, state: WorldState) -> Tree:
        return self.world.observe(state)

    def expert(self, state: WorldState, goal: WorldState) -> np.ndarray:
        return self.world.expert(state, goal)

    def distance(self, state: WorldState, goal: WorldState) -> np.ndarray:
        return self.world.distance(state, goal)

    def over(self, state: WorldState) -> np.ndarray:
        return self.world.over(state)

    def idle(self, state: WorldState) -> np.ndarray | None:
        return self.world.idle(state)

    def truth(self, state: WorldState) -> WorldState:
        return self.world.truth(state)

    def recall(self, truth: WorldState, actions: np.ndarray) -> WorldState:
        return self.world.recall(truth, actions)
