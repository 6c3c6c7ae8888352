"""Fast and slow: one act of thinking about a problem, by search (Mode 2), by the policy (Mode 1), or by whichever is good enough."""

import time
from collections import Counter
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float
from torch import Generator, Tensor

from telos.agent.actor import Pace, make_plan
from telos.agent.actor.guard import Guard, SafeRest
from telos.agent.actor.reactive import propose, react
from telos.agent.merging import merge_plans
from telos.agent.top_down.planning import TopDownPlanning, aimed, why_led
from telos.agent.top_down.waypoints import WaypointPlanning
from telos.core.acting import AbstractArbiter, AbstractPolicy, Mode, Prospect
from telos.core.contracts import AbstractCost
from telos.core.errors import ConfigError
from telos.core.readouts import Knowledge
from telos.core.tasks import Intent
from telos.core.types import Choice, Plan, Problem

ALWAYS = ("the agent always reacts",)
UNKNOWN = ("the policy does not know the task",)
PRACTISE = "telos practise RUN teaches both"


def check_mode(mode: Mode, proposals: int, knowledge: Knowledge) -> None:
    """Raises ConfigError for a way of acting that this agent was not taught."""
    if knowledge.policy is None and (mode != "plan" or proposals):
        what = f"act in mode '{mode}'" if mode != "plan" else f"take {proposals} proposals"
        raise ConfigError(f"The agent has no policy to {what}.", fix="telos practise RUN teaches it one")
    if mode == "auto" and knowledge.arbiter is None:
        raise ConfigError("The agent has a policy, and no arbiter to say when that is good enough.", fix=PRACTISE)


def num_searched(plan: Plan) -> int:
    """Episodes for which there was a search."""
    return len(plan.actions) if plan.choice is None else int(plan.choice.planned.sum())


@dataclass(frozen=True, kw_only=True)
class Thinking:
    """All that it takes beside the problem."""

    knowledge: Knowledge
    intent: Intent
    """The mode among other things."""
    cost: AbstractCost
    """What energy is, drives included."""
    pace: Pace
    generator: Generator
    guard: Guard | None = None
    """What guardrails are in force; None: there are none."""
    leading: TopDownPlanning | WaypointPlanning | None = None
    """What says where to go next on the way to the goal; None: it is gone for straight."""

    def __call__(self, problem: Problem, warm_start: Plan | None, safe_rest: SafeRest | None, surprise: Float[Tensor, " batch"] | None) -> Plan:
        """A plan for each problem, and how it was come by.

        Raises:
            ConfigError: the mode needs what nobody has taught; or it is `react`, and the policy does not know the task.
        """
        if self.leading is None or problem.goal is None:
            return self._think(problem, warm_start, safe_rest, surprise)
        started, budget = time.perf_counter(), self.intent.budget_ms
        aim = self.leading(problem.state, problem.goal, None if warm_start is None else warm_start.aim, budget)
        # What is planned above is taken from the plan's time.
        left = None if budget is None else max(0.0, budget - 1000 * (time.perf_counter() - started))
        think = replace(self, leading=None, intent=replace(self.intent, budget_ms=left))
        plan = think(aimed(problem, aim), warm_start, safe_rest, surprise)
        return replace(plan, aim=aim, trace=replace(plan.trace, why=(*why_led(aim), *plan.trace.why)))

    def _think(self, problem: Problem, warm_start: Plan | None, safe_rest: SafeRest | None, surprise: Float[Tensor, " batch"] | None) -> Plan:
        mode = self.intent.mode
        check_mode(mode, self.intent.proposals, self.knowledge)
        policy = self.knowledge.policy
        if mode == "plan" or policy is None:
            return self._search(problem, warm_start, safe_rest)
        if not policy.knows(problem):
            if mode == "react":
                raise ConfigError(
                    "The policy does not know this task, and the agent acts by nothing else.",
                    expected="a task with one goal that is a state, such as ReachGoal(observation)",
                    fix='mode="auto" plans what the policy does not know',
                )
            return _chosen(self._search(problem, warm_start, safe_rest), UNKNOWN, planned=True)
        reaction = self._react(policy, problem, safe_rest)
        if mode == "react":
            return _chosen(reaction, ALWAYS, planned=False)
        assert self.knowledge.arbiter is not None
        return self._either(policy, self.knowledge.arbiter, reaction, problem, warm_start, safe_rest, surprise)

    def _either(
        self,
        policy: AbstractPolicy,
        arbiter: AbstractArbiter,
        reaction: Plan,
        problem: Problem,
        warm_start: Plan | None,
        safe_rest: SafeRest | None,
        surprise: Tensor | None,
    ) -> Plan:
        """The policy's way where the arbiter lets it; a plan for the others, and for them alone."""
        disagreement = None if reaction.feelings is None else reaction.feelings.disagreement
        choice = arbiter.decide(
            Prospect(
                problem=problem,
                cost=self.cost,
                reaction=reaction,
                refused=self._refused(policy, reaction, problem),
                disagreement=disagreement,
                surprise=surprise,
            )
        )
        rows = choice.planned
        why = _summary(choice)
        if not rows.any():
            return replace(reaction, choice=choice, trace=replace(reaction.trace, why=why))
        if rows.all():
            plan = self._search(problem, warm_start, safe_rest, reaction)
        else:
            some = None if warm_start is None else warm_start.select(rows)
            rest = None if safe_rest is None else safe_rest.select(rows)
            plan = merge_plans(rows, reaction, self._search(problem.select(rows), some, rest, reaction.select(rows)))
        return replace(plan, choice=choice, trace=replace(plan.trace, why=why))

    def _search(self, problem: Problem, warm_start: Plan | None, safe_rest: SafeRest | None, reaction: Plan | None = None) -> Plan:
        """A plan by search; what has been imagined of reacting is what it has to improve on."""
        intent, started = self.intent, time.perf_counter()
        proposals = None if reaction is None else reaction.actions[:, None]
        policy = self.knowledge.policy
        if intent.proposals and policy is not None and policy.knows(problem):
            horizon, num = intent.planner.horizon, intent.proposals
            proposals = propose(policy, self.knowledge.world_model, problem, horizon=horizon, num=num, generator=self.generator)
        # What the policy takes for its proposals is taken from the plan's time.
        spent = 1000 * (time.perf_counter() - started)
        return make_plan(
            intent.planner,
            world_model=self.knowledge.world_model,
            cost=self.cost,
            problem=replace(problem, budget_ms=None if intent.budget_ms is None else max(0.0, intent.budget_ms - spent)),
            warm_start=warm_start,
            pace=self.pace,
            generator=self.generator,
            guard=self.guard,
            safe_rest=safe_rest,
            risk=intent.risk,
            proposals=proposals,
        )

    def _react(self, policy: AbstractPolicy, problem: Problem, safe_rest: SafeRest | None) -> Plan:
        return react(
            policy,
            world_model=self.knowledge.world_model,
            cost=self.cost,
            problem=problem,
            horizon=self.intent.planner.horizon,
            generator=self.generator,
            guard=self.guard,
            safe_rest=safe_rest,
            risk=self.intent.risk,
        )

    def _refused(self, policy: AbstractPolicy, reaction: Plan, problem: Problem) -> Bool[Tensor, " batch"] | None:
        """Who is not let do what the policy would: what passed the gate is something else, or is not safe."""
        if reaction.verdict is None:
            return None
        other = (reaction.actions[:, 0] != policy.act(problem).to(reaction.actions.dtype)).any(dim=-1)
        return other | ~reaction.verdict.feasible | reaction.verdict.fallback


def _chosen(plan: Plan, reasons: tuple[str, ...], *, planned: bool) -> Plan:
    """The plan with one reason for all its rows."""
    rows = torch.full((len(plan.actions),), planned, device=plan.actions.device)
    choice = Choice(planned=rows, reason=torch.zeros_like(rows, dtype=torch.long), reasons=reasons)
    return replace(plan, choice=choice, trace=replace(plan.trace, why=_summary(choice)))


def _summary(choice: Choice) -> tuple[str, ...]:
    """How many of a batch were planned for, and why; for one episode its reason."""
    planned, reason = choice.planned.tolist(), choice.reason.tolist()
    if len(planned) == 1:
        return (f"{'planned' if planned[0] else 'reacted'}: {choice.reasons[reason[0]]}",)
    counts = Counter(choice.reasons[place] for place in reason)
    return (f"planned in {sum(planned)} of {len(planned)} episodes: " + ", ".join(f"{text} {count}" for text, count in counts.most_common()),)
