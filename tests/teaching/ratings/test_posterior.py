"""What answers say of weights: the likeliest ones, how likely the answers were, and what is left open."""

import numpy as np
import pytest
import torch

from telos.teaching.ratings.posterior import choose_spread, fit_posterior, spread_of


def _answers(num=40, size=6, seed=0):
    rng = np.random.default_rng(seed)
    features = torch.from_numpy(rng.normal(size=(num, size)))
    weights = torch.from_numpy(rng.normal(size=size))
    chances = (features @ weights).sigmoid().numpy()
    return features, torch.from_numpy((rng.random(num) < chances).astype(float)), weights


@pytest.mark.parametrize("spread", [0.1, 3.0, 1000.0])
def test_no_weights_are_likelier_than_those_that_are_found(spread):
    features, answers, _ = _answers()
    variance = torch.full((6,), spread, dtype=torch.float64)
    found = fit_posterior(features, answers, variance).mean.clone().requires_grad_()
    value = features @ found
    energy = torch.nn.functional.binary_cross_entropy_with_logits(value, answers, reduction="sum") + (found.square() / variance).sum() / 2
    (slope,) = torch.autograd.grad(energy, found)
    assert slope.abs().max() < 1e-2 * energy.item()


def test_draws_have_the_covariance_of_laplaces_approximation_and_exactly_its_mean():
    features, answers, _ = _answers()
    variance = torch.linspace(0.5, 3, 6, dtype=torch.float64)
    posterior = fit_posterior(features, answers, variance)
    drawn = posterior.draw(40_000, torch.Generator().manual_seed(0))
    chance = (features @ posterior.mean).sigmoid()
    precision = features.T @ ((chance * (1 - chance))[:, None] * features) + torch.diag(1 / variance)
    assert torch.allclose(drawn.mean(dim=1), posterior.mean, atol=1e-9)
    assert torch.allclose(torch.cov(drawn), torch.linalg.inv(precision), atol=0.05)


def test_the_evidence_is_that_of_the_same_approximation_in_the_space_of_weights():
    features, answers, _ = _answers()
    variance = torch.linspace(0.5, 3, 6, dtype=torch.float64)
    posterior = fit_posterior(features, answers, variance)
    value = features @ posterior.mean
    chance = value.sigmoid()
    precision = features.T @ ((chance * (1 - chance))[:, None] * features) + torch.diag(1 / variance)
    likelihood = -torch.nn.functional.binary_cross_entropy_with_logits(value, answers, reduction="sum")
    expected = likelihood - (posterior.mean.square() / variance).sum() / 2 - torch.logdet(torch.diag(variance) @ precision) / 2
    assert posterior.evidence == pytest.approx(expected.item(), abs=1e-4)


def test_groups_that_say_nothing_are_given_less_room_than_those_that_say_something():
    rng = np.random.default_rng(1)
    features = torch.from_numpy(rng.normal(size=(150, 10)))
    answers = (features[:, :5] @ torch.from_numpy(rng.normal(size=5)) > 0).double()
    telling, idle = choose_spread(features, answers, (5, 5), (1.0, 1.0))
    assert telling > 10 * idle
    assert spread_of((5, 5), (telling, idle)).tolist() == [telling] * 5 + [idle] * 5


def test_answers_that_agree_in_everything_do_not_blow_weights_up():
    features = torch.ones(50, 3, dtype=torch.float64)
    posterior = fit_posterior(features, torch.ones(50, dtype=torch.float64), torch.full((3,), 1e4, dtype=torch.float64))
    assert posterior.mean.isfinite().all() and posterior.draw(4, torch.Generator().manual_seed(0)).isfinite().all()
