"""The axis of candidates: what a search is told about the sequences that it proposes."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from telos.agent.actor import Pace
from telos.agent.actor.candidates import CandidateEvaluator, take_best
from telos.agent.cost import LeastDistance, PathDistance
from telos.core.contracts import AbstractCost
from telos.testing.true_point_mass import TruePointMass, known_problem

NUM_PROBLEMS, NUM, HORIZON = 3, 7, 5


@dataclass(frozen=True, kw_only=True)
class BreaksDown(AbstractCost):
    """An energy that is `value` for every future whose first push is to the right."""

    value: float

    def energy(self, rollout, problem):
        energy = PathDistance().energy(rollout, problem)
        return torch.where(rollout.actions[:, :1, 0] > 0, self.value, energy)


def evaluator(cost=None, num=NUM_PROBLEMS, budget_ms=None, model=None, pace=None):
    model = model or TruePointMass()
    problem, _ = known_problem(model, np.random.default_rng(0), num, horizon=HORIZON, effort_weight=0.1)
    problem = replace(problem, budget_ms=budget_ms)
    return CandidateEvaluator(world_model=model, cost=cost or PathDistance(), problem=problem, action_space=model.spaces.action, pace=pace)


def draw(num=NUM):
    return torch.rand(NUM_PROBLEMS, num, HORIZON, 2, generator=torch.Generator().manual_seed(0)) * 2 - 1


class AtOnce(TruePointMass):
    """The same world, in passes of another size."""

    rows_at_once = 4

    def __init__(self, rows):
        super().__init__()
        self.rows_at_once = rows


@pytest.mark.parametrize("at_once", [1, 4, 8, 12, 4096])
def test_energies_do_not_depend_on_how_many_are_judged_at_once(at_once):
    whole, pieces = evaluator(), evaluator(model=AtOnce(at_once))
    torch.testing.assert_close(pieces(draw()), whole(draw()))
    for expected, found in zip(whole.value_and_slope(draw()), pieces.value_and_slope(draw()), strict=True):
        torch.testing.assert_close(found, expected)
    torch.testing.assert_close(pieces.latents(draw()), whole.latents(draw()))


def test_a_candidate_is_judged_as_if_it_were_alone():
    judge, actions = evaluator(LeastDistance()), draw()
    energies = judge(actions)
    for row in range(NUM_PROBLEMS):
        for column in range(NUM):
            problem = judge.problem.select(slice(row, row + 1))
            rollout = judge.world_model.rollout(problem.state, actions[row, column][None])
            torch.testing.assert_close(LeastDistance().energy(rollout, problem).sum(), energies[row, column])


@pytest.mark.parametrize("value", [torch.nan, torch.inf, -torch.inf])
def test_a_future_that_breaks_down_is_the_worst_and_leaves_the_others_alone(value):
    actions = draw()
    broken, sound = evaluator(BreaksDown(value=value))(actions), evaluator()(actions)
    right = actions[:, :, 0, 0] > 0
    assert right.any()
    assert (broken[right] == torch.inf).all()
    torch.testing.assert_close(broken[~right], sound[~right])


def test_the_slope_is_that_of_the_energy():
    actions = draw()
    assert not evaluator()(actions.requires_grad_()).requires_grad
    energies, slope = evaluator().value_and_slope(actions)
    torch.testing.assert_close(energies, evaluator()(actions))
    step = 1e-3
    torch.testing.assert_close(evaluator()(actions + step) - evaluator()(actions - step), 2 * step * slope.sum(dim=(2, 3)), rtol=1e-2, atol=1e-5)


def test_counts_candidates_per_problem():
    judge = evaluator()
    judge(draw())
    judge(draw(2))
    assert judge.num_candidates == NUM + 2


def test_time_is_out_only_where_there_is_a_budget():
    assert not evaluator(budget_ms=1e9).out_of_time(NUM)
    assert evaluator(budget_ms=0.0).out_of_time()
    assert not evaluator(budget_ms=None).out_of_time(NUM)


def test_a_round_that_does_not_fit_is_judged_in_part():
    """Half of the candidates fit; the others count as the worst, and nothing is known of how the energy would fall there."""

    def hurried():
        pace = Pace()
        pace.note_rest(NUM_PROBLEMS, 0.0)
        pace.note_round(8 * NUM_PROBLEMS, 16.0)
        judge = evaluator(budget_ms=10_000.0, pace=pace)
        assert not judge.out_of_time(8)
        return judge

    judge = hurried()
    energies = judge(draw(8))
    assert energies[:, :4].isfinite().all()
    assert (energies[:, 4:] == torch.inf).all()
    judge.record(energies.min(dim=1).values)
    # Between rounds everything is judged.
    assert judge(draw(8)).isfinite().all()
    energies, slope = hurried().value_and_slope(draw(8))
    assert (energies[:, 4:] == torch.inf).all()
    assert (slope[:, 4:] == 0).all()
    assert (slope[:, :4] != 0).any()


@settings(deadline=None, max_examples=50)
@given(energies=st.lists(st.floats(-5, 5, width=32) | st.just(float("inf")), min_size=1, max_size=9), num=st.integers(1, 12))
def test_the_best_come_first(energies, num):
    row = torch.tensor([energies], dtype=torch.float32)
    units = torch.arange(len(energies), dtype=torch.float32)[None, :, None, None].expand(1, -1, 2, 3)
    best, least = take_best(units, row, num)
    assert least.shape == (1, min(num, len(energies)))
    assert least[0].tolist() == sorted(row[0].tolist())[: least.shape[1]]
    torch.testing.assert_close(row[0, best[0, :, 0, 0].long()], least[0])
