"""A policy as a plan: what it would do from step to step, and the gate before it."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from telos.agent.actor import CEM, MPPI, CategoricalCEM, GradientDescent, RandomShooting, make_plan
from telos.agent.actor.guard import Guard
from telos.agent.actor.reactive import propose, react
from telos.agent.cost import PathDistance
from telos.agent.guardrails import Brake, Disc, Guardrail, KeepOut
from telos.core.acting import AbstractPolicy
from telos.core.spaces import DiscreteSpace
from telos.testing import TruePointMass, true_knowledge
from telos.testing.policies import problems_for

MODEL, COST, HORIZON = TruePointMass(), PathDistance(), 6


class Straight(AbstractPolicy):
    """Pushes towards the goal; what it draws is off by some noise."""

    def knows(self, problem):
        return problem.goal is not None

    def act(self, problem, generator=None, num=1):
        push = 4 * (problem.goal.latent - problem.state.latent) - 2 * problem.state.belief[:, 2:]
        if generator is not None:
            push = push + 0.3 * torch.randn(num, 2, generator=generator).repeat(len(push) // num, 1)
        return push.clamp(-1, 1)


def reacted(problem, **more):
    generator = torch.Generator().manual_seed(0)
    return react(Straight(), world_model=MODEL, cost=COST, problem=problem, horizon=HORIZON, generator=generator, **more)


def test_each_action_is_what_the_policy_does_where_the_ones_before_have_led():
    problem = problems_for(MODEL, 0)
    plan, state = reacted(problem), problem.state
    for step in range(HORIZON):
        action = Straight().act(replace(problem, state=state))
        torch.testing.assert_close(plan.actions[:, step], action)
        state = MODEL.step(state, action)
        torch.testing.assert_close(plan.imagined[:, step], state.latent)
    rollout = MODEL.rollout(problem.state, plan.actions)
    torch.testing.assert_close(plan.energies, COST.energy(rollout, problem))
    assert plan.trace.stopped == "reacted" and plan.trace.num_candidates == 1 and plan.verdict is None


def test_proposals_begin_with_what_it_prefers_and_differ_alike_for_all_problems():
    problem, plan = problems_for(MODEL, 0), reacted(problems_for(MODEL, 0))
    ways = propose(Straight(), MODEL, problem, horizon=HORIZON, num=4, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(ways[:, 0], plan.actions)
    assert not torch.equal(ways[:, 1], ways[:, 0])
    alone = propose(Straight(), MODEL, problem.select(slice(2, 3)), horizon=HORIZON, num=4, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(alone[0], ways[2])


@pytest.mark.parametrize("planner", [MPPI, CEM, RandomShooting, GradientDescent], ids=lambda kind: kind.__name__)
def test_a_search_is_never_worse_than_what_was_proposed_to_it(planner):
    """Even where it could find nothing on its own."""
    few = {GradientDescent: {"num_starts": 2}, CEM: {"num_candidates": 4, "num_elites": 2}}.get(planner, {"num_candidates": 4})
    problem, generator = problems_for(MODEL, 3), torch.Generator().manual_seed(0)
    ways = propose(Straight(), MODEL, problem, horizon=HORIZON, num=3, generator=generator)
    plan = make_plan(
        planner(horizon=HORIZON, num_iterations=1, **few), world_model=MODEL, cost=COST, problem=problem, generator=generator, proposals=ways
    )
    for way in ways.unbind(1):
        assert (plan.energy <= COST.energy(MODEL.rollout(problem.state, way), problem).sum(dim=1) + 1e-5).all()


def test_the_better_of_warm_start_and_proposals_is_where_a_search_starts():
    problem, generator = problems_for(MODEL, 3), torch.Generator().manual_seed(0)
    best, worst = reacted(problem), replace(reacted(problem), actions=-reacted(problem).actions)
    for start, proposal in ((best, worst), (worst, best)):
        plan = make_plan(
            RandomShooting(horizon=HORIZON, num_candidates=1),
            world_model=MODEL,
            cost=COST,
            problem=problem,
            generator=generator,
            warm_start=start,
            proposals=proposal.actions[:, None],
        )
        assert (plan.energy <= best.energy + 1e-6).all()


def test_choices_are_proposed_as_choices():
    model = TruePointMass(action=DiscreteSpace(5))

    class Third(AbstractPolicy):
        def knows(self, problem):
            return True

        def act(self, problem, generator=None, num=1):
            return torch.full((problem.num_rows, 1), 3)

    problem, generator = problems_for(model, 0), torch.Generator().manual_seed(0)
    ways = propose(Third(), model, problem, horizon=HORIZON, num=2, generator=generator)
    assert ways.dtype == torch.long
    plan = make_plan(
        CategoricalCEM(horizon=HORIZON, num_candidates=8), world_model=model, cost=COST, problem=problem, generator=generator, proposals=ways
    )
    assert plan.actions.dtype == torch.long and plan.trace.num_candidates > 2


def guard() -> Guard:
    knowledge = true_knowledge()
    pillar = KeepOut(quantity="position", region=Disc(center=(0.5, 0.5), radius=0.15))
    rail = Guardrail(name="pillar", requirement=pillar, fallback=Brake(quantity="velocity", gain=10.0, steps=6))
    return Guard(guardrails=(rail,), readouts=knowledge.readouts)


def test_nothing_that_the_policy_would_do_gets_past_the_gate():
    state = MODEL.observe(None, None, torch.tensor([[0.30, 0.5, 0.6, 0.0], [0.1, 0.1, 0.0, 0.0]]))
    goal = MODEL.observe(None, None, torch.tensor([[0.9, 0.5, 0.0, 0.0], [0.1, 0.9, 0.0, 0.0]]))
    problem = replace(problems_for(MODEL, 0).select(slice(0, 2)), state=state, goal=goal)
    free, gated = reacted(problem), reacted(problem, guard=guard())
    assert gated.verdict is not None and gated.verdict.feasible[1] and not gated.verdict.fallback[1]
    torch.testing.assert_close(gated.actions[1], free.actions[1])
    assert not torch.equal(gated.actions[0], free.actions[0])
    position, pushed = state, gated.actions[:1]
    for step in range(HORIZON):
        position = MODEL.step(position.select(slice(0, 1)) if step == 0 else position, pushed[:, step])
        away = np.linalg.norm(position.latent[0].numpy() - 0.5)
        assert away >= 0.15 - 1e-3 or gated.verdict.fallback[0]
