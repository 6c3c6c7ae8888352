"""Risks against plain numpy, and what must hold for any futures."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from telos.agent.actor import CVaR, Mean, Quantile, Worst
from telos.core.errors import ConfigError

LEVELS = st.floats(0.01, 1.0)
FUTURES = st.lists(st.floats(-100, 100, allow_subnormal=False), min_size=1, max_size=40)


def as_tensor(futures):
    return torch.tensor(futures, dtype=torch.float64)


def rockafellar_uryasev(futures, level):
    """The least over c of c + mean(relu(energy - c)) / level; it lies at one of the energies, for the function is piecewise linear."""
    energies = np.array(futures)
    return min(c + np.maximum(energies - c, 0).mean() / level for c in energies)


@given(futures=FUTURES, level=LEVELS)
def test_cvar_is_the_least_of_the_formula_of_the_paper(futures, level):
    # Below one future the formula is still the worst one: the level is then as good as that of one future.
    level = max(level, 1 / len(futures))
    assert CVaR(level=level)(as_tensor(futures)).item() == pytest.approx(rockafellar_uryasev(futures, level), abs=1e-6)


@given(futures=FUTURES, level=LEVELS)
def test_at_most_a_share_of_the_futures_is_worse_than_the_quantile_and_no_smaller_one_would_do(futures, level):
    found, energies = Quantile(level=level)(as_tensor(futures)).item(), np.array(futures)
    assert found in energies
    assert (energies > found).mean() <= level + 1e-9
    lower = energies[energies < found]
    assert len(lower) == 0 or (energies > lower.max()).mean() > level - 1e-9


@given(futures=FUTURES, level=LEVELS)
def test_cvar_lies_between_the_mean_and_the_worst_and_above_the_quantile(futures, level):
    energies = as_tensor(futures)
    mean, worst, cvar, quantile = (risk(energies).item() for risk in (Mean(), Worst(), CVaR(level=level), Quantile(level=level)))
    assert mean - 1e-9 <= cvar <= worst + 1e-9
    assert cvar >= quantile - 1e-9


@given(futures=FUTURES, levels=st.tuples(LEVELS, LEVELS))
def test_the_fewer_futures_count_the_worse_they_are(futures, levels):
    low, high = (CVaR(level=level)(as_tensor(futures)).item() for level in sorted(levels))
    assert low >= high - 1e-9


def test_numbers_that_were_worked_out_by_hand():
    energies = as_tensor([4.0, 1.0, 3.0, 2.0])
    assert Mean()(energies) == 2.5
    assert Worst()(energies) == 4.0
    assert CVaR(level=0.5)(energies) == 3.5
    # The worst future and half of the second worst.
    assert CVaR(level=0.375)(energies).item() == pytest.approx((4 + 0.5 * 3) / 1.5)
    assert Quantile(level=0.25)(energies) == 3.0
    assert Quantile(level=1.0)(energies) == 1.0


def test_rounding_makes_no_further_future_count():
    energies = torch.arange(30.0, dtype=torch.float64)
    assert CVaR(level=0.1)(energies).item() == pytest.approx(28.0)


def test_the_gradient_of_cvar_reaches_the_bad_futures_alone():
    energies = as_tensor([4.0, 1.0, 3.0, 2.0]).requires_grad_()
    (slope,) = torch.autograd.grad(CVaR(level=0.5)(energies), energies)
    assert slope.tolist() == [0.5, 0.0, 0.5, 0.0]


def test_an_infinitely_bad_future_counts_where_it_is_among_the_bad_ones():
    energies = as_tensor([torch.inf, 1.0, 3.0, 2.0])
    assert CVaR(level=0.5)(energies) == torch.inf
    assert Quantile(level=0.25)(energies) == 3.0


@pytest.mark.parametrize("kind", [CVaR, Quantile])
@pytest.mark.parametrize("level", [0.0, -0.1, 1.1, float("nan")])
def test_a_level_that_is_no_share_is_refused(kind, level):
    with pytest.raises(ConfigError, match="level"):
        kind(level=level)


@pytest.mark.parametrize("kind", [Mean, Worst, CVaR, Quantile])
def test_a_risk_without_futures_is_refused(kind):
    with pytest.raises(ConfigError, match="0 futures"):
        kind(num_futures=0)
