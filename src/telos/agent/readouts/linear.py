"""The simplest readout: a weighted sum of the belief's numbers."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from telos.agent.readouts.description import UNMEASURED, AbstractReadoutConfig
from telos.core.layers import Linear
from telos.core.readouts import AbstractReadout, Fidelity


@dataclass(frozen=True, kw_only=True)
class LinearReadoutConfig(AbstractReadoutConfig):
    """A linear readout has no settings."""

    def build(self, *, name: str, unit: str = "", size: int, belief_size: int, fidelity: Fidelity = UNMEASURED) -> "LinearReadout":
        return LinearReadout(name=name, unit=unit, size=size, belief_size=belief_size, fidelity=fidelity)


class LinearReadout(AbstractReadout):
    """Reads by a linear map.

    Use where beliefs are nearly the quantity itself, as with sensor readings. Not from pictures: their latents are folded.
    """

    def __init__(self, *, name: str, unit: str = "", size: int, belief_size: int, fidelity: Fidelity = UNMEASURED) -> None:
        super().__init__()
        self.name, self.unit, self.size, self.fidelity = name, unit, size, fidelity
        self.map = Linear(belief_size, size)

    def forward(self, belief: Float[Tensor, "*batch belief"]) -> Float[Tensor, "*batch size"]:
        return self.map(belief)
