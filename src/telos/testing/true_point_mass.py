"""A world model that is right: the dynamics of `PointMass` in torch, so that the best plan is known in closed form."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Num
from torch import Tensor, nn

from telos.agent.cost import ActionEffort, PathDistance
from telos.core.contracts import AbstractCost, AbstractWorldModel
from telos.core.spaces import ActionSpace, DiscreteSpace, Spaces
from telos.core.types import Observation, Problem, State
from telos.envs.point_mass import PointMass, optimal_actions


class TruePointMass(AbstractWorldModel):
    """What `PointMass` does, known instead of learned. The latent is the position; the velocity is remembered.

    Use to test planners and costs against a known optimum. Nothing in it is trained.

    Args:
        world: whose dynamics.
        action: the space that planners see, in place of the world's own. Discrete choices push evenly round the circle,
            the first one not at all.
    """

    pushes: Tensor

    def __init__(self, world: PointMass | None = None, *, action: ActionSpace | None = None) -> None:
        super().__init__()
        self.world = world or PointMass()
        self.spaces = Spaces(self.world.spaces.observation, action or self.world.spaces.action)
        self.latent_size = 2
        self.register_buffer("pushes", _pushes(self.spaces.action))
        # Every world model has weights somewhere; this one says by its only weight where it lives.
        self.anchor = nn.Parameter(torch.zeros(()), requires_grad=False)

    @property
    def perception(self) -> nn.Module:
        return nn.Identity()

    def encode_frames(self, observations: Observation) -> Float[Tensor, "batch code"]:
        assert isinstance(observations, Tensor)
        return observations.to(self.anchor.dtype)

    def encode_window(self, observations: Observation, actions: Num[Tensor, "batch time action"]) -> State:
        assert isinstance(observations, Tensor)
        return self.assemble(observations.to(self.anchor.dtype), actions)

    def assemble(
        self, codes: Float[Tensor, "batch frames code"], actions: Num[Tensor, "batch time action"], frames: Observation | None = None
    ) -> State:
        return _state(codes[..., :2], codes[..., 2:])

    def observe(self, previous: State | None, action: Num[Tensor, "batch action"] | None, observation: Observation) -> State:
        code = self.encode_frames(observation)
        return _state(code[..., :2], code[..., 2:])

    def update(self, previous: State, action: Num[Tensor, "batch action"], latent: Float[Tensor, "batch latent"]) -> State:
        return _state(latent, self.step(previous, action).memory["velocity"])

    def step(self, state: State, action: Num[Tensor, "batch action"]) -> State:
        world, position, velocity = self.world, state.latent, state.memory["velocity"]
        acceleration = self.pushes[action[..., 0].long()] if len(self.pushes) else action.to(position.dtype).clamp(-1, 1)
        for _ in range(world.action_repeat):
            faster = (1 - world.damping * world.dt) * velocity + world.dt * acceleration
            free = position + world.dt / 2 * (velocity + faster)
            position = free.clamp(0, 1)
            velocity = torch.where(position == free, faster, torch.zeros_like(faster))
        return _state(position, velocity)


def quadratic_cost(effort_weight: float) -> AbstractCost:
    """Squared distances plus `effort_weight` times squared pushes, as `optimal_actions` counts them, divided by twice the horizon."""
    return PathDistance() + 0.5 * effort_weight * ActionEffort() if effort_weight else PathDistance()


def known_problem(model: TruePointMass, rng: np.random.Generator, num: int, *, horizon: int, effort_weight: float) -> tuple[Problem, np.ndarray]:
    """`num` starts and goals near the middle of the arena, and the least `quadratic_cost` of each; no best plan touches a bound."""
    starts, goals, least = [], [], []
    while len(starts) < num:
        position, velocity = rng.uniform(0.4, 0.6, (1, 2)), rng.uniform(-0.2, 0.2, (1, 2))
        goal = position + rng.uniform(-0.2, 0.2, (1, 2))
        settings: Mapping[str, Any] = {"dt": model.world.dt, "damping": model.world.damping}
        actions, energy = optimal_actions(position, velocity, goal, horizon, effort_weight, **settings)
        if np.abs(actions).max() < 1:
            starts.append(np.concatenate([position, velocity], axis=1))
            goals.append(np.concatenate([goal, np.zeros((1, 2))], axis=1))
            least.append(energy / (2 * horizon))
    begin, end = (torch.from_numpy(np.concatenate(parts)).float() for parts in (starts, goals))
    return Problem(state=model.observe(None, None, begin), goal=model.observe(None, None, end)), np.concatenate(least)


def _state(position: Tensor, velocity: Tensor) -> State:
    return State(latent=position, belief=torch.cat([position, velocity], dim=-1), memory={"velocity": velocity})


def _pushes(space: ActionSpace) -> Float[Tensor, "choices 2"]:
    """The acceleration of each choice; none if actions are accelerations themselves."""
    if not isinstance(space, DiscreteSpace):
        return torch.zeros(0, 2)
    angles = torch.arange(space.num - 1) * (2 * math.pi / max(1, space.num - 1))
    return torch.cat([torch.zeros(1, 2), torch.stack([angles.cos(), angles.sin()], dim=1)])
