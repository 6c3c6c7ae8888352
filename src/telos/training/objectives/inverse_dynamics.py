"""Inverse dynamics: two neighbouring latents must tell which action lay between them."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from telos.core.contracts import AbstractObjective, Predictions
from telos.core.layers import Perceptron
from telos.core.logs import Windows
from telos.core.spaces import ActionSpace, DiscreteSpace, Spaces
from telos.core.types import State


@dataclass(frozen=True, kw_only=True)
class InverseDynamics(AbstractObjective):
    """Error of the action as read from two neighbouring latents: what the agent can change must be in the latent.

    Mean squared error in units of the action range (of half of it), cross-entropy for discrete actions.

    Source: Sobal et al. (2025), arXiv 2502.14819, equation 7; Pathak et al. (2017), arXiv 1705.05363.
    """

    width: int = 128
    """Neurons in each of two hidden layers."""

    def head(self, spaces: Spaces, latent_size: int) -> nn.Module:
        return InverseHead(space=spaces.action, latent_size=latent_size, width=self.width)

    def term(self, windows: Windows, states: State, predictions: Predictions, head: nn.Module) -> Float[Tensor, ""]:
        pairs = torch.cat([states.latent[:, :-1], states.latent[:, 1:]], dim=-1)
        return head(pairs, windows.actions)


class InverseHead(nn.Module):
    """Reads actions from pairs of latents, and judges what it read."""

    half_range: Tensor

    def __init__(self, *, space: ActionSpace, latent_size: int, width: int) -> None:
        super().__init__()
        self.discrete = isinstance(space, DiscreteSpace)
        size = space.num if isinstance(space, DiscreteSpace) else space.size
        self.read = Perceptron(2 * latent_size, [width, width], size)
        half = torch.ones(1)
        if not isinstance(space, DiscreteSpace) and space.bounded:
            low, high = map(torch.from_numpy, space.bounds)
            half = (high - low).clamp_min(1e-6) / 2
        self.register_buffer("half_range", half)

    def forward(self, pairs: Float[Tensor, "*batch pair"], actions: Tensor) -> Float[Tensor, ""]:
        read = self.read(pairs)
        if self.discrete:
            return nn.functional.cross_entropy(read.flatten(0, -2), actions.flatten().long())
        # The head works in units of half the range, where every error counts alike.
        return (read - actions / self.half_range).square().mean()
