"""Distances to the goal, each against its formula in plain NumPy."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from telos.agent.cost import ActionEffort, ActionSmoothness, FinalDistance, LeastDistance, PathDistance, RunningMinimum
from telos.core.contracts import WeightedSum
from telos.core.errors import ConfigError
from telos.core.types import Problem, Rollout, State


def state(latent):
    return State(latent=torch.from_numpy(latent), belief=torch.from_numpy(latent))


def future(seed, rows=3, horizon=5, size=4):
    rng = np.random.default_rng(seed)
    latent, actions = rng.normal(size=(rows, horizon, size)), rng.uniform(-1, 1, (rows, horizon, 2))
    rollout = Rollout(latent=torch.from_numpy(latent), actions=torch.from_numpy(actions))
    goal, previous = rng.normal(size=(rows, size)), rng.uniform(-1, 1, (rows, 2))
    return rollout, Problem(state=state(goal), goal=state(goal), previous_action=torch.from_numpy(previous)), latent, goal


def squared(latent, goal):
    return ((latent - goal[:, None]) ** 2).mean(axis=2)


futures = given(seed=st.integers(0, 10_000), rows=st.integers(1, 4), horizon=st.integers(1, 9), size=st.integers(1, 6))


@settings(deadline=None, max_examples=40)
@futures
def test_distance_along_the_path_is_its_mean(seed, rows, horizon, size):
    rollout, problem, latent, goal = future(seed, rows, horizon, size)
    np.testing.assert_allclose(PathDistance().energy(rollout, problem), squared(latent, goal) / horizon)


@settings(deadline=None, max_examples=40)
@futures
def test_distance_at_the_end_stands_on_the_last_step(seed, rows, horizon, size):
    rollout, problem, latent, goal = future(seed, rows, horizon, size)
    expected = np.zeros((rows, horizon))
    expected[:, -1] = squared(latent, goal)[:, -1]
    np.testing.assert_allclose(FinalDistance().energy(rollout, problem), expected)


@settings(deadline=None, max_examples=40)
@futures
def test_least_distance_stands_on_the_nearest_step_alone(seed, rows, horizon, size):
    rollout, problem, latent, goal = future(seed, rows, horizon, size)
    energy, distance = LeastDistance().energy(rollout, problem).numpy(), squared(latent, goal)
    np.testing.assert_allclose(energy.sum(axis=1), distance.min(axis=1))
    assert (energy.argmax(axis=1) == distance.argmin(axis=1)).all()
    assert ((energy > 0).sum(axis=1) == 1).all()


@settings(deadline=None, max_examples=40)
@futures
def test_running_minimum_is_the_mean_of_the_least_so_far(seed, rows, horizon, size):
    rollout, problem, latent, goal = future(seed, rows, horizon, size)
    expected = np.minimum.accumulate(squared(latent, goal), axis=1) / horizon
    np.testing.assert_allclose(RunningMinimum().energy(rollout, problem), expected)


def test_running_minimum_prefers_to_arrive_early_and_does_not_mind_what_follows():
    goal = np.zeros((1, 1))
    paths = [[2, 1, 0, 0], [2, 2, 1, 0], [2, 1, 0, 9]]
    early, late, passing = (
        RunningMinimum()
        .energy(
            Rollout(latent=torch.tensor([path]).double()[..., None], actions=torch.zeros(1, 4, 1)),
            Problem(state=state(goal), goal=state(goal)),
        )
        .sum()
        for path in paths
    )
    assert early < late
    assert passing == early


@pytest.mark.parametrize("kind", [FinalDistance, LeastDistance, PathDistance, RunningMinimum])
def test_a_distance_without_a_goal_says_what_to_do(kind):
    rollout, problem, _, _ = future(0)
    with pytest.raises(ConfigError, match="ReachGoal"):
        kind().energy(rollout, Problem(state=problem.state))


def test_sums_and_scalings_are_what_they_say():
    rollout, problem, _, _ = future(1)
    parts = (LeastDistance(), RunningMinimum(), ActionEffort())
    first, second, third = (part.energy(rollout, problem) for part in parts)
    total = parts[0] + 0.3 * (parts[1] + parts[2] * 2)
    torch.testing.assert_close(total.energy(rollout, problem), first + 0.3 * second + 0.6 * third)


def test_sums_stay_flat_however_they_are_written():
    left = (LeastDistance() + RunningMinimum()) + 0.5 * ActionEffort()
    right = LeastDistance() + (RunningMinimum() + 0.5 * ActionEffort())
    assert left == right
    assert isinstance(left, WeightedSum)
    assert left.weights == (1.0, 1.0, 0.5)
    assert (2 * (2 * PathDistance())).weights == (4.0,)


@settings(deadline=None, max_examples=40)
@futures
def test_effort_and_smoothness_are_squares_averaged_over_the_path(seed, rows, horizon, size):
    rollout, problem, _, _ = future(seed, rows, horizon, size)
    actions, previous = rollout.actions.numpy(), problem.previous_action.numpy()
    np.testing.assert_allclose(ActionEffort().energy(rollout, problem), (actions**2).sum(axis=2) / horizon)
    change = np.diff(np.concatenate([previous[:, None], actions], axis=1), axis=1)
    np.testing.assert_allclose(ActionSmoothness().energy(rollout, problem), (change**2).sum(axis=2) / horizon)


def test_the_first_action_of_an_episode_is_no_change():
    rollout, problem, _, _ = future(2)
    energy = ActionSmoothness().energy(rollout, Problem(state=problem.state, goal=problem.goal))
    assert (energy[:, 0] == 0).all()
    assert (energy[:, 1:] > 0).all()
