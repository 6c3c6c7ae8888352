"""Promises of the point mass."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telos.core.errors import ConfigError
from telos.envs import PointMass
from telos.envs.point_mass import optimal_actions


def energy(world, state, goal, actions, weight):
    total = 0.0
    for step in np.swapaxes(actions, 0, 1):
        state = world.advance(state, step)
        total += np.square(state["position"] - goal).sum(1) + weight * np.square(step).sum(1)
    return total


def small_problem(rng, num):
    position = rng.uniform(0.45, 0.55, (num, 2))
    return position, rng.uniform(-0.05, 0.05, (num, 2)), position + rng.uniform(-0.05, 0.05, (num, 2))


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 10_000), horizon=st.integers(1, 15), weight=st.floats(0.02, 2), damping=st.sampled_from([0.0, 0.7]))
def test_no_plan_is_better_than_the_closed_form(seed, horizon, weight, damping):
    rng = np.random.default_rng(seed)
    world = PointMass(damping=damping)
    position, velocity, goal = small_problem(rng, 4)
    actions, least = optimal_actions(position, velocity, goal, horizon, weight, damping=damping)
    assert actions.shape == (4, horizon, 2)
    state = {"position": position, "velocity": velocity}
    np.testing.assert_allclose(energy(world, state, goal, actions, weight), least, rtol=1e-9)
    for scale in (1e-3, 1e-2):
        other = actions + rng.normal(0, scale, actions.shape)
        assert (energy(world, state, goal, other, weight) > least).all()


def test_keeps_its_momentum_and_follows_newton():
    state = {"position": np.array([[0.2, 0.5]]), "velocity": np.array([[0.1, 0.0]])}
    world = PointMass(dt=0.1)
    for _ in range(10):
        state = world.advance(state, np.array([[0.3, -0.2]]))
    np.testing.assert_allclose(state["position"], [[0.2 + 0.1 + 0.15, 0.5 - 0.1]])
    np.testing.assert_allclose(state["velocity"], [[0.4, -0.2]])


def test_walls_take_the_velocity_of_their_axis_only():
    state = PointMass().advance({"position": np.array([[0.99, 0.5]]), "velocity": np.array([[0.5, 0.2]])}, np.zeros((1, 2)))
    np.testing.assert_allclose(state["position"], [[1.0, 0.52]])
    np.testing.assert_allclose(state["velocity"], [[0.0, 0.2]])


def test_pairs_are_at_rest():
    start, goal = PointMass().sample_pairs(np.random.default_rng(0), 50, "anywhere")
    assert not start["velocity"].any()
    assert not goal["velocity"].any()


def test_full_thrust_stays_within_the_observation_space():
    world = PointMass()
    state = {"position": np.zeros((1, 2)), "velocity": np.zeros((1, 2))}
    for _ in range(30):
        state = world.advance(state, np.ones((1, 2)))
        assert (np.abs(world.observe(state)) <= world.spaces.observation.high).all()


@pytest.mark.parametrize("wrong", [{"dt": 0}, {"damping": -1}, {"damping": 20.0}, {"action_repeat": 1.5}], ids=str)
def test_refuses_a_field_out_of_range_by_name(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        PointMass(**wrong)
