"""VICReg's variance term: every number of the latent must vary."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from telos.core.contracts import AbstractObjective, Predictions
from telos.core.logs import Windows
from telos.core.types import State
from telos.training.objectives.spread import latents_of_batch


@dataclass(frozen=True, kw_only=True)
class Variance(AbstractObjective):
    """Hinge on the deviation of each number over the global batch: `mean over numbers of relu(1 - sqrt(var + eps))`.

    Convention: the paper's (a plain mean). The authors' code halves it, since it averages over two views; set `weight` to
    half of ours to reproduce that.

    Source: Bardes, Ponce & LeCun (2022), VICReg, arXiv 2105.04906, equations 1 and 2.
    """

    weight: float = 4.0
    """Factor in the loss."""
    within_episode: bool = False
    """Look at what varies within an episode only; needed where the scenery changes from episode to episode."""
    epsilon: float = 1e-4
    """Keeps the square root's gradient finite."""

    def term(self, windows: Windows, states: State, predictions: Predictions, head: nn.Module) -> Float[Tensor, ""]:
        return variance_term(latents_of_batch(windows, states, within_episode=self.within_episode), epsilon=self.epsilon)


def variance_term(latents: Float[Tensor, "samples latent"], *, epsilon: float = 1e-4) -> Float[Tensor, ""]:
    """The formula itself."""
    return torch.relu(1 - (latents.var(dim=0) + epsilon).sqrt()).mean()
