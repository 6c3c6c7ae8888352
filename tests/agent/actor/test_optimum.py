"""Planners against the known optimum of the point mass: true dynamics, horizon 10, best plans within the bounds of the action."""

import numpy as np
import pytest
import torch

from telos.agent.actor import CEM, ICEM, LBFGS, MPPI, Collocation, GradientDescent, Hybrid, RandomShooting
from telos.envs import PointMass
from telos.envs.point_mass import optimal_actions
from telos.testing.examples import example_actions
from telos.testing.planners import optimality
from telos.testing.true_point_mass import TruePointMass, known_problem, quadratic_cost

HORIZON = 10
BUDGET = {"horizon": HORIZON, "num_candidates": 300, "num_iterations": 30}
ALONG_THE_GRADIENT = [kind(horizon=HORIZON) for kind in (GradientDescent, LBFGS, Hybrid, Collocation)]
PLANNERS = [CEM(**BUDGET), ICEM(**BUDGET), MPPI(**BUDGET), *ALONG_THE_GRADIENT]


@pytest.mark.parametrize("effort_weight", [0.02, 0.2, 1.0])
@pytest.mark.parametrize("planner", PLANNERS, ids=lambda planner: type(planner).__name__)
def test_reaches_the_known_optimum_within_five_percent(planner, effort_weight):
    ratios = optimality(planner, effort_weight=effort_weight, num=24, seeds=(0, 1, 2))
    print(f"{type(planner).__name__}, effort {effort_weight}: worst {ratios.max():.4f}, mean {ratios.mean():.4f} of 72 plans")  # noqa: T201 - pytest -rP shows it
    assert ratios.min() > 1 - 1e-4, "better than the best: the optimum or the cost is wrong"
    assert ratios.max() < 1.05


def test_random_shooting_improves_with_its_budget():
    ratios = [
        optimality(RandomShooting(horizon=HORIZON, num_candidates=num), effort_weight=0.05, num=24, seeds=(0, 1, 2)).mean().item()
        for num in (10, 100, 1000, 10_000)
    ]
    print("random shooting, 10 to 10,000 candidates:", [round(ratio, 3) for ratio in ratios])  # noqa: T201
    assert ratios == sorted(ratios, reverse=True)
    assert 1.05 < ratios[-1] < 0.9 * ratios[0], "chance alone is no planner, but more of it helps"


def test_rounds_and_candidates_of_random_shooting_are_one_budget():
    wide, long = (RandomShooting(horizon=HORIZON, num_candidates=num, num_iterations=rounds) for num, rounds in ((1000, 1), (100, 10)))
    wide_ratio, long_ratio = (optimality(planner, effort_weight=0.05, num=48, seeds=(0, 1)).mean() for planner in (wide, long))
    assert abs(wide_ratio - long_ratio) < 0.1 * wide_ratio


@pytest.mark.parametrize("world", [PointMass(), PointMass(damping=0.7, action_repeat=3, dt=0.05)], ids=["plain", "damped, repeated"])
def test_the_true_dynamics_are_those_of_the_world(world):
    rng = np.random.default_rng(0)
    state, actions = world.sample(rng, 50), example_actions(world.spaces.action, rng, 12, 50)
    model = TruePointMass(world).double()
    imagined = model.observe(None, None, torch.from_numpy(np.concatenate([state["position"], state["velocity"]], axis=1)))
    for step in actions:
        state, imagined = world.advance(state, step), model.step(imagined, torch.from_numpy(step))
        np.testing.assert_allclose(imagined.latent, state["position"], atol=1e-12)
        np.testing.assert_allclose(imagined.memory["velocity"], state["velocity"], atol=1e-12)


def test_the_cost_is_the_energy_of_the_closed_form():
    model = TruePointMass()
    problem, least = known_problem(model, np.random.default_rng(3), 10, horizon=HORIZON, effort_weight=0.3)
    start, goal = problem.state.belief.numpy(), problem.goal.latent.numpy()
    actions, _ = optimal_actions(start[:, :2], start[:, 2:], goal, HORIZON, 0.3)
    energy = quadratic_cost(0.3).energy(model.rollout(problem.state, torch.from_numpy(actions).float()), problem).sum(dim=1)
    np.testing.assert_allclose(energy, least, rtol=1e-4)
