"""The quasi-Newton search: few steps to the optimum, bounds kept, ground that is rough or flat survived."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch

from telos.agent.actor import LBFGS, GradientDescent, make_plan
from telos.core.contracts import AbstractCost
from telos.core.errors import ConfigError
from telos.core.types import Problem
from telos.testing.planners import optimality
from telos.testing.true_point_mass import TruePointMass, known_problem, quadratic_cost

HORIZON = 10


@dataclass(frozen=True, kw_only=True)
class Corner(AbstractCost):
    """Least where every push is 2 to the right, far outside the bounds, and 0.3 upwards; narrow in one direction."""

    def energy(self, rollout, problem):
        away = rollout.actions - torch.tensor([2.0, 0.3])
        return away[..., 0].square() + 30 * away[..., 1].square()


@dataclass(frozen=True, kw_only=True)
class Everywhere(AbstractCost):
    """The same energy for every future."""

    value: float

    def energy(self, rollout, problem):
        return 0 * rollout.actions.sum(dim=-1) + self.value


@dataclass(frozen=True, kw_only=True)
class Banana(AbstractCost):
    """A bent, narrow valley (Rosenbrock 1960) in the two numbers of a push; its bottom is at (0.5, 0.25)."""

    def energy(self, rollout, problem):
        x, y = rollout.actions.unbind(dim=-1)
        return (x - 0.5).square() + 20 * (y - x.square()).square()


def plan(planner, cost, num=4):
    model = TruePointMass()
    problem, _ = known_problem(model, np.random.default_rng(0), num, horizon=planner.horizon, effort_weight=0.2)
    return make_plan(planner, world_model=model, cost=cost, problem=problem, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("effort_weight", [0.02, 0.2, 1.0])
def test_one_start_and_few_steps_reach_the_optimum_within_a_tenth_of_a_percent(effort_weight):
    ratios = optimality(LBFGS(horizon=HORIZON, num_starts=1), effort_weight=effort_weight, num=24, seeds=(0,))
    assert ratios.min() > 1 - 1e-4 and ratios.max() < 1.001


def test_needs_a_fraction_of_the_candidates_of_adam():
    quasi, adam = (plan(kind(horizon=30, num_starts=1), quadratic_cost(0.05)) for kind in (LBFGS, GradientDescent))
    assert (quasi.energy < adam.energy).all()
    # A look and four step sizes, against one look; a look costs three times as much as a step size.
    assert quasi.trace.num_candidates < 2 * adam.trace.num_candidates and len(quasi.trace.best) < 0.5 * len(adam.trace.best)


def test_what_a_bound_holds_back_does_not_hold_back_the_rest():
    made = plan(LBFGS(horizon=3, num_iterations=8), Corner())
    torch.testing.assert_close(made.actions, torch.tensor([1.0, 0.3]).expand_as(made.actions), atol=1e-3, rtol=0)


def test_finds_its_way_along_a_bent_valley():
    made = plan(LBFGS(horizon=2, num_iterations=40, tolerance=0.0), Banana())
    torch.testing.assert_close(made.actions, torch.tensor([0.5, 0.25]).expand_as(made.actions), atol=0.02, rtol=0)


def test_where_no_step_helps_it_ends_at_once():
    made = plan(LBFGS(horizon=4), Everywhere(value=1.0))
    assert made.trace.stopped == "no more progress" and len(made.trace.best) <= 4
    assert torch.equal(made.actions, torch.zeros_like(made.actions))


def test_energies_that_never_rise_and_starts_that_do_not_meet():
    one, many = (plan(LBFGS(horizon=HORIZON, num_starts=num), quadratic_cost(0.05)) for num in (1, 5))
    assert (torch.stack(many.trace.best).diff(dim=0) <= 0).all()
    assert (many.energy <= one.energy + 1e-6).all()


def test_a_rollout_that_runs_into_a_wall_is_searched_all_the_same():
    model = TruePointMass()
    start, goal = (model.observe(None, None, torch.tensor([place])) for place in ([0.9, 0.5, 0.8, 0.0], [0.6, 0.4, 0.0, 0.0]))
    problem = Problem(state=start, goal=goal)
    make = lambda planner: make_plan(  # noqa: E731
        planner, world_model=model, cost=quadratic_cost(0.01), problem=problem, generator=torch.Generator().manual_seed(0)
    )
    found, thorough = make(LBFGS(horizon=20)), make(GradientDescent(horizon=20, num_iterations=120))
    assert found.energy < 1.05 * thorough.energy


def test_single_numbers_and_a_short_history_are_enough_to_run():
    made = plan(LBFGS(horizon=1, history=1, num_step_sizes=1, num_starts=1), quadratic_cost(0.05))
    assert made.actions.isfinite().all() and made.actions.shape == (4, 1, 2)


@pytest.mark.parametrize("name", ["num_starts", "history", "num_step_sizes", "num_iterations"])
def test_refuses_counts_that_make_no_sense(name):
    with pytest.raises(ConfigError, match=name):
        replace(LBFGS(), **{name: 0})
