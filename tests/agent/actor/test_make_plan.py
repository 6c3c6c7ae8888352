"""From a search to a plan."""

import numpy as np
import pytest
import torch

from telos.agent.actor import CEM, ICEM, MPPI, GradientDescent, RandomShooting, make_plan
from telos.core.errors import ConfigError
from telos.core.spaces import DiscreteSpace, VectorSpace
from telos.testing.true_point_mass import TruePointMass, known_problem, quadratic_cost

PLANNER = MPPI(horizon=6, num_candidates=32, num_iterations=3)


def plan(planner=PLANNER, *, model=None, warm_start=None, seed=0):
    model = model or TruePointMass()
    problem, _ = known_problem(model, np.random.default_rng(0), 3, horizon=6, effort_weight=0.1)
    generator = torch.Generator().manual_seed(seed)
    made = make_plan(planner, world_model=model, cost=quadratic_cost(0.1), problem=problem, generator=generator, warm_start=warm_start)
    return made, model, problem


def test_says_what_it_expects():
    made, model, problem = plan()
    rollout = model.rollout(problem.state, made.actions)
    torch.testing.assert_close(made.imagined, rollout.latent)
    torch.testing.assert_close(made.energies, quadratic_cost(0.1).energy(rollout, problem))
    torch.testing.assert_close(made.energy, made.energies.sum(dim=1))


def test_leaves_no_graph_behind():
    made, _, _ = plan(GradientDescent(horizon=6, num_starts=2, num_iterations=2))
    assert not any(tensor.requires_grad for tensor in (made.actions, made.energies, made.imagined, *made.trace.best))


@pytest.mark.parametrize("horizon", [1, 4, 6, 11])
def test_fits_a_warm_start_of_any_length(horizon):
    warm_start, _, _ = plan(CEM(horizon=horizon, num_candidates=16, num_iterations=2, num_elites=4))
    made, _, _ = plan(warm_start=warm_start)
    assert made.actions.shape == (3, 6, 2)


def test_the_rest_of_a_plan_is_held_to_the_end():
    made, _, _ = plan()
    rest = made.shift(2)
    assert torch.equal(rest.actions[:, :4], made.actions[:, 2:])
    assert torch.equal(rest.actions[:, 4:], made.actions[:, -1:].expand(-1, 2, -1))
    assert made.shift(100).actions.shape == made.actions.shape


@pytest.mark.parametrize(("planner", "space"), [(PLANNER, DiscreteSpace(3)), (PLANNER, VectorSpace(2)), (GradientDescent(), DiscreteSpace(2))])
def test_a_space_that_a_planner_cannot_search_is_refused_by_name(planner, space):
    with pytest.raises(ConfigError, match=r"mppi|gradient-descent"):
        plan(planner, model=TruePointMass(action=space))


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: MPPI(horizon=0), "horizon"),
        (lambda: CEM(num_candidates=0), "num_candidates"),
        (lambda: RandomShooting(num_iterations=0), "num_iterations"),
        (lambda: GradientDescent(num_starts=0), "num_starts"),
        (lambda: MPPI(temperature=0.0), "temperature"),
        (lambda: CEM(num_candidates=20), "num_elites is 30"),
        (lambda: CEM(momentum=1.0), "momentum"),
        (lambda: ICEM(decay=0.9), "decay"),
        (lambda: ICEM(kept_share=1.5), "kept_share"),
    ],
)
def test_a_setting_out_of_range_is_refused_by_name(make, says):
    with pytest.raises(ConfigError, match=says):
        make()


def test_random_shooting_has_no_settings_that_it_would_ignore():
    with pytest.raises(TypeError, match="initial_std"):
        RandomShooting(initial_std=0.1)
