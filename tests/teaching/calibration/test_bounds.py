import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telos.core.errors import ConfigError
from telos.teaching.calibration import binomial_cdf, episodes_needed, logs_needed, proves, upper_bound
from telos.teaching.calibration.bounds import check_enough, conformal_rank, most_violations


@given(total=st.integers(1, 60), share=st.floats(0.001, 0.999), data=st.data())
def test_the_binomial_distribution_is_summed_exactly(total, share, data):
    count = data.draw(st.integers(0, total))
    exact = math.fsum(math.comb(total, k) * share**k * (1 - share) ** (total - k) for k in range(count + 1))
    assert binomial_cdf(count, total, share) == pytest.approx(exact, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize(
    ("alpha", "confidence", "needed"), [(0.01, 0.95, 299), (0.05, 0.95, 59), (0.1, 0.95, 29), (0.2, 0.95, 14), (0.01, 0.99, 459)]
)
def test_so_many_clean_episodes_prove_alpha_and_one_fewer_does_not(alpha, confidence, needed):
    assert episodes_needed(alpha=alpha, confidence=confidence) == needed
    assert proves(0, needed, alpha=alpha, confidence=confidence) and not proves(0, needed - 1, alpha=alpha, confidence=confidence)


def test_with_400_episodes_none_may_break_a_guardrail_of_alpha_0_01_and_with_473_one():
    assert most_violations(400, alpha=0.01, confidence=0.95) == 0
    assert most_violations(473, alpha=0.01, confidence=0.95) == 1 and most_violations(472, alpha=0.01, confidence=0.95) == 0
    assert most_violations(298, alpha=0.01, confidence=0.95) == -1


def test_the_upper_bound_is_that_of_clopper_and_pearson():
    """One-sided 95 % bounds, from the beta distribution's quantiles: 1 - 0.05 ** (1 / n) for none, and tables for the others."""
    assert upper_bound(0, 299, confidence=0.95) == pytest.approx(1 - 0.05 ** (1 / 299), rel=1e-9)
    assert upper_bound(1, 20, confidence=0.95) == pytest.approx(0.21611, abs=1e-5)
    assert upper_bound(5, 5, confidence=0.95) == 1


@settings(max_examples=40)
@given(total=st.integers(1, 300), alpha=st.sampled_from([0.01, 0.05, 0.2]), data=st.data())
def test_what_is_proved_is_what_the_bound_says(total, alpha, data):
    count = data.draw(st.integers(0, min(20, total - 1)))
    bound = upper_bound(count, total, confidence=0.95)
    if abs(bound - alpha) > 1e-9:
        assert proves(count, total, alpha=alpha, confidence=0.95) == (bound < alpha)


def test_too_few_episodes_are_refused_with_the_number_that_is_missing():
    with pytest.raises(ConfigError, match=r"200 episodes per margin cannot prove alpha = 0\.01") as refused:
        check_enough(200, alpha=0.01, confidence=0.95)
    assert "299 or more: 99 more" in str(refused.value) and "--episodes 299" in str(refused.value)
    check_enough(299, alpha=0.01, confidence=0.95)


def test_the_conformal_rank_counts_the_episode_to_come():
    assert (logs_needed(0.01), logs_needed(0.05), logs_needed(0.1), logs_needed(0.2)) == (99, 19, 9, 4)
    assert conformal_rank(99, 0.01) == 99 and conformal_rank(98, 0.01) == 99, "98 errors bound nothing at 0.01: the 99th is missing"
    assert conformal_rank(199, 0.01) == 198
