"""What a readout is in full, but for its weights: what it reads, how well, and by which kind of function."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

from telos.core.errors import ConfigError
from telos.core.readouts import AbstractReadout, Fidelity
from telos.core.taught import AbstractDescription

UNMEASURED = Fidelity(error=0.0, floor=0.0, untrained=0.0, readable=False, why="nobody has measured how well it is read.")
"""Of a readout that was made by hand."""


class AbstractReadoutConfig(ABC):
    """Which kind of function reads; a frozen dataclass."""

    @abstractmethod
    def build(self, *, name: str, unit: str = "", size: int, belief_size: int, fidelity: Fidelity = UNMEASURED) -> AbstractReadout:
        """A readout of that kind, its weights still to be fitted."""


@dataclass(frozen=True, kw_only=True)
class ReadoutDescription(AbstractDescription):
    """A readout, as it is kept in a run."""

    kind: AbstractReadoutConfig
    """Which function."""
    name: str
    """What it reads."""
    unit: str
    """Of its numbers; empty if nobody said."""
    size: int
    """Numbers that it gives."""
    belief_size: int
    """Numbers of a belief."""
    fidelity: Fidelity
    """How well it reads."""
    source: str = ""
    """Where its labels came from, for people."""

    def __post_init__(self) -> None:
        if self.size < 1 or self.belief_size < 1:
            raise ConfigError(f"The readout '{self.name}' reads {self.size} numbers from beliefs of {self.belief_size}.", expected="1 or more")

    def build(self) -> AbstractReadout:
        return self.kind.build(name=self.name, unit=self.unit, size=self.size, belief_size=self.belief_size, fidelity=self.fidelity)
