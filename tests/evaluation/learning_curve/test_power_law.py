import math

import numpy as np
import pytest

from telos.evaluation.learning_curve.power_law import PowerLaw, fit_power_law

SIZES = np.repeat([25.0, 50.0, 100.0, 200.0], 3)


def noisy(law: PowerLaw, noise: float, seed: int) -> np.ndarray:
    return np.array([law(num) for num in SIZES]) * np.exp(noise * np.random.default_rng(seed).standard_normal(len(SIZES)))


@pytest.mark.parametrize("law", [PowerLaw(0.0, 2.0, 0.5), PowerLaw(0.1, 30.0, 1.0), PowerLaw(0.3, 0.0, 1.0)], ids=["falling", "bending", "flat"])
def test_a_law_without_noise_is_found_again(law):
    found = fit_power_law(SIZES, noisy(law, 1e-6, 0))
    for num in (25, 100, 200, 400):
        assert found.law(num) == pytest.approx(law(num), rel=0.03)
    assert found.gain(200).value == pytest.approx(law.gain(200), abs=0.02)


@pytest.mark.parametrize("law", [PowerLaw(0.0, 2.0, 0.5), PowerLaw(0.1, 30.0, 1.0)], ids=["falling", "bending"])
def test_the_truth_lies_within_the_interval_about_as_often_as_it_says(law):
    """Too often is no harm: laws that cannot rise make it wider on one side."""
    found = [fit_power_law(SIZES, noisy(law, 0.08, seed)).gain(200) for seed in range(12)]
    assert sum(gain.low <= law.gain(200) <= gain.high for gain in found) >= 11


def test_more_noise_and_fewer_points_make_it_wider():
    law = PowerLaw(0.0, 2.0, 0.5)
    calm, wild = (fit_power_law(SIZES, noisy(law, noise, 0)).gain(200) for noise in (0.01, 0.2))
    assert wild.high - wild.low > 2 * (calm.high - calm.low)
    few = fit_power_law(SIZES[::3], noisy(law, 0.05, 0)[::3]).gain(200)
    many = fit_power_law(SIZES, noisy(law, 0.05, 0)).gain(200)
    assert few.high - few.low > many.high - many.low


def test_the_law_never_rises():
    assert fit_power_law(SIZES, SIZES / 100).gain(200).value < 0.01


def test_episodes_for_a_lower_error_are_those_of_the_law_or_none_at_all():
    assert PowerLaw(0.0, 2.0, 0.5).episodes_for(0.1) == pytest.approx(400)
    assert PowerLaw(0.2, 2.0, 0.5).episodes_for(0.2) == math.inf == PowerLaw(0.3, 0.0, 1.0).episodes_for(0.1)
    found = fit_power_law(SIZES, noisy(PowerLaw(0.0, 2.0, 0.5), 0.05, 0)).episodes_for(0.9, 200)
    assert found.low <= 200 / 0.9**2 <= found.high


def test_the_same_seed_draws_the_same():
    errors = noisy(PowerLaw(0.0, 2.0, 0.5), 0.1, 0)
    first, again, other = (fit_power_law(SIZES, errors, seed=seed).gain(200) for seed in (0, 0, 1))
    assert first == again != other
