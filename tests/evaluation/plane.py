"""A world so plain that everything about it is known, and models of it that know it exactly, or not at all."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from telos.agent.actor import MPPI
from telos.agent.cost import LeastDistance, RunningMinimum
from telos.agent.loop import Agent, AgentSettings
from telos.core.contracts import AbstractWorldModel
from telos.core.spaces import Spaces, VectorSpace
from telos.core.types import State
from telos.core.world import AbstractWorld, WorldState
from telos.data import Episodes, EpisodeWriter

STRIDE = 0.1


@dataclass(frozen=True, kw_only=True)
class Plane(AbstractWorld):
    """A point goes where it is told, `STRIDE` at most per step and axis, and no wall is in its way."""

    lazy_expert: bool = False
    """An expert that never moves."""

    @property
    def spaces(self) -> Spaces:
        return Spaces(VectorSpace(2), VectorSpace(2, (-STRIDE, -STRIDE), (STRIDE, STRIDE)))

    def sample(self, rng: np.random.Generator, num: int) -> WorldState:
        return {"position": rng.random((num, 2))}

    def sample_pairs(self, rng: np.random.Generator, num: int, kind: str) -> tuple[WorldState, WorldState]:
        """Pairs of which some are solved at the start, though a world should not do that."""
        self.check_pair_kind(kind)
        return self.sample(rng, num), self.sample(rng, num)

    def advance(self, state: WorldState, actions: np.ndarray) -> WorldState:
        return {"position": state["position"] + np.clip(actions, -STRIDE, STRIDE)}

    def observe(self, state: WorldState) -> np.ndarray:
        return state["position"].astype(np.float32)

    def expert(self, state: WorldState, goal: WorldState) -> np.ndarray:
        return (0 if self.lazy_expert else 1) * np.clip(goal["position"] - state["position"], -STRIDE, STRIDE)

    def distance(self, state: WorldState, goal: WorldState) -> np.ndarray:
        return np.linalg.norm(state["position"] - goal["position"], axis=1)


class Adds(AbstractWorldModel):
    """Says that an action adds `gain` times itself to the latent: with a gain of 1 right about `Plane`, with 0 that nothing moves.

    Its latents are what `encode` makes of the position; predictions are right only if that is the position itself.
    """

    def __init__(self, gain: float = 1.0, encode: Callable[[Tensor], Tensor] = lambda position: position) -> None:
        super().__init__()
        self.spaces, self.gain, self.encode = Plane().spaces, gain, encode
        self.latent_size = encode(torch.zeros(1, 2)).shape[-1]

    @property
    def perception(self) -> nn.Module:
        return nn.Identity()

    def encode_frames(self, observations: Tensor) -> Tensor:
        return self.encode(observations)

    def encode_window(self, observations: Tensor, actions: Tensor) -> State:
        return self.assemble(self.encode(observations), actions)

    def assemble(self, codes: Tensor, actions: Tensor, frames=None) -> State:
        return State(latent=codes, belief=codes)

    def observe(self, previous: State | None, action: Tensor | None, observation: Tensor) -> State:
        return self.assemble(self.encode(observation), observation)

    def update(self, previous: State, action: Tensor, latent: Tensor) -> State:
        return self.assemble(latent, action)

    def step(self, state: State, action: Tensor) -> State:
        return self.assemble(state.latent + self.gain * action, action)


def agent_of(model: AbstractWorldModel, seed: int = 0) -> Agent:
    """An agent that plans with this model."""
    planner = MPPI(horizon=8, num_candidates=64, num_iterations=3)
    return Agent(model, AgentSettings(planner=planner, cost=LeastDistance() + 0.3 * RunningMinimum()), seed=seed)


def write_walks(path: Path, *, episodes: int = 40, steps: int = 30, seed: int = 0) -> Episodes:
    """Random walks on the plane, exact to the last digit that a store keeps."""
    rng = np.random.default_rng(seed)
    with EpisodeWriter(path, Plane().spaces) as writer:
        for _ in range(episodes):
            actions = rng.uniform(-STRIDE, STRIDE, (steps, 2)).astype(np.float32)
            places = np.concatenate([rng.random((1, 2)), actions]).cumsum(axis=0)
            writer.add(places.astype(np.float32), actions, info={"position": places, "radius": np.full(steps + 1, 0.5)})
    return Episodes.open(path)
