"""Exact search over choices."""

import itertools

import numpy as np
import pytest
import torch

from telos.agent.actor import CategoricalCEM, ExhaustiveSearch, make_plan
from telos.agent.actor.exhaustive import AT_ONCE
from telos.core.errors import ConfigError
from telos.core.spaces import DiscreteSpace
from telos.testing.true_point_mass import TruePointMass, known_problem, quadratic_cost

COST = quadratic_cost(0.0)


def plan(planner, num_choices, warm_start=None):
    model = TruePointMass(action=DiscreteSpace(num_choices))
    problem, _ = known_problem(model, np.random.default_rng(1), 5, horizon=8, effort_weight=0.1)
    generator = torch.Generator().manual_seed(0)
    return model, problem, make_plan(planner, world_model=model, cost=COST, problem=problem, generator=generator, warm_start=warm_start)


@pytest.mark.parametrize(("num_choices", "horizon", "depth"), [(1, 3, 3), (2, 1, 5), (3, 4, 9), (5, 5, 5), (3, 6, 2)])
def test_finds_the_best_of_all_sequences(num_choices, horizon, depth):
    model, problem, made = plan(ExhaustiveSearch(horizon=horizon, depth=depth), num_choices)
    free = min(depth, horizon)
    every = torch.tensor([[*path, *[path[-1]] * (horizon - free)] for path in itertools.product(range(num_choices), repeat=free)])[:, :, None]
    paths = every.repeat(5, 1, 1)
    energies = COST.energy(model.rollout(problem.state, paths), problem.repeat(len(every))).sum(dim=1).unflatten(0, (5, -1))
    torch.testing.assert_close(made.energy, energies.min(dim=1).values)
    assert made.trace.num_candidates >= len(every)


def test_every_sequence_is_judged_once_over_several_rounds():
    planner = ExhaustiveSearch(horizon=7, depth=7)
    numbers = torch.arange(3**7)
    sequences = planner._sequences(numbers, 3)[0, :, :, 0]
    assert len({tuple(row) for row in sequences.tolist()}) == 3**7 > AT_ONCE
    assert len(plan(planner, 3)[2].trace.best) == 2


def test_a_warm_start_that_it_would_not_think_of_is_kept_if_it_is_better():
    rich, poor = ExhaustiveSearch(horizon=8, depth=6), ExhaustiveSearch(horizon=8, depth=1)
    good = plan(rich, 5)[2]
    assert (plan(poor, 5)[2].energy > good.energy).any()
    assert (plan(poor, 5, warm_start=good)[2].energy <= good.energy + 1e-6).all()


def test_tells_how_far_another_planner_is_from_the_best():
    best, found = plan(ExhaustiveSearch(horizon=5), 5)[2].energy, plan(CategoricalCEM(horizon=5, num_candidates=32, num_iterations=1), 5)[2].energy
    assert (found >= best - 1e-6).all() and (found > best + 1e-6).any()


def test_refuses_more_sequences_than_it_was_allowed_with_the_numbers_and_a_way_out():
    with pytest.raises(ConfigError, match=r"9 choices over 6 steps make 531,441 sequences(.|\n)*max_sequences = 100,000(.|\n)*depth = 5"):
        plan(ExhaustiveSearch(horizon=8, depth=6), 9)
    with pytest.raises(ConfigError, match="raise max_sequences to 9"):
        plan(ExhaustiveSearch(horizon=8, max_sequences=4), 9)


@pytest.mark.parametrize("name", ["depth", "max_sequences"])
def test_refuses_settings_that_make_no_sense(name):
    with pytest.raises(ConfigError, match=name):
        ExhaustiveSearch(**{name: 0})
