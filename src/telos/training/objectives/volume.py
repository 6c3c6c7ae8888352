"""The volume that latents fill: an anti-collapse term that leaves each direction the size that suits it."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from telos.core.contracts import AbstractObjective, Predictions
from telos.core.logs import Windows
from telos.core.types import State
from telos.training.objectives.spread import latents_of_batch


@dataclass(frozen=True, kw_only=True)
class Volume(AbstractObjective):
    """Minus the logarithm of the determinant of the covariance, for each number of the latent: `-log det(C + epsilon) / latent`.

    Together with `Smoothness` it makes distance one in time. A direction of variance v of which a share d changes in a step costs
    `-log v + 2 d v`, least at `v = 1 / (2 d)`: slow directions become wide, so that in every direction a step is equally long, and the squared
    distance of two states grows with the time that chance takes from one to the other. Variance and covariance terms, which make all
    directions equally wide, lose that.

    Source: Ozsoy et al. (2022), "Self-supervised learning with an information maximization criterion", arXiv 2209.07999; distance in the
    eigenvectors of a walk, each divided by the root of its eigenvalue, is commute time: Fouss et al. (2007).
    """

    within_episode: bool = False
    """Look at what varies within an episode only; needed where the scenery changes from episode to episode."""
    epsilon: float = 1e-4
    """Variance that every direction is taken to have at the least: a bound on what a dead one costs."""

    def term(self, windows: Windows, states: State, predictions: Predictions, head: nn.Module) -> Float[Tensor, ""]:
        return volume_term(latents_of_batch(windows, states, within_episode=self.within_episode), epsilon=self.epsilon)


def volume_term(latents: Float[Tensor, "samples latent"], *, epsilon: float = 1e-4) -> Float[Tensor, ""]:
    """The formula itself."""
    centred = latents - latents.mean(dim=0)
    covariance = centred.T @ centred / (len(latents) - 1)
    covariance = covariance + epsilon * torch.eye(len(covariance), device=latents.device, dtype=latents.dtype)
    return -torch.linalg.slogdet(covariance).logabsdet / len(covariance)
