import numpy as np
import pytest
import torch
from batches import random_latents, spread_out, term_of
from hypothesis import assume, given
from hypothesis import strategies as st

from telos.training.objectives import Variance
from telos.training.objectives.variance import variance_term

EPSILON = 1e-4


@given(st.lists(st.floats(0.01, 3.0), min_size=1, max_size=8), st.integers(0, 2**32 - 1))
def test_is_the_mean_shortfall_of_the_deviations_and_vanishes_exactly_when_every_one_is_one(deviations, seed):
    deviations = np.array(deviations)
    reached = np.sqrt(deviations**2 + EPSILON)
    assume(np.abs(reached - 1).min() > 1e-6)
    term = variance_term(spread_out(20, deviations, seed), epsilon=EPSILON).item()
    assert term == pytest.approx(np.maximum(0, 1 - reached).mean(), abs=1e-9)
    assert (term == 0) == (reached >= 1).all()


def test_is_the_papers_convention_the_authors_code_averages_it_over_two_views():
    one, two = random_latents(seed=1) * 0.5, random_latents(seed=2) * 0.7

    def official(latents):
        return np.maximum(0, 1 - np.sqrt(latents.numpy().reshape(-1, latents.shape[-1]).var(axis=0, ddof=1) + EPSILON)).mean() / 2

    ours = (term_of(Variance(), one) + term_of(Variance(), two)) / 2
    assert ours.item() == pytest.approx(official(one) + official(two), rel=1e-9)


def test_a_collapsed_batch_costs_one_and_its_gradient_is_finite():
    latents = torch.full((6, 3, 4), 0.3, dtype=torch.float64, requires_grad=True)
    term = term_of(Variance(), latents)
    term.backward()
    assert term.item() == pytest.approx(1 - EPSILON**0.5)
    assert latents.grad is not None and latents.grad.isfinite().all()


def test_going_downhill_spreads_nearly_equal_latents_until_every_deviation_is_one():
    latents = (1e-2 * random_latents()).requires_grad_()
    optimizer = torch.optim.Adam([latents], lr=0.05)
    for _ in range(200):
        optimizer.zero_grad()
        term_of(Variance(), latents).backward()
        optimizer.step()
    assert latents.flatten(0, 1).std(dim=0).min() > 0.98
