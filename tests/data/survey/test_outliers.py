import numpy as np
import pytest

from telos.data.survey.outliers import outliers, robust_scores
from telos.data.survey.statistics import Statistic


def test_scores_of_normal_numbers_are_deviations():
    values = np.random.default_rng(0).normal(3, 2, 100_000)
    np.testing.assert_allclose(robust_scores(values), (values - 3) / 2, atol=0.06)


def test_a_few_wild_values_do_not_hide_one_another():
    """By mean and deviation, ten wild values of a hundred would hardly stand out."""
    values = np.concatenate([np.random.default_rng(0).normal(size=90), np.full(10, 50.0)])
    assert (robust_scores(values)[90:] > 20).all()


def test_where_nearly_all_are_equal_the_others_stand_out():
    scores = robust_scores(np.array([40.0] * 97 + [3, 4, 5]))
    assert (scores[:97] == 0).all() and (scores[97:] < -10).all()


def test_equal_values_have_no_outliers():
    assert (robust_scores(np.full(20, 7.0)) == 0).all()


@pytest.mark.parametrize("draw", ["normal", "lognormal", "exponential", "uniform"])
def test_sound_episodes_of_any_usual_kind_are_hardly_ever_named(draw):
    rng = np.random.default_rng(0)
    named = [outliers(Statistic("pace", "pace", np.abs(getattr(rng, draw)(size=300)) + 0.5)) for _ in range(50)]
    assert sum(finding is not None for finding in named) <= 1


def test_many_are_counted_after_the_first_five():
    found = outliers(Statistic("length", "the length", np.array([40.0] * 90 + [400.0] * 8), unit="steps"))
    assert found is not None and "and 3 more stand apart" in found.says and found.episodes == tuple(range(90, 98))
