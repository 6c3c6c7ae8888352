import numpy as np
import pytest
import torch
from batches import random_latents, spread_out, term_of
from hypothesis import given
from hypothesis import strategies as st

from telos.training.objectives import Covariance
from telos.training.objectives.covariance import covariance_term


def by_the_book(latents: np.ndarray) -> float:
    """VICReg, equations 3 and 4, through the covariance matrix itself."""
    covariance = np.atleast_2d(np.cov(latents, rowvar=False))
    return (covariance**2).sum() / len(covariance) - (np.diag(covariance) ** 2).sum() / len(covariance)


@given(st.integers(2, 40), st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_the_smaller_gram_matrix_gives_what_the_covariance_matrix_gives(samples, size, seed):
    rng = np.random.default_rng(seed)
    latents = rng.normal(size=(samples, size)) @ rng.normal(size=(size, size)) + rng.normal(size=size)
    expected = by_the_book(latents)
    assert covariance_term(torch.from_numpy(latents)).item() == pytest.approx(expected, rel=1e-8, abs=1e-8 * latents.var() ** 2)


@given(st.lists(st.floats(0.1, 3.0), min_size=2, max_size=8), st.integers(0, 2**32 - 1))
def test_vanishes_for_uncorrelated_latents_whatever_their_deviations(deviations, seed):
    assert covariance_term(spread_out(20, np.array(deviations), seed)).item() == pytest.approx(0, abs=1e-12)


def test_a_number_that_repeats_another_costs_the_square_of_their_covariance():
    first = spread_out(30, np.array([2.0]), seed=0)
    assert covariance_term(torch.cat([first, first], dim=1)).item() == pytest.approx(2 * 4.0**2 / 2)


def test_looks_at_all_frames_of_all_windows():
    latents = random_latents()
    assert term_of(Covariance(), latents).item() == pytest.approx(by_the_book(latents.flatten(0, 1).numpy()))
