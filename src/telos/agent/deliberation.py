"""One act of thinking: what is to be done about the situation, how, and the search itself."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from torch import Generator, Tensor

from telos.agent.actor import Pace
from telos.agent.actor.gate import check_plan
from telos.agent.actor.guard import SafeRest, Watch
from telos.agent.guardrails import leads
from telos.agent.sealing import Seal
from telos.agent.startle import fall_back_where, startled
from telos.agent.thinking import Thinking
from telos.agent.top_down.leading import Lead, check_levels
from telos.agent.top_down.planning import aimed
from telos.core.contracts import AbstractCost
from telos.core.errors import ConfigError, SpaceError
from telos.core.readouts import Knowledge
from telos.core.tasks import AbstractConfigurator, AbstractTask, Intent
from telos.core.types import Batched, Plan, Problem, State


class Situation(NamedTuple):
    """All that one act of thinking starts from, a row for each episode."""

    state: State
    progress: Any
    action: Tensor | None = None
    """What was done last."""
    warm_start: Plan | None = None
    watch: Watch | None = None
    """What guardrails remember."""
    safe_rest: SafeRest | None = None
    """What is left of the last safe plan."""
    surprise: Tensor | None = None
    """Least p-value of what was seen last, and in the steps before that still keep the agent alert."""

    def select(self, rows: Tensor) -> "Situation":
        """Some of the episodes."""
        return Situation(*(_select(part, rows) for part in self))


class Decision(NamedTuple):
    """A plan, and for how many steps it is carried out."""

    plan: Plan
    replan_every: int


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
    drives: AbstractCost | None = None
    """Added to whatever energy is; no configurator and no task takes them away."""
    seal: Seal | None = None
    """What guardrails are in force; None: there are none."""
    falls_back_below: float = 0.0
    """P-value below which what was seen calls the guardrails' fallback; 0: no surprise does."""

    def __call__(self, now: Situation) -> Decision:
        """What to do about it.

        Raises:
            SpaceError: the task has goals for another number of episodes.
            GuardrailError: the configurator asks for a way of planning that a guardrail does not cover.
            ConfigError: the mode needs what the agent was not taught.
        """
        problem = self._problem(now)
        lead = self._lead(problem)
        intent = lead.intent
        think = Thinking(
            knowledge=lead.knowledge,
            intent=intent,
            cost=self._cost(lead, problem),
            pace=self.pace,
            generator=self.generator,
            guard=None if self.seal is None else self.seal.guard(intent.replan_every),
            leading=lead.planning(self.generator, self.pace) if leads(intent) else None,
        )
        plan = think(problem, now.warm_start, now.safe_rest, now.surprise)
        why = intent.why if self.seal is None else (*intent.why, *self.seal.notes(problem, intent))
        return Decision(replace(plan, trace=replace(plan.trace, why=(*why, *plan.trace.why))) if why else plan, intent.replan_every)

    def check(self, decision: Decision, now: Situation) -> Plan:
        """The plan, with a verdict on what it leads to from this situation rather than from the one it was made for."""
        if self.seal is None:
            return decision.plan
        guard = self.seal.guard(decision.replan_every)
        model, problem, risk = self.knowledge.world_model, self._problem(now), self.usual.risk
        return check_plan(decision.plan, world_model=model, problem=problem, guard=guard, risk=risk, generator=self.generator)

    def calm(self, decision: Decision, now: Situation, surprise: Tensor | None) -> Decision:
        """The same, but the fallback for those who were startled; looked at again after one step.

        Args:
            surprise: `[batch]`, the p-value of what was seen last.
        """
        rows = startled(surprise, self.falls_back_below)
        if rows is None or self.seal is None:
            return decision
        (problem, cost), guard = self.energy(now._replace(warm_start=decision.plan)), self.seal.guard(decision.replan_every)
        model, rest = self.knowledge.world_model, now.safe_rest
        plan = fall_back_where(rows, decision.plan, world_model=model, cost=cost, problem=problem, guard=guard, safe_rest=rest)
        return Decision(plan, 1)

    def energy(self, now: Situation) -> tuple[Problem, AbstractCost]:
        """What is planned for, and what energy is then: that of the way to where the plan goes next, which `now.warm_start` says."""
        problem = self._problem(now)
        lead, aim = self._lead(problem), None if now.warm_start is None else now.warm_start.aim
        cost = self._cost(lead, problem)
        return aimed(problem, aim) if aim is not None and leads(lead.intent) else problem, cost

    def _cost(self, lead: Lead, problem: Problem) -> AbstractCost:
        cost = lead.cost(lead.intent.cost, problem)
        return cost if self.drives is None else cost + self.drives

    @property
    def _known(self) -> Knowledge:
        """What the agent knows, as guardrails let it be."""
        return self.knowledge if self.seal is None else self.seal.allowed

    def _problem(self, now: Situation) -> Problem:
        problem = replace(self.task.problem(now.state, now.progress), previous_action=now.action, watch=now.watch or {})
        if problem.goal is not None and problem.goal.num_rows != problem.num_rows:
            raise SpaceError(
                f"The task has {problem.goal.num_rows} goals, and there are {problem.num_rows} observations.",
                expected="one goal for all, or one for each observation",
            )
        return problem

    def _lead(self, problem: Problem) -> Lead:
        """How this is gone about, by as many levels as there can be."""
        intent = self._intent(self.usual.cost, problem)
        check_levels(intent, self.knowledge)
        lead = Lead(knowledge=self._known, intent=intent, usual=self.usual.cost)
        if not leads(intent):
            return lead
        if (why := lead.why_not(problem)) is not None:
            alone = replace(intent, levels=1, top_down=replace(intent.top_down, subgoals="levels"), why=(*intent.why, why))
            return replace(lead, intent=alone)
        in_force = () if self.seal is None else self.seal.in_force
        return replace(lead, intent=lead.shortened(max((rule.requirement.shortest_horizon for rule in in_force), default=1)))

    def _intent(self, base: AbstractCost, problem: Problem) -> Intent:
        intent = replace(self.usual, cost=self.task.cost(base, self.knowledge))
        if self.configurator is not None:
            in_force = self.task.guardrails if self.seal is None else self.seal.in_force
            intent = self.configurator.configure(intent, self.task, problem, in_force, self._known)
        if not 1 <= intent.replan_every <= intent.planner.horizon:
            raise ConfigError(f"A plan is to be made every {intent.replan_every} steps.", expected=f"1 to the horizon, {intent.planner.horizon}")
        if self.seal is not None:
            self.seal.check_intent(intent)
        return intent


def _select(part: Any, rows: Tensor) -> Any:
    if isinstance(part, Mapping):
        return {name: value[rows] for name, value in part.items()}
    if isinstance(part, Batched):
        return part.select(rows)
    return part[rows] if isinstance(part, Tensor) else part
