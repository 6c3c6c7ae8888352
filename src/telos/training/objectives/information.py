"""The price of what a latent variable tells: without one it tells all, and nothing is left to predict."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor, nn

from telos.core.contracts import AbstractObjective, Predictions
from telos.core.logs import Windows
from telos.core.types import State


@dataclass(frozen=True, kw_only=True)
class LatentInformation(AbstractObjective):
    """Mean information of the latent variable z for each step, in nats; trains its prior to know before what was inferred after.

    `-log prior(code)` of a code, the divergence from the prior of noisy numbers. The weight should be the `price` of the model's own z, so
    that inference and training lower the same energy. Zero for a model without z.

    Source: LeCun (2022), "A Path Towards Autonomous Machine Intelligence", section 4.5: minimise the information content of z.
    """

    weight: float = 0.01
    """Factor in the loss: what a nat costs, in units of the latent's mean squared error."""

    def term(self, windows: Windows, states: State, predictions: Predictions, head: nn.Module) -> Float[Tensor, ""]:
        information = predictions.information
        return states.latent.new_zeros(()) if information is None else information.mean()
