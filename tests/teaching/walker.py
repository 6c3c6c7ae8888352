"""A world model that is nearly right: whoever pushes moves, and walls are unheard of. The latent is the position."""

import torch
from torch import Tensor, nn

from telos.core.contracts import AbstractWorldModel
from telos.core.spaces import Spaces, VectorSpace
from telos.core.types import State


class FreeWalker(AbstractWorldModel):
    """Moves by what it does, in cells of a maze of `side` cells."""

    def __init__(self, side: int, bound: float) -> None:
        super().__init__()
        self.side, self.latent_size = side, 2
        self.spaces = Spaces(VectorSpace(2), VectorSpace(2, (-bound, -bound), (bound, bound)))
        self.anchor = nn.Parameter(torch.zeros(()), requires_grad=False)

    @property
    def perception(self) -> nn.Module:
        return nn.Identity()

    def encode_frames(self, observations) -> Tensor:
        return observations.float() * self.side

    def encode_window(self, observations, actions) -> State:
        return _state(self.encode_frames(observations))

    def assemble(self, codes, actions, frames=None) -> State:
        return _state(codes)

    def observe(self, previous, action, observation) -> State:
        return _state(self.encode_frames(observation))

    def update(self, previous, action, latent) -> State:
        return _state(latent)

    def step(self, state, action) -> State:
        return _state(state.latent + action * self.side)


def _state(latent: Tensor) -> State:
    return State(latent=latent, belief=latent)
