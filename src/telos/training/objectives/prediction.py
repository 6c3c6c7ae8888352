"""The heart of a JEPA: what was imagined should be what is then seen, in latent space."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor, nn

from telos.core.contracts import AbstractObjective, Predictions
from telos.core.logs import Windows
from telos.core.types import State


@dataclass(frozen=True, kw_only=True)
class Prediction(AbstractObjective):
    """Mean squared error of the latents imagined from the window's first frame, or the last one that was seen, to its end.

    `mean over batch, time and latent of (predicted[t] - encoded[t])^2`. Gradients reach both sides, as in VICReg-type JEPAs;
    the anti-collapse terms keep the targets alive.

    Source: Sobal et al. (2025), arXiv 2502.14819, equation 3 (there a sum over time; here a mean).
    """

    stop_gradient: bool = False
    """Whether the encoded side counts as a constant."""

    def term(self, windows: Windows, states: State, predictions: Predictions, head: nn.Module) -> Float[Tensor, ""]:
        targets = states.latent[:, -predictions.horizon :]
        return (predictions.latent - (targets.detach() if self.stop_gradient else targets)).square().mean()
