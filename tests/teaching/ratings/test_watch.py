"""Over-optimisation can be seen: what a search chooses is overrated, the more so the more there is to choose from."""

import numpy as np
import pytest

from telos.core.errors import ConfigError
from telos.teaching.ratings.watch import best_of, draw_claims


def _rated(num=2000, noise=1.0):
    rng = np.random.default_rng(0)
    true = rng.normal(size=num)
    return true + noise * rng.normal(size=num), true, rng


def test_a_critic_that_is_right_is_worth_what_it_claims():
    predicted, true, rng = _rated(noise=0)
    for point in best_of(predicted, true, rng):
        assert point.true == pytest.approx(point.predicted)


def test_the_gap_between_claim_and_truth_grows_with_the_candidates():
    predicted, true, rng = _rated()
    gaps = [point.predicted - point.true for point in best_of(predicted, true, rng)]
    assert abs(gaps[0]) < 0.2 and gaps == sorted(gaps) and gaps[-1] > 0.5


def test_counts_beyond_the_candidates_are_left_out_and_equal_ones_refused():
    predicted, true, rng = _rated(num=20)
    assert [point.candidates for point in best_of(predicted, true, rng)] == [1, 4, 16]
    with pytest.raises(ConfigError):
        best_of(np.ones(5), true[:5], rng)


def test_claims_are_drawn_even_where_there_are_none(tmp_path):
    assert "no check" in draw_claims([], tmp_path / "none.svg").read_text()
    drawn = draw_claims([{"claimed": 0.8, "confirmed": 0.75, "answers": 12}], tmp_path / "some.svg").read_text()
    assert drawn.count("<circle") == 1
