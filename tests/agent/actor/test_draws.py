"""Random numbers for candidates: what the three ways of spreading them promise."""

import pytest
import torch

from telos.agent.actor import CEM, ICEM, MPPI, RandomShooting
from telos.agent.actor.draws import normals, uniforms
from telos.agent.actor.noise import coloured_noise
from telos.agent.actor.sampling import Proposal
from telos.core.errors import ConfigError
from telos.testing.planners import optimality

WAYS = ("random", "antithetic", "sobol")
each_way = pytest.mark.parametrize("sampling", WAYS)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@each_way
def test_normal_numbers_have_mean_zero_and_deviation_one(sampling):
    drawn = normals(4000, (3, 5), sampling=sampling, generator=seeded())
    assert drawn.shape == (1, 4000, 3, 5) and drawn.dtype == torch.float32
    assert drawn.isfinite().all()
    torch.testing.assert_close(drawn.mean(dim=1), torch.zeros(1, 3, 5), atol=0.07, rtol=0)
    torch.testing.assert_close(drawn.std(dim=1), torch.ones(1, 3, 5), atol=0.05, rtol=0)
    assert (drawn[..., 0, 0] * drawn[..., 1, 1]).mean().abs() < 0.07


@each_way
def test_uniform_numbers_fill_the_range(sampling):
    drawn = uniforms(5000, (4,), sampling=sampling, generator=seeded())
    assert drawn.min() >= 0 and drawn.max() <= 1
    counts = torch.stack([torch.histc(column, bins=10, min=0, max=1) for column in drawn[0].T])
    assert (counts / 500 - 1).abs().max() < 0.2


@each_way
@pytest.mark.parametrize("num", [0, 1, 7])
def test_any_number_of_candidates_may_be_asked_for(sampling, num):
    assert normals(num, (3, 2), sampling=sampling, generator=seeded()).shape == (1, num, 3, 2)


@each_way
def test_all_chance_comes_from_the_generator(sampling):
    before = torch.get_rng_state()
    first, again, other = (normals(9, (6,), sampling=sampling, generator=seeded(seed)) for seed in (3, 3, 4))
    assert torch.equal(first, again) and not torch.equal(first, other)
    assert torch.equal(torch.get_rng_state(), before)


def test_antithetic_numbers_come_in_opposite_pairs():
    drawn = normals(10, (4, 2), sampling="antithetic", generator=seeded())
    torch.testing.assert_close(drawn[:, :5], -drawn[:, 5:])
    assert drawn.mean(dim=1).abs().max() < 1e-6


def test_quasi_random_numbers_leave_smaller_gaps_than_chance():
    """The share of a box of any size that falls to it: the largest error over many boxes."""
    corners = torch.rand(200, 2, generator=seeded(9))

    def worst(sampling, seed):
        points = uniforms(256, (2,), sampling=sampling, generator=seeded(seed))[0]
        return ((points[:, None] < corners).all(dim=-1).float().mean(dim=0) - corners.prod(dim=-1)).abs().max()

    seeds = range(8)
    assert sum(worst("sobol", seed) for seed in seeds) < 0.5 * sum(worst("random", seed) for seed in seeds)


@each_way
def test_noise_has_its_colour_however_it_is_drawn(sampling):
    white, red = (coloured_noise(2000, 20, 2, exponent=exponent, generator=seeded(), sampling=sampling) for exponent in (0.0, 2.0))
    assert red.diff(dim=2).square().mean() < 0.5 * white.diff(dim=2).square().mean()
    assert red.square().mean().sqrt().item() == pytest.approx(1, abs=0.06)


@each_way
@pytest.mark.parametrize("kind", [CEM, ICEM, MPPI, RandomShooting], ids=lambda kind: kind.__name__)
def test_every_sampling_planner_can_be_told_how_to_spread_its_candidates(kind, sampling):
    proposal = Proposal(torch.zeros(2, 4, 1), torch.ones(2, 4, 1))
    drawn = kind(horizon=4, sampling=sampling).sample(proposal, 8, seeded())
    torch.testing.assert_close(drawn[0], drawn[1])
    pairs = torch.equal((drawn[0, :4] + drawn[0, 4:]).abs() < 1e-6, torch.ones(4, 4, 1, dtype=torch.bool))
    assert pairs == (sampling == "antithetic")


@pytest.mark.parametrize("sampling", ["antithetic", "sobol"])
def test_a_search_reaches_the_known_optimum_all_the_same(sampling):
    planner = ICEM(horizon=10, num_candidates=300, num_iterations=20, sampling=sampling)
    assert optimality(planner, effort_weight=0.1, num=12, seeds=(0, 1)).max() < 1.05


@pytest.mark.parametrize("kind", [MPPI, RandomShooting], ids=lambda kind: kind.__name__)
def test_another_way_is_refused_by_name(kind):
    with pytest.raises(ConfigError, match=r"sampling is 'sobel'(.|\n)*'antithetic' or 'sobol'"):
        kind(sampling="sobel")


def test_more_numbers_than_sobol_points_have_are_refused():
    with pytest.raises(ConfigError, match=r"30000 numbers(.|\n)*antithetic"):
        normals(2, (10_000, 3), sampling="sobol", generator=seeded())
