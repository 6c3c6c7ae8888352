import numpy as np
import pytest
from plane import Adds

from telos.evaluation import open_loop
from telos.evaluation.offline.foresight import elsewhere, foresight


def test_a_model_that_is_right_is_better_than_every_floor(halves):
    found = foresight(Adds(), Adds(0.5), halves[1], horizon=10)
    assert found.better_until == found.horizon == 10
    for shares in (found.of_nothing_moves, found.of_mean_frame, found.of_other_actions):
        assert all(share.high < 1e-6 for share in shares)
    assert found.untrained == pytest.approx([0.25] * 10, rel=1e-4)


def test_a_model_that_says_that_nothing_moves_is_no_better_than_that_and_deaf_to_actions(halves):
    found = foresight(Adds(gain=0), Adds(), halves[1], horizon=10)
    assert found.better_until == 0
    for shares in (found.of_nothing_moves, found.of_other_actions):
        assert all(share.value == pytest.approx(1) for share in shares)


def test_told_other_actions_a_model_that_is_right_errs_twice_as_much_as_nothing_moves(halves):
    """The difference of two independent walks has twice the variance of one."""
    found = foresight(Adds(), Adds(), halves[1], horizon=5, num_windows=2000)
    np.testing.assert_allclose(np.array(found.other_actions) / found.open_loop.nothing_moves, 2, rtol=0.2)


def test_it_agrees_with_the_plain_open_loop_error(halves):
    ours, plain = foresight(Adds(0.5), Adds(), halves[1], horizon=10, seed=3).open_loop, open_loop(Adds(0.5), halves[1], horizon=10, seed=3)
    assert ours.prediction == pytest.approx(plain.prediction) and ours.nothing_moves == pytest.approx(plain.nothing_moves)


def test_it_looks_as_far_as_half_of_the_episodes_last(halves):
    assert foresight(Adds(), Adds(), halves[1], horizon=500, num_windows=20).horizon == 20


def test_elsewhere_is_another_episode_and_nobody_is_asked_twice():
    episodes = np.random.default_rng(0).integers(9, size=200)
    partner = elsewhere(episodes, np.random.default_rng(1))
    assert (episodes != episodes[partner]).all() and sorted(partner) == list(range(200))


def test_within_a_single_episode_elsewhere_is_another_row():
    partner = elsewhere(np.zeros(7, dtype=int), np.random.default_rng(0))
    assert (partner != np.arange(7)).all() and sorted(partner) == list(range(7))
