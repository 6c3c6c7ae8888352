"""Promises of the planner for choices, beyond those of every planner."""

import itertools

import numpy as np
import pytest
import torch

from telos.agent.actor import CategoricalCEM, RandomShooting, make_plan
from telos.agent.actor.categorical import held_uniforms
from telos.core.errors import ConfigError
from telos.core.spaces import DiscreteSpace
from telos.testing.true_point_mass import TruePointMass, known_problem, quadratic_cost

COST = quadratic_cost(0.0)


def plans(planner, num_choices, *, num=12, seed=0):
    model = TruePointMass(action=DiscreteSpace(num_choices))
    problem, _ = known_problem(model, np.random.default_rng(1), num, horizon=planner.horizon, effort_weight=0.1)
    return model, problem, make_plan(planner, world_model=model, cost=COST, problem=problem, generator=torch.Generator().manual_seed(seed))


def test_finds_the_best_of_all_sequences():
    model, problem, made = plans(CategoricalCEM(horizon=4, num_candidates=600), 4)
    every = torch.tensor(list(itertools.product(range(4), repeat=4)))[:, :, None]
    energies = [COST.energy(model.rollout(problem.state, path.expand(12, -1, -1)), problem).sum(dim=1) for path in every]
    torch.testing.assert_close(made.energy, torch.stack(energies, dim=1).min(dim=1).values)


def test_finds_more_than_chance_with_as_many_candidates():
    ours, chance = CategoricalCEM(horizon=16), RandomShooting(horizon=16, num_candidates=512)
    assert plans(ours, 5, num=64)[2].energy.mean() < 0.9 * plans(chance, 5, num=64)[2].energy.mean()


def test_the_odds_of_a_step_are_kept_however_long_choices_are_held():
    odds = torch.tensor([[0.7, 0.2, 0.1], [0.05, 0.05, 0.9], [0.0, 1.0, 0.0]])[None]
    drawn = CategoricalCEM(horizon=3, num_candidates=20_000, max_hold=8)._draw(odds, torch.Generator().manual_seed(0))
    shares = torch.nn.functional.one_hot(drawn[0, :, :, 0], 3).float().mean(dim=0)
    torch.testing.assert_close(shares, odds[0], atol=0.02, rtol=0)


@pytest.mark.parametrize(("max_hold", "most"), [(1, 0.0), (8, 0.8)])
def test_choices_are_held_for_a_while_but_not_by_every_candidate(max_hold, most):
    drawn = held_uniforms(4000, 40, max_hold=max_hold, generator=torch.Generator().manual_seed(0))
    held = (drawn.diff(dim=1) == 0).float().mean(dim=1)
    assert held.max() >= most and held.min() < 0.2
    assert 0.48 < drawn.mean() < 0.52


@pytest.mark.parametrize("wrong", [{"num_elites": 0}, {"max_hold": 0}, {"momentum": 1.0}, {"trust": -0.1}])
def test_refuses_settings_that_make_no_sense(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        CategoricalCEM(**wrong)
