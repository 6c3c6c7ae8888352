"""A world model that knows a maze by heart. The latent is the position, in cells."""

import torch
from torch import Tensor, nn

from telos.core.contracts import AbstractWorldModel
from telos.core.spaces import Spaces, VectorSpace
from telos.core.types import State
from telos.envs import Maze


class MazeWalker(AbstractWorldModel):
    """Moves by what it does, along one axis after the other, unless a wall is in the way; it is told positions in place of pictures."""

    def __init__(self, world: Maze) -> None:
        super().__init__()
        self.side, self.radius, self.latent_size = world.side, world.agent_radius - 1e-3, 2
        self.spaces = Spaces(VectorSpace(2), world.spaces.action)
        self.walls = nn.Parameter(torch.from_numpy(world._fixed_grid).float(), requires_grad=False)

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
        here, change = state.latent, action * self.side
        across = here + change * torch.tensor([1.0, 0.0])
        here = torch.where(self._blocked(across)[:, None], here, across)
        down = here + change * torch.tensor([0.0, 1.0])
        return _state(torch.where(self._blocked(down)[:, None], here, down))

    def _blocked(self, position: Tensor) -> Tensor:
        corners = [(position + self.radius * torch.tensor(corner)).long() for corner in ((-1.0, -1.0), (-1.0, 1.0), (1.0, -1.0), (1.0, 1.0))]
        return torch.stack([self.walls[corner[:, 1], corner[:, 0]] > 0 for corner in corners]).any(dim=0)


def _state(latent: Tensor) -> State:
    return State(latent=latent, belief=latent)
