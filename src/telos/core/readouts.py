"""Quantities that people speak of, read from what a model believes."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field

from jaxtyping import Float
from torch import Tensor, nn

from telos.core.acting import AbstractArbiter, AbstractPolicy, AbstractSurprise
from telos.core.contracts import AbstractCost, AbstractWorldModel
from telos.core.errors import ConfigError, UnknownNameError
from telos.core.levels import AbstractLevel, AbstractTimeToGo


@dataclass(frozen=True, kw_only=True)
class Fidelity:
    """How well a quantity can be read; errors are root mean squares over its numbers, in its unit, on episodes that were not fitted on."""

    error: float
    """Of the readout, on states that were observed."""
    floor: float
    """Of always saying the mean."""
    untrained: float
    """Of a readout of the same kind from an encoder with fresh weights."""
    step_errors: tuple[float, ...] = ()
    """Of the readout on states imagined 1, 2, ... steps ahead."""
    step_floors: tuple[float, ...] = ()
    """Of saying that nothing changes, so many steps ahead."""
    num_labels: int = 0
    """Labelled frames that it was fitted on."""
    readable: bool = True
    """Whether the quantity can be read well enough to carry a guardrail."""
    why: str = ""
    """The reason where it cannot, in a sentence for people."""


class AbstractReadout(nn.Module, ABC):
    """Reads one quantity from beliefs."""

    name: str
    """What it reads, such as `position`; guardrails and tasks ask for it by this name."""
    unit: str
    """Of its numbers."""
    size: int
    """Numbers that it gives."""
    fidelity: Fidelity

    @abstractmethod
    def forward(self, belief: Float[Tensor, "*batch belief"]) -> Float[Tensor, "*batch size"]:
        """The quantity, in its unit; differentiable."""


@dataclass(frozen=True, kw_only=True)
class Knowledge:
    """All that an agent was taught: its world model, and what people added to it."""

    world_model: AbstractWorldModel
    readouts: Mapping[str, AbstractReadout] = field(default_factory=dict)
    """By name."""
    critics: Mapping[str, AbstractCost] = field(default_factory=dict)
    """Costs learned from ratings, by name."""
    familiarity: AbstractCost | None = None
    """How far an imagined state lies from what the model was trained on; None where nobody has measured it."""
    policy: AbstractPolicy | None = None
    """Acts without a search (Mode 1); None where nobody has taught it. The one part that may go on learning while it acts."""
    arbiter: AbstractArbiter | None = None
    """Decides when a search is needed; None where nobody has calibrated it."""
    surprise: AbstractSurprise | None = None
    """How surprising it is what happens; None where nobody has measured it."""
    levels: tuple[AbstractLevel, ...] = ()
    """World models of world models, the lowest of them first: the first takes the latents of `world_model`, each other those of the one before."""
    times: Mapping[str, AbstractTimeToGo] = field(default_factory=dict)
    """How long it takes from one state to another, by the name of the critic."""

    def time_to_go(self, name: str) -> AbstractTimeToGo:
        """The critic of time of this name. Raises UnknownNameError if the agent has none, naming those it has."""
        if name not in self.times:
            raise UnknownNameError.of(
                "critic of time that this agent has learned", name, self.times or ("none: telos time-to-go RUN teaches it one",)
            )
        return self.times[name]

    def readout(self, name: str) -> AbstractReadout:
        """The readout of a quantity. Raises UnknownNameError if the agent has none, naming those it has."""
        if name not in self.readouts:
            raise UnknownNameError.of("quantity that this agent can read", name, self.readouts or ("none: telos readout RUN teaches it one",))
        return self.readouts[name]

    def critic(self, name: str) -> AbstractCost:
        """The critic of this name. Raises UnknownNameError if the agent has none, naming those it has."""
        if name not in self.critics:
            raise UnknownNameError.of("critic that this agent has learned", name, self.critics or ("none: telos rate RUN teaches it one",))
        return self.critics[name]


def check_readable(readout: AbstractReadout) -> None:
    """Raises ConfigError for a quantity that cannot be read well enough to carry a guardrail, with the reason."""
    if not readout.fidelity.readable:
        raise ConfigError(
            f"'{readout.name}' cannot carry a guardrail: {readout.fidelity.why}",
            expected="a quantity that can be read from what the agent believes",
        )
