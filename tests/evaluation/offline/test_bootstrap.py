import math

import numpy as np
import pytest

from telos.evaluation.offline.bootstrap import Bootstrap, Estimate


def test_the_interval_of_a_mean_is_that_of_the_textbook_where_every_episode_gives_one_value():
    values = np.random.default_rng(0).normal(2, 1, 400)
    found = Bootstrap(np.arange(400), seed=0).mean(values)
    assert found.value == pytest.approx(values.mean())
    half = 1.966 * values.std() / math.sqrt(400)
    assert found.low == pytest.approx(values.mean() - half, abs=0.015) and found.high == pytest.approx(values.mean() + half, abs=0.015)


def test_many_rows_of_few_episodes_do_not_make_it_narrow():
    """Ten values, each told a hundred times, are ten values."""
    values = np.random.default_rng(0).normal(0, 1, 10)
    once, often = Bootstrap(np.arange(10), seed=0).mean(values), Bootstrap(np.repeat(np.arange(10), 100), seed=0).mean(np.repeat(values, 100))
    assert (often.low, often.high) == pytest.approx((once.low, once.high))


@pytest.mark.parametrize("num", [5, 12, 40])
def test_it_covers_the_truth_about_as_often_as_it_says_also_with_few_episodes(num):
    rng = np.random.default_rng(0)
    episodes = np.repeat(np.arange(num), 4)
    bootstrap, hits = Bootstrap(episodes, seed=0), 0
    for _ in range(400):
        found = bootstrap.mean(rng.normal(size=num)[episodes] + rng.normal(size=4 * num))
        hits += found.low <= 0 <= found.high
    assert 0.92 <= hits / 400 <= 0.98


def test_a_ratio_is_one_of_sums_not_a_mean_of_ratios():
    found = Bootstrap(np.arange(2), seed=0).ratio(np.array([1.0, 3.0]), np.array([1.0, 1.0]))
    assert found.value == 2 and found.low < 1 and found.high > 3


def test_a_share_stays_between_0_and_1_and_a_difference_need_not():
    shares, rng = np.array([0.0] * 4 + [1.0]), np.random.default_rng(0)
    low, high = (Bootstrap(np.arange(5), seed=0).mean(values) for values in (shares, 1 - shares))
    assert low.low == 0 < low.high and high.high == 1 > high.low
    assert Bootstrap(np.arange(9), seed=0).mean(rng.normal(size=9)).low < 0


def test_one_episode_alone_has_a_value_and_no_interval():
    found = Bootstrap(np.zeros(50), seed=0).mean(np.arange(50.0))
    assert found.value == 24.5 and math.isnan(found.low) and math.isnan(found.high)
    assert str(found) == "24.50"


def test_more_confidence_makes_it_wider():
    values = np.random.default_rng(0).normal(size=50)
    usual, careful = (Bootstrap(np.arange(50), seed=0, confidence=share).mean(values) for share in (0.95, 0.99))
    assert careful.low < usual.low < usual.high < careful.high


def test_the_same_seed_draws_the_same():
    values = np.random.default_rng(0).normal(size=30)
    first, again, other = (Bootstrap(np.arange(30), seed=seed).mean(values) for seed in (0, 0, 1))
    assert first == again != other


def test_turned_around_the_ends_change_places():
    assert Estimate(0.2, 0.1, 0.4).scaled(-1, 1) == Estimate(0.8, 0.6, 0.9)
