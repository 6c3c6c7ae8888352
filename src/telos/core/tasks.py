"""What an agent is to do, and how it is set up for that."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

from jaxtyping import Bool
from torch import Tensor

from telos.core.contracts import AbstractCost, AbstractPlanner
from telos.core.guarding import Guardrail
from telos.core.readouts import Knowledge
from telos.core.types import Problem, State


class AbstractTask(ABC):
    """What the agent is to do. A value; what changes on the way is its progress."""

    @abstractmethod
    def start(self, knowledge: Knowledge, num_rows: int) -> Any:
        """The progress at the beginning: None, a tensor, or a `Batched` value, a row for each episode. What has to be encoded is
        encoded here, once. Raises UnknownNameError for a quantity that the agent cannot read."""

    @abstractmethod
    def problem(self, state: State, progress: Any) -> Problem:
        """What to plan for now; `Problem.progress` is where a cost finds the progress again."""

    def advance(self, progress: Any, state: State) -> Any:
        """The progress after `state` was reached."""
        return progress

    def cost(self, base: AbstractCost, knowledge: Knowledge) -> AbstractCost:
        """What energy is for this task; `base` is the agent's own cost, for goals that are states."""
        return base

    def done(self, progress: Any) -> Bool[Tensor, " batch"] | None:
        """Who is through, as far as the agent can tell; None for tasks that never end."""
        return None

    @property
    def guardrails(self) -> tuple[Guardrail, ...]:
        """What it forbids beside what the agent may not do anyway; a task adds guardrails, it never takes one away."""
        return ()


@dataclass(frozen=True, kw_only=True)
class Intent:
    """How an agent goes about its task, and why: what a configurator decided."""

    planner: AbstractPlanner
    """With its horizon and number of candidates."""
    cost: AbstractCost
    """What energy is, weights and all."""
    replan_every: int = 1
    """Steps of a plan that are carried out before the next one is made."""
    budget_ms: float | None = None
    """Wall-clock time for one plan."""
    mode: str = "plan"
    """`plan`: by search (Mode 2)."""
    why: tuple[str, ...] = ()
    """Each decision that differs from the agent's settings, in a few words for people."""


class AbstractConfigurator(ABC):
    """Turns a task and the situation into settings for the other modules. A frozen dataclass.

    It can ask for what it likes: guardrails are not its to choose, and an intent that a guardrail was not calibrated for is refused.
    """

    @abstractmethod
    def configure(self, usual: Intent, task: AbstractTask, problem: Problem, guardrails: tuple[Guardrail, ...]) -> Intent:
        """What to do about `problem`, now.

        Args:
            usual: the agent's settings, with the task's cost in place of the agent's own.
            guardrails: all that are in force, the task's among them.
        """
