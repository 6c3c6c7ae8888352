"""A budget holds: rounds that do not fit are not begun, and without time for any the warm start is the plan."""

import time
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch

from telos.agent.actor import CEM, MPPI, GradientDescent, Pace, make_plan
from telos.agent.cost import PathDistance
from telos.core.contracts import AbstractCost
from telos.testing.true_point_mass import TruePointMass, known_problem

HORIZON = 6


@dataclass(frozen=True, kw_only=True)
class Dawdles(AbstractCost):
    """Takes its time: so much in any case, and so much for every row."""

    seconds: float = 2e-3
    per_row: float = 2e-4

    def energy(self, rollout, problem):
        time.sleep(self.seconds + self.per_row * len(rollout.actions))
        return PathDistance().energy(rollout, problem)


def plans(planner, budget_ms, *, num=30, num_problems=1, cost=None):
    """One plan after the other, each from what was left of the last, at a common pace."""
    model, pace, made = TruePointMass(), Pace(), []
    problem, _ = known_problem(model, np.random.default_rng(0), num_problems, horizon=HORIZON, effort_weight=0.1)
    problem = replace(problem, budget_ms=budget_ms)
    for number in range(num):
        made.append(
            make_plan(
                planner,
                world_model=model,
                cost=cost or Dawdles(),
                problem=problem,
                generator=torch.Generator().manual_seed(number),
                warm_start=made[-1].shift(1) if made else None,
                pace=pace,
            )
        )
    return made


SAMPLING = MPPI(horizon=HORIZON, num_candidates=50, num_iterations=20)
# A round takes 12 ms: 100 ms are enough for some, 20 ms for the better part of one; 80 ms are half of a round for eight problems.
CASES = [(SAMPLING, 100, 1), (SAMPLING, 25, 1), (SAMPLING, 80, 8), (GradientDescent(horizon=HORIZON, num_starts=20, num_iterations=200), 60, 1)]


@pytest.mark.parametrize(("planner", "budget_ms", "num_problems"), CASES)
def test_plans_keep_to_their_budget_and_make_use_of_it(planner, budget_ms, num_problems):
    made = plans(planner, budget_ms, num_problems=num_problems)[5:]
    seconds = 1000 * np.array([plan.trace.seconds for plan in made])
    assert np.quantile(seconds, 0.9) <= 1.2 * budget_ms
    assert np.median(seconds) > 0.5 * budget_ms
    assert {plan.trace.stopped for plan in made} == {"out of time"}
    assert all(plan.trace.best for plan in made)


def test_the_last_round_may_judge_a_part_of_its_candidates():
    """A whole round would take 202 ms."""
    made = plans(replace(SAMPLING, num_candidates=1000), 100)[10:]
    judged = {plan.trace.num_candidates for plan in made}
    assert max(judged) < 1001
    assert max(judged) > 60


def test_without_time_the_warm_start_is_the_plan():
    before, made = plans(SAMPLING, None, num=1), plans(SAMPLING, 3)
    assert made[0].trace.stopped == "no time: rest"
    assert (made[0].actions == 0).all()
    assert {plan.trace.stopped for plan in made[1:]} == {"no time: warm start"}
    assert made[1].trace.num_candidates == 0
    warm = plans_from(before[0].shift(1), budget_ms=0.0)
    assert warm.trace.stopped == "no time: warm start"
    assert torch.equal(warm.actions, before[0].shift(1).actions)


def plans_from(warm_start, budget_ms):
    model = TruePointMass()
    problem, _ = known_problem(model, np.random.default_rng(0), 1, horizon=HORIZON, effort_weight=0.1)
    return make_plan(
        SAMPLING,
        world_model=model,
        cost=Dawdles(),
        problem=replace(problem, budget_ms=budget_ms),
        generator=torch.Generator().manual_seed(0),
        warm_start=warm_start,
    )


def test_time_that_is_not_needed_changes_nothing():
    planner = CEM(horizon=HORIZON, num_candidates=40, num_iterations=3, num_elites=5)
    for free, rich in zip(plans(planner, None, num=3, cost=PathDistance()), plans(planner, 1e6, num=3, cost=PathDistance()), strict=True):
        assert torch.equal(free.actions, rich.actions)
        assert rich.trace.stopped == "finished"


def test_a_pace_that_was_too_slow_once_is_not_believed_for_ever():
    model, pace = TruePointMass(), Pace()
    pace.note_rest(1, 1.0)
    pace.note_round(51, 5.0)
    problem, _ = known_problem(model, np.random.default_rng(0), 1, horizon=HORIZON, effort_weight=0.1)
    problem, plan = replace(problem, budget_ms=200.0), None
    for number in range(400):
        plan = make_plan(
            SAMPLING,
            world_model=model,
            cost=PathDistance(),
            problem=problem,
            generator=torch.Generator().manual_seed(number),
            warm_start=None if plan is None else plan.shift(1),
            pace=pace,
        )
        if plan.trace.best:
            break
    assert plan.trace.best
