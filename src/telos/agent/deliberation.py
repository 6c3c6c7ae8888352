"""One act of thinking: what is to be done about the situation, how, and the search itself."""

from dataclasses import dataclass, replace
from typing import Any

from torch import Generator, Tensor

from telos.agent.actor import Pace, make_plan
from telos.core.contracts import AbstractCost
from telos.core.errors import SpaceError
from telos.core.readouts import Knowledge
from telos.core.tasks import AbstractConfigurator, AbstractTask, Intent
from telos.core.types import Plan, Problem, State


@dataclass(frozen=True, kw_only=True)
class Deliberation:
    """The search that is due at this step, for whatever state; what it needs of the agent was read when it was made."""

    knowledge: Knowledge
    usual: Intent
    """The agent's settings."""
    task: AbstractTask
    configurator: AbstractConfigurator | None
    pace: Pace
    generator: Generator

    def __call__(self, state: State, progress: Any, action: Tensor | None, warm_start: Plan | None) -> Plan:
        """What to do in `state`. Raises SpaceError if the task has goals for another number of episodes."""
        problem = replace(self.task.problem(state, progress), previous_action=action)
        if problem.goal is not None and problem.goal.num_rows != problem.num_rows:
            raise SpaceError(
                f"The task has {problem.goal.num_rows} goals, and there are {problem.num_rows} observations.",
                expected="one goal for all, or one for each observation",
            )
        intent = self._intent(self.usual.cost, problem)
        plan = make_plan(
            intent.planner,
            world_model=self.knowledge.world_model,
            cost=intent.cost,
            problem=replace(problem, budget_ms=intent.budget_ms),
            warm_start=warm_start,
            pace=self.pace,
            generator=self.generator,
        )
        return replace(plan, trace=replace(plan.trace, why=intent.why)) if intent.why else plan

    def _intent(self, base: AbstractCost, problem: Problem) -> Intent:
        usual = replace(self.usual, cost=self.task.cost(base, self.knowledge))
        return usual if self.configurator is None else self.configurator.configure(usual, self.task, problem, self.task.guardrails)
