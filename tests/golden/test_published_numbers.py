"""Formulas against the numbers of the papers, and against a second way to compute them."""

import math

import numpy as np
import pytest
import torch

from telos.evaluation import wilson
from telos.training.objectives.covariance import covariance_term
from telos.training.objectives.sigreg import epps_pulley
from telos.training.objectives.variance import variance_term


@pytest.mark.parametrize(
    ("count", "total", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_intervals_are_those_of_newcombe(count, total, low, high):
    """Newcombe (1998), Statistics in Medicine 17, 857-872, table I, method 3."""
    assert wilson(count, total) == pytest.approx((low, high), abs=5e-5)
    assert wilson(total - count, total) == pytest.approx((1 - high, 1 - low), abs=5e-5)


def closed_form(samples):
    """The Epps-Pulley statistic of one column over all of the real line, term by term.

    With weight exp(-t²/2): the integral of |phi|² is sqrt(2 pi) times the mean of exp(-(x - y)²/2) over all pairs, that of
    the cross term sqrt(pi) times the mean of exp(-x²/4), that of the Gaussian alone sqrt(2 pi / 3).
    """
    pairs = np.exp(-((samples[:, None] - samples) ** 2) / 2).mean()
    cross = np.exp(-(samples**2) / 4).mean()
    return len(samples) * (math.sqrt(2 * math.pi) * pairs - 2 * math.sqrt(math.pi) * cross + math.sqrt(2 * math.pi / 3))


SAMPLES = {
    "gaussian": np.random.default_rng(0).normal(size=300),
    "too wide": np.random.default_rng(1).normal(size=300) * 2,
    "off centre": np.random.default_rng(2).normal(1, 1, size=300),
    "two heaps": np.random.default_rng(3).choice([-1.0, 1.0], size=300),
    "collapsed": np.zeros(300),
}


@pytest.mark.parametrize("samples", SAMPLES.values(), ids=SAMPLES.keys())
def test_the_statistic_is_its_closed_form(samples):
    found = epps_pulley(torch.from_numpy(samples)[:, None], num_points=4001, t_max=12.0).item()
    assert found == pytest.approx(closed_form(samples), rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("samples", SAMPLES.values(), ids=SAMPLES.keys())
def test_seventeen_points_up_to_three_give_the_whole_integral_to_a_tenth(samples):
    found = epps_pulley(torch.from_numpy(samples)[:, None]).item()
    assert found == pytest.approx(closed_form(samples), rel=0.1, abs=0.02)


def test_several_directions_are_averaged():
    columns = np.stack([SAMPLES["gaussian"], SAMPLES["two heaps"]], axis=1)
    found = epps_pulley(torch.from_numpy(columns), num_points=4001, t_max=12.0).item()
    assert found == pytest.approx(np.mean([closed_form(column) for column in columns.T]), rel=1e-6)


@pytest.mark.parametrize("shape", [(50, 4), (4, 50), (20, 20), (2, 3)])
def test_variance_and_covariance_are_those_of_numpy(shape):
    latents = np.random.default_rng(0).normal(size=shape) * np.linspace(0.2, 1.5, shape[1])
    hinge = np.maximum(0, 1 - np.sqrt(latents.var(axis=0, ddof=1) + 1e-4)).mean()
    assert variance_term(torch.from_numpy(latents)).item() == pytest.approx(hinge)
    matrix = np.cov(latents.T)
    off_diagonal = (matrix[~np.eye(shape[1], dtype=bool)] ** 2).sum() / shape[1]
    assert covariance_term(torch.from_numpy(latents)).item() == pytest.approx(off_diagonal)
