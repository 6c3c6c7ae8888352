"""Dynamics in latent space: with and without a memory."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from telos.core.contracts import AbstractPredictor, AbstractPredictorConfig
from telos.core.layers import Perceptron
from telos.core.products import product


@dataclass(frozen=True, kw_only=True)
class MLPPredictorConfig(AbstractPredictorConfig):
    """Sizes of the memoryless predictor. Use when one frame shows all that matters."""

    width: int = 256
    """Neurons in each hidden layer."""
    depth: int = 2
    """Hidden layers."""

    def build(self, *, latent_size: int, scenery_size: int, action_size: int) -> "MLPPredictor":
        return MLPPredictor(latent_size=latent_size, scenery_size=scenery_size, action_size=action_size, width=self.width, depth=self.depth)


class MLPPredictor(AbstractPredictor):
    """A multilayer perceptron that predicts how the latent changes."""

    hidden_size = 0

    def __init__(self, *, latent_size: int, scenery_size: int, action_size: int, width: int, depth: int) -> None:
        super().__init__()
        self.change = Perceptron(latent_size + scenery_size + action_size, [width] * depth, latent_size)

    def forward(
        self,
        latent: Float[Tensor, "batch latent"],
        hidden: Float[Tensor, "batch hidden"],
        scenery: Float[Tensor, "batch scenery"],
        action: Float[Tensor, "batch features"],
    ) -> tuple[Float[Tensor, "batch latent"], Float[Tensor, "batch hidden"]]:
        return latent + self.change(torch.cat([latent, scenery, action], dim=-1)), hidden


@dataclass(frozen=True, kw_only=True)
class RecurrentPredictorConfig(AbstractPredictorConfig):
    """Sizes of the recurrent predictor. Use when a frame hides something that its past shows, such as velocity in a picture."""

    width: int = 128
    """Numbers that are carried from step to step."""

    def build(self, *, latent_size: int, scenery_size: int, action_size: int) -> "RecurrentPredictor":
        return RecurrentPredictor(latent_size=latent_size, scenery_size=scenery_size, action_size=action_size, width=self.width)


class RecurrentPredictor(AbstractPredictor):
    """A gated recurrent unit (Cho et al. 2014, arXiv 1406.1078) that carries what one latent does not hold."""

    def __init__(self, *, latent_size: int, scenery_size: int, action_size: int, width: int) -> None:
        super().__init__()
        self.hidden_size = width
        self.cell = nn.GRUCell(latent_size + scenery_size + action_size, width)
        self.change = Perceptron(width + latent_size, [width], latent_size)

    def forward(
        self,
        latent: Float[Tensor, "batch latent"],
        hidden: Float[Tensor, "batch hidden"],
        scenery: Float[Tensor, "batch scenery"],
        action: Float[Tensor, "batch features"],
    ) -> tuple[Float[Tensor, "batch latent"], Float[Tensor, "batch hidden"]]:
        hidden = gated(self.cell, torch.cat([latent, scenery, action], dim=-1), hidden)
        return latent + self.change(torch.cat([hidden, latent], dim=-1)), hidden


def gated(cell: nn.GRUCell, value: Float[Tensor, "batch inputs"], hidden: Float[Tensor, "batch hidden"]) -> Float[Tensor, "batch hidden"]:
    """What `cell` computes, by the products of `telos.core.products`."""
    reset_in, update_in, new_in = product(value, cell.weight_ih, cell.bias_ih).chunk(3, dim=-1)
    reset_held, update_held, new_held = product(hidden, cell.weight_hh, cell.bias_hh).chunk(3, dim=-1)
    new = torch.tanh(torch.addcmul(new_in, torch.sigmoid(reset_in + reset_held), new_held))
    return torch.lerp(new, hidden, torch.sigmoid(update_in + update_held))
