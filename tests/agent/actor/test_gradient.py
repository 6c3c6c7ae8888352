"""Planning by gradient."""

from dataclasses import dataclass

import numpy as np
import torch

from telos.agent.actor import GradientDescent, make_plan
from telos.core.contracts import AbstractCost
from telos.testing.true_point_mass import TruePointMass, known_problem, quadratic_cost

HORIZON = 6


@dataclass(frozen=True, kw_only=True)
class TwoValleys(AbstractCost):
    """A shallow valley to the left of the first push, a deep one to the right, a ridge between them."""

    def energy(self, rollout, problem):
        push = rollout.actions[..., 0]
        return (push - 0.5).square().clamp_max(0.2) + (push + 0.5).square().clamp_max(0.1)


def plan(planner, cost, seed=0):
    model = TruePointMass()
    problem, least = known_problem(model, np.random.default_rng(0), 4, horizon=HORIZON, effort_weight=0.2)
    made = make_plan(planner, world_model=model, cost=cost, problem=problem, generator=torch.Generator().manual_seed(seed))
    return made, torch.from_numpy(least)


def test_one_start_is_enough_where_there_is_one_valley():
    made, least = plan(GradientDescent(horizon=HORIZON, num_starts=1, num_iterations=60), quadratic_cost(0.2))
    assert (made.energy < 1.02 * least).all()


def test_more_starts_find_the_deeper_valley():
    one, many = (plan(GradientDescent(horizon=HORIZON, num_starts=num, initial_std=0.8), TwoValleys())[0] for num in (1, 32))
    assert (many.energy < one.energy).all()


def test_a_start_that_breaks_down_does_not_drag_the_others_along():
    @dataclass(frozen=True, kw_only=True)
    class BreaksDownAtTheBounds(AbstractCost):
        def energy(self, rollout, problem):
            energy = quadratic_cost(0.2).energy(rollout, problem)
            return energy / (rollout.actions.abs().amax(dim=-1) < 0.95)

    made, least = plan(GradientDescent(horizon=HORIZON, num_starts=16, initial_std=1.5, num_iterations=60), BreaksDownAtTheBounds())
    assert (made.energy < 1.1 * least).all()


def test_asks_for_no_gradient_of_the_weights():
    model = TruePointMass()
    problem, _ = known_problem(model, np.random.default_rng(0), 2, horizon=HORIZON, effort_weight=0.2)
    model.anchor.requires_grad_(True)
    planner = GradientDescent(horizon=HORIZON, num_iterations=3)
    make_plan(planner, world_model=model, cost=quadratic_cost(0.2), problem=problem, generator=torch.Generator())
    assert model.anchor.grad is None
