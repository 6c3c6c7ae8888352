"""VICReg's covariance term: no number of the latent may repeat another."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor, nn

from telos.core.contracts import AbstractObjective, Predictions
from telos.core.logs import Windows
from telos.core.types import State
from telos.training.objectives.spread import latents_of_batch


@dataclass(frozen=True, kw_only=True)
class Covariance(AbstractObjective):
    """Squared covariances between different numbers over the global batch: `sum over i != j of C[i, j]^2 / latent`.

    Source: Bardes, Ponce & LeCun (2022), VICReg, arXiv 2105.04906, equations 3 and 4.
    """

    weight: float = 0.2
    """Factor in the loss."""
    within_episode: bool = False
    """Look at what varies within an episode only; needed where the scenery changes from episode to episode."""

    def term(self, windows: Windows, states: State, predictions: Predictions, head: nn.Module) -> Float[Tensor, ""]:
        return covariance_term(latents_of_batch(windows, states, within_episode=self.within_episode))


def covariance_term(latents: Float[Tensor, "samples latent"]) -> Float[Tensor, ""]:
    """The formula itself; through the smaller of the two Gram matrices, whose Frobenius norms agree."""
    num_samples, size = latents.shape
    centred = latents - latents.mean(dim=0)
    gram = centred.T @ centred if size <= num_samples else centred @ centred.T
    variances = centred.square().sum(dim=0)
    return (gram.square().sum() - variances.square().sum()) / ((num_samples - 1) ** 2 * size)
