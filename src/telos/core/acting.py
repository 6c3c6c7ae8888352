"""Fast and slow: acting without a search, deciding when one is needed, and noticing what was not expected."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Literal

from jaxtyping import Bool, Float, Num
from torch import Generator, Tensor, nn

from telos.core.contracts import AbstractCost, AbstractWorldModel
from telos.core.types import Batched, Choice, Plan, Problem, State

Mode = Literal["plan", "react", "auto"]
MODES: tuple[Mode, ...] = ("plan", "react", "auto")


class AbstractPolicy(nn.Module, ABC):
    """Mode 1: what to do, at once. A module; it knows one kind of task, such as goals that are states."""

    @abstractmethod
    def knows(self, problem: Problem) -> bool:
        """Whether it can be asked about such a problem."""

    @abstractmethod
    def act(self, problem: Problem, generator: Generator | None = None, num: int = 1) -> Num[Tensor, "batch action"]:
        """The next action, in the environment's units and within its bounds.

        Args:
            generator: to draw an action from what the policy holds possible; None: the one that it prefers.
            num: so many rows side by side belong to one problem; all problems see the same random numbers, so that each is acted
                in alike alone and in company.
        """


@dataclass(frozen=True, kw_only=True)
class Prospect(Batched):
    """What an arbiter decides on: acting by the policy, looked at before it is done."""

    problem: Problem
    """As it is planned for."""
    cost: AbstractCost
    """What energy is."""
    reaction: Plan
    """What the policy would do, step by step in imagination, and what that is expected to lead to; through the gate already."""
    refused: Bool[Tensor, " batch"] | None = None
    """Whom the gate does not let do what the policy would; None: there are no guardrails."""
    disagreement: Float[Tensor, " batch"] | None = None
    """Greatest disagreement of an ensemble along it; None: there is no ensemble."""
    surprise: Float[Tensor, " batch"] | None = None
    """Least p-value of what has just happened, and in the steps before; None: nobody has measured what is usual."""


class AbstractArbiter(ABC):
    """Decides, episode by episode, whether acting by the policy is good enough (LeCun 2022, section 3.1: Mode 1 and Mode 2)."""

    @abstractmethod
    def decide(self, prospect: Prospect) -> Choice:
        """Who has to plan, and why; and why the others need not."""


class AbstractSurprise(nn.Module, ABC):
    """How surprising it is what happens, as a p-value: the share of usual steps that were as surprising, or more. A module, calibrated on
    held-out logs. What it expects travels from step to step as a value of its own."""

    @abstractmethod
    def begin(self, world_model: AbstractWorldModel, state: State) -> Batched:
        """What is expected at the beginning of an episode: nothing yet."""

    @abstractmethod
    def expect(self, world_model: AbstractWorldModel, expected: Batched, state: State, action: Num[Tensor, "batch action"]) -> Batched:
        """What is expected to be seen next, now that `action` is carried out in `state`."""

    @abstractmethod
    def p_value(self, expected: Batched, state: State) -> Float[Tensor, " batch"]:
        """How usual it is to see `state` where that was expected; 1 where nothing was."""
