"""Levels and a critic of time that are right: `TruePointMass` seen with a slower clock, and a map of its arena."""

import numpy as np
import torch
from jaxtyping import Float, Num
from torch import Tensor, nn

from telos.agent.critics.landmark_graph import LandmarkGraph
from telos.core.levels import AbstractLevel, Landmarks
from telos.core.readouts import Knowledge
from telos.core.spaces import Spaces, VectorSpace
from telos.core.types import Observation, State
from telos.envs.point_mass import PointMass
from telos.testing.true_readouts import true_knowledge

SLOW_TO_TELL = PointMass(dt=0.25, damping=4.0)
"""A point that forgets its speed from step to step, so that its place is all that counts; it moves up to 0.0625 arena widths a step."""
SPEED = 0.05
"""Arena widths per step that macro-actions and times count on: less than is possible."""
DEVIATION = 0.5
"""Of what a macro-action of 1 leads to, as a share of what can be done in its time; 2 is the most."""


class TrueLevel(AbstractLevel):
    """A level that sees where the point is, and whose macro-action is how far it goes. Nothing in it is trained.

    Use to test planning on levels, and what guards it, against what is known to be right. It sees latents as they are.

    Args:
        stride: steps of the level below in one of its own.
        steps: steps of the world in one of its own.
        beliefs: its landmarks.
        acts: numbers in an action of the level below.
    """

    def __init__(self, stride: int, steps: int, beliefs: Float[Tensor, "num belief"], *, acts: int = 2) -> None:
        super().__init__()
        self.stride, self.steps, self.acts, self.latent_size = stride, steps, acts, 2
        self.spaces = Spaces(VectorSpace(2), VectorSpace(2, (-2.0, -2.0), (2.0, 2.0)))
        self.landmarks = Landmarks(beliefs, beliefs[:, :2].clone())
        # Every world model has weights somewhere; this one says by its only weight where it lives.
        self.anchor = nn.Parameter(torch.zeros(()), requires_grad=False)

    @property
    def perception(self) -> nn.Module:
        return nn.Identity()

    @property
    def reach(self) -> float:
        """How far a macro-action of 1 leads."""
        return DEVIATION * SPEED * self.steps

    def raised(self, latents: Float[Tensor, "*batch below"]) -> Float[Tensor, "*batch latent"]:
        return latents

    def lift(self, latents: Float[Tensor, "batch bottom"]) -> Float[Tensor, "batch latent"]:
        return latents

    def summarise(self, below: Float[Tensor, "batch ends below"], actions: Num[Tensor, "batch between"]) -> Float[Tensor, "batch macro"]:
        return ((below[:, 1] - below[:, 0]) / self.reach).clamp(-2, 2)

    def encode_frames(self, observations: Observation) -> Float[Tensor, "batch code"]:
        assert isinstance(observations, Tensor)
        return observations

    def encode_window(self, observations: Observation, actions: Num[Tensor, "batch time between"]) -> State:
        return _state(self.encode_frames(observations))

    def assemble(
        self, codes: Float[Tensor, "batch frames code"], actions: Num[Tensor, "batch time between"], frames: Observation | None = None
    ) -> State:
        return _state(codes)

    def observe(self, previous: State | None, action: Num[Tensor, "batch macro"] | None, observation: Observation) -> State:
        return _state(self.encode_frames(observation))

    def update(self, previous: State, action: Num[Tensor, "batch macro"], latent: Float[Tensor, "batch latent"]) -> State:
        return _state(latent)

    def step(self, state: State, action: Num[Tensor, "batch macro"]) -> State:
        return _state((state.latent + self.reach * action).clamp(0, 1))


def true_map(side: int = 17) -> LandmarkGraph:
    """A critic of time that knows `side` x `side` places of the arena, and that one gets from each to those beside it."""
    beliefs = places(side)
    number = np.arange(side * side).reshape(side, side)
    beside = [(number[:, :-1], number[:, 1:], 1.0), (number[:-1], number[1:], 1.0)]
    beside += [(number[:-1, :-1], number[1:, 1:], 2**0.5), (number[1:, :-1], number[:-1, 1:], 2**0.5)]
    edges = np.concatenate([np.stack([a.ravel(), b.ravel()]) for one, other, _ in beside for a, b in ((one, other), (other, one))], axis=1)
    lengths = np.concatenate([np.full(2 * one.size, far) for one, _, far in beside]) / (side - 1)
    critic = LandmarkGraph(latent_size=2, belief_size=4, num_landmarks=len(beliefs), num_edges=edges.shape[1], neighbours=3)
    return critic.draw(beliefs, edges.astype(np.int32), (lengths / SPEED).astype(np.float32))


def places(side: int) -> Float[Tensor, "num belief"]:
    """Beliefs of somebody who stands still, at `side` x `side` places that lie evenly in the arena."""
    along = torch.linspace(0, 1, side)
    position = torch.cartesian_prod(along, along)
    return torch.cat([position, torch.zeros_like(position)], dim=1)


def levelled_knowledge(strides: tuple[int, ...] = (4,), *, side: int = 17, times: bool = True) -> Knowledge:
    """`true_knowledge` of a point mass that forgets its speed, with levels of these strides, and with a true map as the critic `landmarks`."""
    below, steps, acts, levels = true_knowledge(SLOW_TO_TELL), 1, 2, []
    for stride in strides:
        steps *= stride
        levels.append(TrueLevel(stride, steps, places(side), acts=acts))
    return Knowledge(
        world_model=below.world_model,
        readouts=below.readouts,
        levels=tuple(levels),
        times={"landmarks": true_map(side)} if times else {},
    )


def _state(latent: Tensor) -> State:
    return State(latent=latent, belief=latent)
