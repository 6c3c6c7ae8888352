"""What an agent is to do, and how it is set up for that."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from telos.core.acting import Mode
from telos.core.contracts import AbstractCost, AbstractPlanner, AbstractRisk, WeightedSum
from telos.core.errors import ConfigError
from telos.core.guarding import Guardrail
from telos.core.readouts import Knowledge
from telos.core.top_down import TopDown
from telos.core.types import Batched, Problem, Rollout, State


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What a task asks of the way it is planned for; a configurator hears it."""

    horizon: int
    """Steps that a plan had better look ahead."""
    why: str
    """In a few words for people, such as `the deadline is 8 steps away`."""
    precise: bool = False
    """Whether it counts that the plan is really the best, and not only a good one, as for least effort."""
    rounds: int = 0
    """Rounds of search that it takes at the least: few leave actions rough, which drives out of a small place."""


class AbstractTask(ABC):
    """What the agent is to do. A value; what changes on the way is its progress.

    Tasks add up, with one another, with drives, and with guardrails: `ReachGoal(frame) + 0.1 * ActionEffort() + keep_out`.
    """

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

    def wish(self, problem: Problem, usual: int) -> Wish | None:
        """How far a plan for `problem` had better look ahead, where the agent's usual horizon is not right; None: it is."""
        return None

    @property
    def guardrails(self) -> tuple[Guardrail, ...]:
        """What it forbids beside what the agent may not do anyway; a task adds guardrails, it never takes one away."""
        return ()

    def __add__(self, other: "AbstractTask | AbstractCost | Guardrail") -> "Together":
        return _together(self, other)

    def __radd__(self, other: "AbstractCost | Guardrail") -> "Together":
        return _together(self, other)

    def __mul__(self, factor: float) -> "Together":
        return replace(_alone(self), weights=tuple(factor * weight for weight in _alone(self).weights))

    __rmul__ = __mul__


@dataclass(frozen=True)
class Parts(Batched):
    """The progress of several tasks, each of its own kind."""

    parts: tuple[Any, ...]

    def _map(self, function) -> "Parts":
        return Parts(tuple(_map_part(part, function) for part in self.parts))


@dataclass(frozen=True)
class Part(Batched):
    """One of several tasks as a cost needs it."""

    goal: State | None
    progress: Any


@dataclass(frozen=True, kw_only=True)
class Together(AbstractTask):
    """Several tasks at once, with drives and guardrails of their own; what `+` and `*` make.

    Energies add up. Guardrails are joined and no weight touches them. It is through when all are; a task that never ends is not
    waited for.
    """

    tasks: tuple[AbstractTask, ...]
    weights: tuple[float, ...]
    drives: AbstractCost | None = None
    """What is asked of the way, such as little effort."""
    rules: tuple[Guardrail, ...] = ()
    """Guardrails of nobody in particular."""

    def start(self, knowledge: Knowledge, num_rows: int) -> Parts:
        return Parts(tuple(task.start(knowledge, num_rows) for task in self.tasks))

    def problem(self, state: State, progress: Parts) -> Problem:
        problems = [task.problem(state, part) for task, part in zip(self.tasks, progress.parts, strict=True)]
        goals = [problem.goal for problem in problems if problem.goal is not None]
        parts = Parts(tuple(Part(problem.goal, problem.progress) for problem in problems))
        return replace(problems[0], goal=goals[0] if goals else None, progress=parts)

    def advance(self, progress: Parts, state: State) -> Parts:
        return Parts(tuple(task.advance(part, state) for task, part in zip(self.tasks, progress.parts, strict=True)))

    def cost(self, base: AbstractCost, knowledge: Knowledge) -> AbstractCost:
        # The agent's own drives count once, however many tasks there are.
        goals, drives = split_drives(base)
        cost: AbstractCost = EnergyTogether(costs=tuple(task.cost(goals or base, knowledge) for task in self.tasks), weights=self.weights)
        for drive in (drives if goals else None, self.drives):
            cost = cost if drive is None else cost + drive
        return cost

    def done(self, progress: Parts) -> Bool[Tensor, " batch"] | None:
        through = [task.done(part) for task, part in zip(self.tasks, progress.parts, strict=True)]
        ending = [rows for rows in through if rows is not None]
        return torch.stack(ending).all(dim=0) if ending else None

    def wish(self, problem: Problem, usual: int) -> Wish | None:
        """The farthest sight that any of them wishes for."""
        wishes = []
        for task, part in zip(self.tasks, problem.progress.parts, strict=True):
            wishes.append(task.wish(replace(problem, goal=part.goal, progress=part.progress), usual))
        heard = [wish for wish in wishes if wish is not None]
        farthest = max(heard, key=lambda wish: wish.horizon, default=None)
        if farthest is None:
            return None
        return replace(farthest, precise=any(wish.precise for wish in heard), rounds=max(wish.rounds for wish in heard))

    @property
    def guardrails(self) -> tuple[Guardrail, ...]:
        return tuple(rule for task in self.tasks for rule in task.guardrails) + self.rules


@dataclass(frozen=True, kw_only=True)
class EnergyTogether(AbstractCost):
    """Energies of several tasks, each with its own goal and progress."""

    costs: tuple[AbstractCost, ...]
    weights: tuple[float, ...]

    def energy(self, rollout: Rollout, problem: Problem) -> Float[Tensor, "batch horizon"]:
        energies = []
        for cost, weight, part in zip(self.costs, self.weights, problem.progress.parts, strict=True):
            # What is asked of the way, such as a taste, is asked of the way to wherever the others go.
            goal = part.goal if cost.about_goals else problem.goal
            energies.append(weight * cost.energy(rollout, replace(problem, goal=goal, progress=part.progress)))
        return torch.stack(energies).sum(dim=0)


def split_drives(cost: AbstractCost) -> tuple[AbstractCost | None, AbstractCost | None]:
    """What of a cost measures from goals, and what is asked of every way."""
    whole = cost if isinstance(cost, WeightedSum) else WeightedSum(terms=(cost,), weights=(1.0,))
    kept: dict[bool, AbstractCost | None] = {}
    for about_goals in (True, False):
        chosen = [(term, weight) for term, weight in zip(whole.terms, whole.weights, strict=True) if term.about_goals is about_goals]
        kept[about_goals] = WeightedSum(terms=tuple(term for term, _ in chosen), weights=tuple(weight for _, weight in chosen)) if chosen else None
    return kept[True], kept[False]


def _together(task: AbstractTask, other: Any) -> Together:
    mine = _alone(task)
    if isinstance(other, AbstractTask):
        theirs = _alone(other)
        drives = [drive for drive in (mine.drives, theirs.drives) if drive is not None]
        return Together(
            tasks=mine.tasks + theirs.tasks,
            weights=mine.weights + theirs.weights,
            drives=drives[0] + drives[1] if len(drives) == 2 else next(iter(drives), None),
            rules=mine.rules + theirs.rules,
        )
    if isinstance(other, AbstractCost):
        return replace(mine, drives=other if mine.drives is None else mine.drives + other)
    if isinstance(other, Guardrail):
        return replace(mine, rules=(*mine.rules, other))
    raise ConfigError(f"A task and a {type(other).__name__} do not add up.", expected="another task, a cost such as ActionEffort(), or a Guardrail")


def _alone(task: AbstractTask) -> Together:
    return task if isinstance(task, Together) else Together(tasks=(task,), weights=(1.0,))


def _map_part(part: Any, function) -> Any:
    if isinstance(part, Batched):
        return part._map(function)
    return function(part) if isinstance(part, Tensor) else part


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
    mode: Mode = "plan"
    """`plan`: by search (Mode 2); `react`: by the policy (Mode 1); `auto`: by the policy where the arbiter lets it."""
    risk: AbstractRisk | None = None
    """What a plan is worth that may lead to several futures; None: the likeliest one counts."""
    proposals: int = 0
    """Action sequences that the policy proposes to a search, the one that it prefers first; 0: none."""
    levels: int = 1
    """Levels that plan at the most, from the lowest up; 1: actions alone."""
    time_to_go: str | None = None
    """The critic whose time to go is part of the energy, and which vetoes what is too good to be true; None: none."""
    depth: Int[Tensor, " batch"] | None = None
    """Levels that plan for each episode, where they differ; None: as many as there may be."""
    top_down: TopDown = TopDown()
    """How levels plan together, where there is more than one."""
    why: tuple[str, ...] = ()
    """Each decision that differs from the agent's settings, in a few words for people."""


class AbstractConfigurator(ABC):
    """Turns a task and the situation into settings for the other modules. A frozen dataclass.

    It can ask for what it likes: guardrails are not its to choose, and an intent that a guardrail was not calibrated for is refused.
    """

    @abstractmethod
    def configure(self, usual: Intent, task: AbstractTask, problem: Problem, guardrails: tuple[Guardrail, ...], knowledge: Knowledge) -> Intent:
        """What to do about `problem`, now.

        Args:
            knowledge: what the agent was taught, for predictions such as how far the goal is.
            usual: the agent's settings, with the task's cost in place of the agent's own.
            guardrails: all that are in force, the task's among them.
        """
