import numpy as np
import pytest
import torch
from batches import random_latents, term_of
from hypothesis import given, settings
from hypothesis import strategies as st

from telos.core.errors import ConfigError
from telos.training.objectives import SIGReg
from telos.training.objectives.sigreg import epps_pulley, random_directions

T = np.linspace(0, 3, 17)
GAUSSIAN = np.exp(-(T**2) / 2)


def by_the_book(projections: np.ndarray, num_points: int = 33, t_max: float = 3.0) -> float:
    """Epps & Pulley's statistic with complex numbers, over the whole axis, one direction after the other."""
    t = np.linspace(-t_max, t_max, num_points)
    gaussian = np.exp(-(t**2) / 2)
    statistics = []
    for direction in projections.T:
        empirical = np.exp(1j * direction[:, None] * t).mean(axis=0)
        integrand = np.abs(empirical - gaussian) ** 2 * gaussian
        statistics.append(len(direction) * ((integrand[1:] + integrand[:-1]) / 2 * np.diff(t)).sum())
    return float(np.mean(statistics))


def statistic(samples: np.ndarray, num_directions: int = 512, seed: int = 0) -> float:
    directions = random_directions(samples.shape[1], num_directions, torch.Generator().manual_seed(seed)).double()
    return epps_pulley(torch.from_numpy(samples) @ directions).item()


@settings(deadline=None)
@given(st.integers(2, 40), st.integers(1, 4), st.floats(0.1, 3.0), st.floats(-2.0, 2.0), st.integers(0, 2**32 - 1))
def test_half_of_the_integral_doubled_is_the_published_statistic(samples, num_directions, scale, shift, seed):
    projections = np.random.default_rng(seed).normal(size=(samples, num_directions)) * scale + shift
    assert epps_pulley(torch.from_numpy(projections)).item() == pytest.approx(by_the_book(projections), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("samples", [20, 1000])
def test_a_standard_gaussian_gets_the_constant_that_chance_alone_explains(samples):
    """With independent samples E|phi_N - phi|^2 = (1 - phi^2) / N, so the statistic does not grow with N."""
    expected = 2 * np.trapezoid((1 - GAUSSIAN**2) * GAUSSIAN, T)
    found = epps_pulley(torch.from_numpy(np.random.default_rng(0).normal(size=(samples, 1000)))).item()
    assert found == pytest.approx(expected, rel=0.1)


def test_collapsed_latents_get_what_the_formula_says_for_a_point():
    expected = 40 * 2 * np.trapezoid((1 - GAUSSIAN) ** 2 * GAUSSIAN, T)
    assert statistic(np.zeros((40, 6))) == pytest.approx(expected)


def other_clouds(num: int, size: int = 2) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    gaussian = rng.normal(size=(num, size))
    return {
        "collapsed": 0.01 * gaussian,
        "shifted": gaussian + 1.0,
        "too wide": 2 * gaussian,
        "two lumps": np.sign(gaussian) + 0.1 * rng.normal(size=(num, size)),
        "uniform": rng.uniform(-(3**0.5), 3**0.5, size=(num, size)),
        "flat in one direction": gaussian * [1.0, 0.1],
    }


@pytest.mark.parametrize("name", list(other_clouds(2)))
def test_everything_else_costs_more_the_more_samples_show_it(name):
    chance = 2 * np.trapezoid((1 - GAUSSIAN**2) * GAUSSIAN, T)
    few, many = (statistic(other_clouds(num)[name], num_directions=128) for num in (1000, 4000))
    assert few > 1.5 * chance
    assert many > 2 * few


def test_no_direction_is_preferred():
    rng = np.random.default_rng(3)
    samples = rng.normal(size=(200, 4)) * [2.0, 1.0, 0.5, 0.1] + [0.5, 0, 0, 0]
    rotation, _ = np.linalg.qr(rng.normal(size=(4, 4)))
    ours, turned = (np.mean([statistic(cloud, 2048, seed) for seed in range(4)]) for cloud in (samples, samples @ rotation))
    assert turned == pytest.approx(ours, rel=0.03)


def test_directions_are_unit_vectors_drawn_anew_for_each_batch_the_same_everywhere():
    directions = random_directions(5, 100, torch.Generator().manual_seed(0))
    torch.testing.assert_close(directions.norm(dim=0), torch.ones(100))
    objective, latents = SIGReg(num_directions=4), random_latents()
    here, there = objective.head(None, 5), objective.head(None, 5)
    first, second = (term_of(objective, latents, head=here).item() for _ in range(2))
    assert first != second
    assert [term_of(objective, latents, head=there).item() for _ in range(2)] == [first, second]


def test_a_resumed_run_goes_on_with_the_next_directions():
    objective, latents = SIGReg(num_directions=4), random_latents()
    head, resumed = objective.head(None, 5), objective.head(None, 5)
    term_of(objective, latents, head=head)
    resumed.load_state_dict(head.state_dict())
    assert term_of(objective, latents, head=resumed) == term_of(objective, latents, head=head)


def test_going_downhill_turns_a_small_cloud_into_one_of_unit_deviation_in_every_direction():
    torch.manual_seed(0)
    latents = (0.1 * torch.randn(64, 4, 3, dtype=torch.float64)).requires_grad_()
    objective = SIGReg(num_directions=64)
    head, optimizer = objective.head(None, 3), torch.optim.Adam([latents], lr=0.02)
    for _ in range(150):
        optimizer.zero_grad()
        term_of(objective, latents, head=head).backward()
        optimizer.step()
    covariance = torch.cov(latents.detach().flatten(0, 1).T)
    torch.testing.assert_close(covariance, torch.eye(3, dtype=torch.float64), atol=0.3, rtol=0)


def test_lejepas_mixture_is_the_same_direction_with_lambda_from_the_weight():
    weight, prediction, sketch = 0.25, 0.7, 3.1
    share = weight / (1 + weight)
    assert (1 + weight) * ((1 - share) * prediction + share * sketch) == pytest.approx(prediction + weight * sketch)
    assert "(1 - lambda)" in (SIGReg.__doc__ or "")


@pytest.mark.parametrize("wrong", [{"num_directions": 0}, {"num_points": 2}, {"t_max": 0.0}])
def test_settings_that_integrate_nothing_are_refused(wrong):
    with pytest.raises(ConfigError):
        SIGReg(**wrong)


@pytest.mark.parametrize("num_points", [3, 17, 40])
def test_the_gradient_is_that_of_the_formula(num_points):
    projections = torch.from_numpy(np.random.default_rng(0).normal(size=(30, 5)) * 1.5 + 0.2).requires_grad_()
    t = torch.linspace(0, 3, num_points, dtype=torch.float64)
    gaussian = torch.exp(-t.square() / 2)
    angles = projections[..., None] * t
    plain = (angles.cos().mean(0) - gaussian).square() + angles.sin().mean(0).square()
    statistic = 2 * len(projections) * torch.trapezoid(plain * gaussian, t, dim=-1).mean()
    ours, theirs = (torch.autograd.grad(value, projections)[0] for value in (3 * epps_pulley(projections, num_points=num_points), 3 * statistic))
    torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-13)


def test_half_as_many_digits_leave_the_gradient_as_good_as_rounding_allows():
    projections = torch.from_numpy(np.random.default_rng(0).normal(size=(256, 64))).requires_grad_()
    exact = torch.autograd.grad(epps_pulley(projections), projections)[0]
    short = torch.autograd.grad(epps_pulley(projections.float()), projections)[0]
    assert (short - exact).abs().max() < 1e-5 * exact.abs().max()
