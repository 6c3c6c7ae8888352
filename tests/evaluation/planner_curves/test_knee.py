import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from telos.evaluation import paired_difference
from telos.evaluation.planner_curves import MARGIN, enough_episodes, find_knee


def plays(num_won: int, *, of: int = 200) -> np.ndarray:
    """The first `num_won` episodes succeed: whoever wins more wins all that others win."""
    return np.arange(of) < num_won


def test_the_cheapest_of_those_that_do_as_well_is_taken():
    found = find_knee([plays(80), plays(198), plays(200), plays(199)], [1.0, 2.0, 4.0, 8.0])
    assert (found.best, found.knee) == (2, 1)


def test_a_setting_that_might_be_more_than_three_points_worse_is_not():
    # Six episodes in two hundred are 3 points already; the interval reaches farther down.
    assert find_knee([plays(194), plays(200)], [1.0, 2.0]).knee == 1
    assert find_knee([plays(194), plays(200)], [1.0, 2.0], margin=0.08).knee == 0


def test_what_matters_is_the_difference_on_the_same_episodes_and_not_the_two_rates():
    same, other = plays(150), np.roll(plays(150), 50)
    assert find_knee([same, plays(150)], [1.0, 2.0]).knee == 0
    assert find_knee([other, plays(151)], [1.0, 2.0]).knee == 1, "as many successes, but on other episodes: it may well be worse"


def test_of_equally_good_ones_the_cheapest_is_the_best():
    assert find_knee([plays(200), plays(200), plays(200)], [3.0, 1.0, 2.0]).best == 1


def test_the_order_of_the_settings_does_not_matter():
    successes, costs = [plays(num) for num in (120, 195, 200, 198)], [1.0, 3.0, 9.0, 2.0]
    straight, back = find_knee(successes, costs), find_knee(successes[::-1], costs[::-1])
    assert (3 - back.best, 3 - (back.knee or 0)) == (straight.best, straight.knee)


def test_where_none_beats_acting_at_random_none_is_taken():
    assert find_knee([plays(10), plays(12)], [1.0, 2.0], floor=plays(12)).knee is None
    assert find_knee([plays(10), plays(60)], [1.0, 2.0], floor=plays(12)).knee == 1


def test_with_few_episodes_the_best_is_taken_whatever_it_costs():
    few = enough_episodes() - 1
    assert find_knee([plays(few - 1, of=few), plays(few, of=few)], [1.0, 100.0]).knee == 1


def test_enough_episodes_are_the_fewest_with_which_a_twin_of_the_best_is_as_good():
    num = enough_episodes()
    low = [paired_difference(np.ones(size), np.ones(size))[1] for size in (num - 1, num)]
    assert low[0] < -MARGIN <= low[1]
    assert enough_episodes(margin=0.1) < num


@given(st.lists(st.tuples(st.integers(0, 120), st.floats(0.1, 100)), min_size=1, max_size=8))
def test_the_choice_is_never_dearer_than_the_best_and_never_worse_than_the_margin(settings):
    successes, costs = [plays(num, of=120) for num, _ in settings], [cost for _, cost in settings]
    found = find_knee(successes, costs)
    assert found.knee is not None
    assert costs[found.knee] <= costs[found.best]
    assert found.knee == found.best or paired_difference(successes[found.knee], successes[found.best])[1] >= -MARGIN
    assert successes[found.best].sum() == max(success.sum() for success in successes)
    cheaper = [index for index, cost in enumerate(costs) if cost < costs[found.knee]]
    assert all(paired_difference(successes[index], successes[found.best])[1] < -MARGIN for index in cheaper)


def test_margin_is_three_points():
    assert pytest.approx(0.03) == MARGIN
