"""How proposals move: weights of MPPI, elites of CEM, rounds of iCEM."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from telos.agent.actor import CEM, ICEM, MPPI, RandomShooting
from telos.agent.actor.mppi import path_weights
from telos.agent.actor.sampling import Proposal

energies = st.lists(st.floats(-100, 100, width=32), min_size=2, max_size=12)


@settings(deadline=None, max_examples=100)
@given(energies=energies, temperature=st.floats(0.05, 5))
def test_the_better_the_more_weight_and_all_weights_make_one(energies, temperature):
    row = torch.tensor([energies])
    weights = path_weights(row, temperature)
    assert weights.sum().item() == pytest.approx(1, abs=1e-5)
    order = row[0].argsort()
    assert (weights[0, order].diff() <= 1e-6).all()


@settings(deadline=None, max_examples=100)
@given(energies=energies, scale=st.floats(0.1, 10), offset=st.floats(-10, 10))
def test_weights_do_not_depend_on_the_scale_of_the_cost(energies, scale, offset):
    row = torch.tensor([energies], dtype=torch.float64)
    if row.std() < 1e-3:
        return
    torch.testing.assert_close(path_weights(scale * row + offset, 0.3), path_weights(row, 0.3), rtol=1e-6, atol=1e-9)


def test_the_temperature_decides_between_the_best_and_the_mean():
    row = torch.tensor([[3.0, 1.0, 2.0]])
    assert path_weights(row, 1e-3)[0].tolist() == pytest.approx([0, 1, 0], abs=1e-6)
    assert path_weights(row, 1e4)[0].tolist() == pytest.approx([1 / 3] * 3, abs=1e-3)


def test_a_future_that_broke_down_has_no_weight_and_takes_none_from_the_others():
    row, broken = torch.tensor([[3.0, 1.0, 2.0]]), torch.tensor([[3.0, torch.inf, 1.0, torch.inf, 2.0]])
    weights = path_weights(broken, 0.5)[0]
    assert weights[[1, 3]].tolist() == [0, 0]
    torch.testing.assert_close(weights[[0, 2, 4]], path_weights(row, 0.5)[0])


@pytest.mark.parametrize("value", [torch.inf, 0.0])
def test_where_none_is_better_all_count_alike(value):
    assert path_weights(torch.full((2, 4), value), 0.1).flatten().tolist() == pytest.approx([0.25] * 8)


def test_elites_alone_shape_the_next_proposal():
    units = torch.randn(1, 10, 4, 2)
    units[0, 5:] = 100
    row = torch.arange(10.0)[None]
    mean, std = CEM(num_elites=5, momentum=0.0).refit(Proposal(torch.zeros(1, 4, 2), torch.ones(1, 4, 2)), units, row)
    torch.testing.assert_close(mean[0], units[0, :5].mean(dim=0))
    torch.testing.assert_close(std[0], units[0, :5].std(dim=0, correction=0))


def test_momentum_keeps_a_share_of_the_old_proposal():
    units, row = torch.ones(1, 4, 2, 1), torch.zeros(1, 4)
    mean, std = CEM(num_elites=4, momentum=0.25).refit(Proposal(torch.zeros(1, 2, 1), torch.ones(1, 2, 1)), units, row)
    assert mean.flatten().tolist() == [0.75, 0.75]
    assert std.flatten().tolist() == [0.25, 0.25]


def test_improved_cem_needs_fewer_candidates_every_round_but_never_fewer_than_two_per_elite():
    planner = ICEM(num_candidates=300, num_elites=30, decay=1.25)
    drawn = [planner.num_at(iteration) for iteration in range(12)]
    assert drawn == sorted(drawn, reverse=True)
    assert drawn[:3] == [300, 240, 192]
    assert drawn[-1] == 60
    assert planner.num_kept == 9
    assert CEM(num_candidates=300).num_at(7) == 300


@pytest.mark.parametrize("planner", [CEM(), ICEM(), MPPI()], ids=lambda planner: type(planner).__name__)
def test_samples_have_the_mean_and_the_deviation_of_the_proposal(planner):
    mean, std = torch.linspace(-1, 1, 12).view(1, 6, 2), torch.linspace(0.1, 0.5, 12).view(1, 6, 2)
    drawn = planner.sample(Proposal(mean, std), 20_000, torch.Generator().manual_seed(0))
    torch.testing.assert_close(drawn.mean(dim=1), mean, atol=0.02, rtol=0)
    torch.testing.assert_close(drawn.std(dim=1), std, atol=0.02, rtol=0)


def test_random_shooting_covers_the_whole_box_evenly():
    drawn = RandomShooting().sample(Proposal(torch.zeros(2, 3, 1), torch.zeros(2, 3, 1)), 20_000, torch.Generator().manual_seed(0))
    assert torch.equal(drawn[0], drawn[1])
    counts = torch.histc(drawn[0], bins=10, min=-1, max=1)
    assert counts.sum() == 60_000
    assert (counts / 6000 - 1).abs().max() < 0.05
