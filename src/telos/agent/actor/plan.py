"""From a search to a plan: the one place where a planner's answer becomes what the agent does."""

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Generator, Tensor

from telos.agent.actor.candidates import CandidateEvaluator, take_best
from telos.agent.actor.clock import FEWEST
from telos.agent.actor.futures import Futures
from telos.agent.actor.gate import Gate
from telos.agent.actor.guard import Guard, SafeRest
from telos.agent.actor.pace import Pace
from telos.core.action_box import ActionBox
from telos.core.config import short_name
from telos.core.contracts import AbstractCost, AbstractPlanner, AbstractRisk, AbstractWorldModel
from telos.core.errors import ConfigError, GuardrailError
from telos.core.types import Plan, PlanTrace, Problem

FEW = 2
"""Answers of a search that are compared in the pass that imagines the best of them."""
NO_TIME = "no time"


@torch.no_grad()
def make_plan(
    planner: AbstractPlanner,
    *,
    world_model: AbstractWorldModel,
    cost: AbstractCost,
    problem: Problem,
    generator: Generator,
    warm_start: Plan | None = None,
    pace: Pace | None = None,
    fixed_work: bool = False,
    guard: Guard | None = None,
    safe_rest: SafeRest | None = None,
    risk: AbstractRisk | None = None,
    proposals: Tensor | None = None,
) -> Plan:
    """Searches, imagines the best sequence again, and says what is expected of it.

    With guardrails the gate has the last word, in whatever time: see `telos.agent.actor.gate`.

    With a budget (`problem.budget_ms`) a round is begun only if, by the pace measured so far, it ends in time; the last one may judge
    a part of its candidates only. Where there is no time for any, the warm start is the plan, or, without one, rest: the
    middle of the action space; the trace says so.

    Args:
        warm_start: what is left of the previous plan, as `Plan.shift` gives it.
        generator: on the device of the state; the only source of chance.
        pace: what rounds of this planner have cost on this model, kept from plan to plan; None: with a budget, it is measured first.
        fixed_work: find the same with an amount of work that does not depend on the data, for a graph that is captured.
        guard: the guardrails in force; None: there are none.
        safe_rest: what is left of the last plan that was safe to its end, for fallbacks that go on with it.
        risk: what a candidate is worth that may lead to several futures, which are drawn once, before the search; guardrails are then kept
            in every one of them. The plan's energies are means over the futures, and what is imagined is the likeliest of all.
            None: the likeliest future is the only one that is looked at.
        proposals: `[batch num horizon action]`, what somebody else thinks of doing; the search starts from the best of these and of the warm
            start, and the gate knows them all.

    Raises:
        ConfigError: the planner cannot search this action space; or a risk is asked for, and the model leaves nothing to chance.
        GuardrailError: guardrails are in force, and a graph is being captured: the gate does not fit into one.
    """
    space = world_model.spaces.action
    if not planner.supports(space):
        raise ConfigError(
            f"The planner '{short_name(type(planner))}' cannot search {space.describe()}.", fix="choose another one, such as 'random-shooting'"
        )
    if guard is not None:
        problem = _watched(guard, problem, fixed_work)
    pace = pace or Pace()
    evaluate = CandidateEvaluator(
        world_model=world_model,
        cost=cost,
        problem=problem,
        action_space=space,
        pace=pace,
        fixed_work=fixed_work,
        guard=_copy(guard),
        futures=None if risk is None else Futures.drawn(world_model, problem, risk, _steps_ahead(planner, guard), generator),
    )
    start = None if warm_start is None else _fit(warm_start.actions, planner.horizon)
    if problem.budget_ms is not None and not pace.known:
        _measure(evaluate, _rest(evaluate, planner, generator) if start is None else start)
    if proposals is not None and not evaluate.out_of_time(proposals.shape[1] + 1):
        start = _better_start(evaluate, start, proposals)
    actions = planner.search(evaluate, start, generator)
    if guard is not None:
        return _guarded(Gate(evaluate, guard, safe_rest), actions, start, lambda: _rest(evaluate, planner, generator))
    if evaluate.best or not evaluate.clock.ran_out:
        if actions.shape[1] > FEW:
            actions, _ = take_best(actions, evaluate(actions), 1)
        return _finished(evaluate, actions, "out of time" if evaluate.clock.ran_out else evaluate.reason)
    if warm_start is not None and warm_start.actions.shape[1] == planner.horizon and evaluate.clock.left <= 0:
        pace.give_up(evaluate.clock.num_problems)
        evaluate.clock.plan_ended()
        return replace(warm_start, trace=PlanTrace(seconds=evaluate.clock.seconds, stopped=f"{NO_TIME}: warm start"))
    first = _rest(evaluate, planner, generator) if start is None else start
    return _finished(evaluate, first[:, None], f"{NO_TIME}: {'rest' if start is None else 'warm start'}")


def _better_start(evaluate: CandidateEvaluator, start: Tensor | None, proposals: Tensor) -> Tensor:
    """The best of what is left of the last plan and of what is proposed; found in one pass."""
    ways = torch.cat([*([] if start is None else [start[:, None]]), proposals], dim=1)
    return take_best(ways, evaluate(ways), 1)[0][:, 0]


def _finished(evaluate: CandidateEvaluator, actions: Tensor, stopped: str) -> Plan:
    plan = evaluate.outcome(actions)
    evaluate.clock.plan_imagined()
    evaluate.clock.plan_ended()
    trace = PlanTrace(best=tuple(evaluate.best), num_candidates=evaluate.num_candidates, seconds=evaluate.clock.seconds, stopped=stopped)
    return replace(plan, trace=trace)


def _guarded(gate: Gate, answers: Tensor, start: Tensor | None, rest: Callable[[], Tensor]) -> Plan:
    evaluate, stopped = gate.evaluate, gate.evaluate.reason
    if evaluate.clock.ran_out:
        stopped = "out of time" if evaluate.best else f"{NO_TIME}: {'rest' if start is None else 'warm start'}"
    # What an open-loop fallback does is among the candidates anyway, and is a better rest than the middle of the box.
    known = [*([] if start is None else [start]), *([] if any(fallback.open_loop for fallback in gate.guard.fallbacks) else [rest()])]
    found = [answers] if evaluate.best or not evaluate.clock.ran_out else []
    ways = [*found, *(way[:, None] for way in known)]
    plan = gate.choose(torch.cat(ways or [rest()[:, None]], dim=1))
    evaluate.clock.plan_imagined()
    evaluate.clock.plan_ended()
    trace = PlanTrace(best=tuple(evaluate.best), num_candidates=evaluate.num_candidates, seconds=evaluate.clock.seconds, stopped=stopped)
    return replace(plan, trace=trace)


def _steps_ahead(planner: AbstractPlanner, guard: Guard | None) -> int:
    """How far futures are drawn: to the end of every plan, and of every fallback that takes over from it."""
    rest = 0 if guard is None else guard.committed + max(fallback.steps for fallback in guard.fallbacks)
    return planner.horizon + rest


def _copy(guard: Guard | None) -> Guard | None:
    """For the search alone: whatever a planner does to it, the gate has its own."""
    return None if guard is None else replace(guard)


def _watched(guard: Guard, problem: Problem, fixed_work: bool) -> Problem:
    if fixed_work:
        raise GuardrailError("A policy with guardrails cannot be captured as one graph.", fix="serve the agent itself: telos serve RUN")
    missing = any(guardrail.name not in problem.watch for guardrail in guard.guardrails)
    return replace(problem, watch={**guard.begin(problem.state), **problem.watch}) if missing else problem


def _measure(evaluate: CandidateEvaluator, actions: Tensor) -> None:
    """The first measurements of a pace, with candidates that nobody asked about."""
    trial = evaluate.trial()
    few = actions[:, None].expand(-1, FEWEST, -1, -1)

    def conclude() -> None:
        _ = trial.outcome(few[:, :1]) if trial.guard is None else Gate(trial, trial.guard).choose(few[:, :2])

    # What is imagined for the first time sets things up, and tells nothing of later times.
    trial.outcome(few), conclude()
    for _ in range(2):
        trial.clock.ask(FEWEST)
        trial(few)
        trial.clock.round_ended()
        conclude()
        trial.clock.plan_imagined()


def _rest(evaluate: CandidateEvaluator, planner: AbstractPlanner, generator: Generator) -> Tensor:
    box = ActionBox(evaluate.action_space)
    return box.to_actions(torch.zeros(evaluate.num_problems, planner.horizon, *box.space.shape, device=generator.device))


def _fit(actions: Tensor, horizon: int) -> Tensor:
    """`actions` cut, or held at the last one, to `horizon` steps."""
    missing = max(0, horizon - actions.shape[1])
    return torch.cat([actions[:, :horizon], actions[:, -1:].expand(-1, missing, -1)], dim=1)
