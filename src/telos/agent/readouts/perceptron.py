"""The readout for planning: a small perceptron."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from telos.agent.readouts.description import UNMEASURED, AbstractReadoutConfig
from telos.core.errors import ConfigError
from telos.core.layers import Perceptron
from telos.core.readouts import AbstractReadout, Fidelity


@dataclass(frozen=True, kw_only=True)
class PerceptronReadoutConfig(AbstractReadoutConfig):
    """Sizes of the perceptron."""

    widths: tuple[int, ...] = (32, 32)
    """Neurons of each hidden layer."""

    def __post_init__(self) -> None:
        if not self.widths or min(self.widths) < 1:
            raise ConfigError(f"A perceptron that reads has layers of {self.widths} neurons.", expected="one layer or more, of 1 or more each")

    def build(self, *, name: str, unit: str = "", size: int, belief_size: int, fidelity: Fidelity = UNMEASURED) -> "PerceptronReadout":
        return PerceptronReadout(name=name, unit=unit, size=size, belief_size=belief_size, fidelity=fidelity, widths=self.widths)


class PerceptronReadout(AbstractReadout):
    """Reads by a multilayer perceptron; what beliefs and quantities are scaled by lies in its first and last layer.

    Use while planning: every imagined step of every candidate is read, and this takes a few percent of the time that imagining takes.
    Not to be fitted on a few hundred labels alone: teaching has it learn from a kernel, which needs no more.
    """

    def __init__(
        self, *, name: str, unit: str = "", size: int, belief_size: int, fidelity: Fidelity = UNMEASURED, widths: tuple[int, ...] = (32, 32)
    ) -> None:
        super().__init__()
        self.name, self.unit, self.size, self.fidelity = name, unit, size, fidelity
        self.map = Perceptron(belief_size, list(widths), size)

    def forward(self, belief: Float[Tensor, "*batch belief"]) -> Float[Tensor, "*batch size"]:
        return self.map(belief)
