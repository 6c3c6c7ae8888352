"""Mode 1: a policy carried out in imagination, step by step, and as a plan that the gate has looked at like any other."""

import time
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Num
from torch import Generator, Tensor

from telos.agent.actor.guard import Guard, SafeRest
from telos.agent.actor.plan import make_plan
from telos.core.acting import AbstractPolicy
from telos.core.contracts import AbstractCost, AbstractPlanner, AbstractRisk, AbstractWorldModel
from telos.core.searching import AbstractEvaluator
from telos.core.spaces import ActionSpace
from telos.core.types import Feelings, Plan, PlanTrace, Problem

REACTED = "reacted"
"""How the trace of such a plan says that there was no search."""


@dataclass(frozen=True, kw_only=True)
class Carried(AbstractPlanner):
    """No search: its answer is what it is given to start from."""

    def supports(self, action_space: ActionSpace) -> bool:
        return True

    def search(
        self, evaluate: AbstractEvaluator, warm_start: Num[Tensor, "batch horizon action"] | None, generator: Generator
    ) -> Num[Tensor, "batch num horizon action"]:
        assert warm_start is not None
        return warm_start[:, None]


def propose(
    policy: AbstractPolicy, world_model: AbstractWorldModel, problem: Problem, *, horizon: int, num: int = 1, generator: Generator | None = None
) -> Num[Tensor, "batch num horizon action"]:
    """What the policy would do from step to step, in imagination: `num` ways for each problem, first as it prefers to, then as it may.

    Args:
        generator: for `num` above 1; all problems see the same random numbers.
    """
    assert num == 1 or generator is not None
    now = problem.repeat(num)
    first = torch.arange(0, now.num_rows, num, device=now.state.latent.device)
    actions: list[Tensor] = []
    for time_ in range(horizon):
        action = policy.act(now, None if num == 1 else generator, num)
        if num > 1:
            action = action.index_copy(0, first, policy.act(now.select(first)).to(action.dtype))
        actions.append(action)
        if time_ < horizon - 1:
            now = replace(now, state=world_model.step(now.state, action), previous_action=action)
    return torch.stack(actions, dim=1).unflatten(0, (-1, num))


@torch.no_grad()
def react(
    policy: AbstractPolicy,
    *,
    world_model: AbstractWorldModel,
    cost: AbstractCost,
    problem: Problem,
    horizon: int,
    generator: Generator,
    guard: Guard | None = None,
    safe_rest: SafeRest | None = None,
    risk: AbstractRisk | None = None,
    num: int = 1,
) -> Plan:
    """The plan of who does not search: what the policy would do from step to step, and what is expected of it.

    With guardrails it goes through the gate like the plan of any planner, and the fallback runs where it does not pass.

    Args:
        num: ways of the policy that the gate may choose among, the preferred one first; without guardrails that one is taken.
        risk: what it is judged by where the model knows several futures.
    """
    started = time.perf_counter()
    if guard is None and risk is None:
        actions = propose(policy, world_model, problem, horizon=horizon)[:, 0]
        rollout = world_model.rollout(problem.state, actions)
        energies = cost.energy(rollout, problem)
        trace = PlanTrace(num_candidates=1, seconds=time.perf_counter() - started, stopped=REACTED)
        return Plan(actions, energies, rollout.latent, trace, feelings=_feelings(energies, rollout.disagreement))
    ways = propose(policy, world_model, problem, horizon=horizon, num=num if guard is not None else 1, generator=generator)
    preferred = Plan(actions=ways[:, 0], energies=ways[:, 0, :, 0].float(), imagined=ways[:, 0])
    plan = make_plan(
        Carried(horizon=horizon),
        world_model=world_model,
        cost=cost,
        problem=replace(problem, budget_ms=None),
        generator=generator,
        warm_start=preferred,
        guard=guard,
        safe_rest=safe_rest,
        proposals=ways[:, 1:] if num > 1 else None,
        risk=risk,
    )
    return replace(plan, trace=replace(plan.trace, seconds=time.perf_counter() - started, stopped=REACTED))


def _feelings(energies: Float[Tensor, "batch horizon"], disagreement: Float[Tensor, "batch horizon"] | None) -> Feelings:
    most = None if disagreement is None else disagreement.amax(dim=1)
    return Feelings(best=energies.amin(dim=1), mean=energies.mean(dim=1), worst=energies.amax(dim=1), disagreement=most)
