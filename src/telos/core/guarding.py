"""What an agent must never do: requirements, what it does when nothing else is safe, and guardrails that are made of both.

A requirement speaks of quantities, not of beliefs, so that the same one guards what is imagined and judges what was true.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from jaxtyping import Float, Num
from torch import Tensor

from telos.core.errors import ConfigError
from telos.core.readouts import AbstractReadout
from telos.core.spaces import ActionSpace
from telos.core.types import State

Now = Mapping[str, Float[Tensor, "batch size"]]
"""Quantities of the present, by name."""
Ahead = Mapping[str, Float[Tensor, "batch horizon size"]]
"""Quantities of the steps that follow, by name."""


class AbstractRequirement(ABC):
    """What must hold at every step. A frozen dataclass."""

    graded: ClassVar[bool] = True
    """Whether its value says how far inside one is; one that only says yes or no cannot guide a search, nor have a margin."""

    @property
    @abstractmethod
    def quantities(self) -> tuple[str, ...]:
        """Names of what it speaks of."""

    @property
    def shortest_horizon(self) -> int:
        """Steps that a plan must look ahead for it to be of use."""
        return 1

    @abstractmethod
    def value(self, now: Now, ahead: Ahead, memory: Float[Tensor, "batch memory"]) -> Float[Tensor, "batch horizon"]:
        """At every step ahead, how far outside one is: at most 0 where it is met. In the unit of its quantity, which a margin is added in."""

    @property
    def of_states(self) -> bool:
        """Whether its value at a step hangs on that step alone, so that a state can be judged by itself. False where it speaks of movement,
        or of what was before: override it if `value` reads `now`. What remembers is never of states."""
        return type(self).begin is AbstractRequirement.begin

    def begin(self, now: Now) -> Float[Tensor, "batch memory"]:
        """What it remembers at the beginning of an episode; nothing, unless it speaks of what has happened before."""
        first = next(iter(now.values()))
        return first.new_zeros(first.shape[0], 0)

    def remember(self, memory: Float[Tensor, "batch memory"], now: Now) -> Float[Tensor, "batch memory"]:
        """What it remembers after a step has been made."""
        return memory


class AbstractFallback(ABC):
    """What is done when no plan is safe, and what every plan must be able to end in. A frozen dataclass with `steps`."""

    steps: int
    """Steps until it has come to rest; so far ahead it is imagined."""
    resumes: ClassVar[bool] = False
    """Whether it first carries out what is left of a plan that was found safe."""
    open_loop: ClassVar[bool] = False
    """Whether it does the same whatever the state is; it is then imagined in one pass."""

    @property
    def quantities(self) -> tuple[str, ...]:
        """Names of what it has to read."""
        return ()

    def check(self, sizes: Mapping[str, int], action_space: ActionSpace) -> None:
        """Raises ConfigError where it cannot work with quantities of these sizes and such actions."""
        return

    @abstractmethod
    def act(self, state: State, readouts: Mapping[str, AbstractReadout], action_space: ActionSpace) -> Num[Tensor, "batch action"]:
        """What to do in `state`, in the environment's units and within its bounds."""


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """How a margin was found, and what it is valid for."""

    alpha: float
    """Share of the episodes in which the guardrail may be broken."""
    confidence: float
    """That the share is kept, over the chance in the episodes that were played."""
    episodes: int
    """Fresh episodes that the accepted margin was tested on."""
    violations: int
    """Those in which it was broken all the same, by the true state."""
    closed_loop: bool
    """Whether the agent itself played them; False: logs alone were read, which do not show what the margin changes."""
    tried: tuple[float, ...] = ()
    """Margins in the order of the test, the accepted one last."""
    tie: str = ""
    """Fingerprint of model, readouts, requirement, planner, horizon and replanning interval: valid for these alone."""
    source: str = ""
    """The world, starts and seed of the episodes, for people."""


@dataclass(frozen=True, kw_only=True)
class Guardrail:
    """A requirement that no plan may break. Not a cost: it cannot be weighed against anything, added or scaled.

    Raises:
        ConfigError: alpha is no share between 0 and 1, the margin is negative, or the requirement is a mere yes or no and has a margin.
    """

    name: str
    """What plans and reports call it."""
    requirement: AbstractRequirement
    """What must hold."""
    alpha: float = 0.01
    """Share of the episodes in which it may be broken, since a learned model is never quite right."""
    fallback: AbstractFallback
    """What is done when no plan is safe."""
    margin: float = 0.0
    """Added to the requirement's value, in its unit; `telos calibrate` finds it."""
    calibration: Calibration | None = None
    """Where the margin comes from; None: from nobody, and nothing is promised."""

    def __post_init__(self) -> None:
        if not self.name:
            raise ConfigError("A guardrail has no name.", expected="a name that plans and reports can call it by")
        if not 0 < self.alpha < 1:
            raise ConfigError(
                f"The guardrail '{self.name}' has alpha = {self.alpha}.", expected="a share of the episodes between 0 and 1, such as 0.01"
            )
        if not self.margin >= 0:
            raise ConfigError(f"The guardrail '{self.name}' has a margin of {self.margin}.", expected="0 or more: a margin never weakens it")
        if self.margin and not self.requirement.graded:
            raise ConfigError(f"The guardrail '{self.name}' only says yes or no, and has a margin.", fix="leave the margin out")
