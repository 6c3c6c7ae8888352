"""What holds for every search: warm starts, budgets, records, rough energies, choices."""

import itertools
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch

from telos.agent.actor import CEM, ICEM, LBFGS, MPPI, Collocation, GradientDescent, Hybrid, RandomShooting, make_plan
from telos.agent.actor.descent import AbstractDescent
from telos.agent.cost import PathDistance
from telos.core.contracts import AbstractCost
from telos.core.spaces import DiscreteSpace
from telos.testing.true_point_mass import TruePointMass, known_problem, quadratic_cost

HORIZON, EFFORT = 8, 0.1
SMALL = {"horizon": HORIZON, "num_candidates": 24, "num_iterations": 2}
SAMPLING = (CEM, ICEM, MPPI, RandomShooting)
ALONG_THE_GRADIENT = (GradientDescent, LBFGS, Hybrid, Collocation)
EVERY = [*SAMPLING, *ALONG_THE_GRADIENT]
each_planner = pytest.mark.parametrize("kind", EVERY, ids=lambda kind: kind.__name__)


@dataclass(frozen=True, kw_only=True)
class RoughGround(AbstractCost):
    """The quadratic cost, where every future with a hard push to the left is no number at all."""

    def energy(self, rollout, problem):
        energy = quadratic_cost(EFFORT).energy(rollout, problem)
        return torch.where((rollout.actions[..., 0] < -0.6).any(dim=1, keepdim=True), torch.nan, energy)


def small(kind):
    """A search that does not end before its last round."""
    if kind is RandomShooting:
        return RandomShooting(**SMALL)
    if issubclass(kind, AbstractDescent):
        sampler = {"sampler": MPPI(**SMALL)} if kind is Hybrid else {}
        rounds = {"num_rounds": 1, "steps_per_round": 3} if kind is Collocation else {}
        steps = {GradientDescent: 4, Collocation: 1}.get(kind, 2)
        return kind(horizon=HORIZON, num_starts=3, num_iterations=steps, tolerance=0.0, **sampler, **rounds)
    return kind(**SMALL, agreement=0.0, **({"num_elites": 6} if issubclass(kind, CEM) else {}))


def rounds_of(planner):
    before = {Hybrid: 2, Collocation: 1}.get(type(planner), 0)
    return before + planner.num_iterations


def plan(planner, *, num=6, cost=None, seed=0, budget_ms=None, warm_start=None, model=None):
    model = model or TruePointMass()
    problem, least = known_problem(model, np.random.default_rng(1), num, horizon=HORIZON, effort_weight=EFFORT)
    made = make_plan(
        planner,
        world_model=model,
        cost=cost or quadratic_cost(EFFORT),
        problem=replace(problem, budget_ms=budget_ms),
        generator=torch.Generator().manual_seed(seed),
        warm_start=warm_start,
    )
    return made, torch.from_numpy(least)


@each_planner
def test_a_warm_start_helps(kind):
    good, _ = plan(CEM(horizon=HORIZON, num_candidates=300, num_iterations=6))
    cold, warm = plan(small(kind))[0].energy, plan(small(kind), warm_start=good)[0].energy
    assert (warm <= good.energy + 1e-6).all()
    assert warm.mean() < cold.mean()


@each_planner
def test_more_time_is_never_wasted(kind):
    energies = [plan(replace(small(kind), num_iterations=rounds), cost=PathDistance())[0].energy.mean().item() for rounds in (1, 8, 100)]
    assert energies == sorted(energies, reverse=True)
    assert energies[2] < energies[0]


@each_planner
def test_stops_when_time_is_up_with_the_best_so_far(kind):
    made, _ = plan(replace(small(kind), num_iterations=1_000_000), budget_ms=200)
    assert made.trace.stopped == "out of time"
    assert made.trace.seconds < 2
    rest, _ = plan(small(kind), budget_ms=0.0)
    assert made.energy.mean() <= rest.energy.mean()


@each_planner
def test_with_no_time_at_all_it_still_has_a_plan(kind):
    made, _ = plan(small(kind), budget_ms=0.0)
    assert made.trace.stopped == "no time: rest"
    assert made.trace.num_candidates == 0 == len(made.trace.best)
    assert torch.equal(made.actions, torch.zeros_like(made.actions))


@each_planner
def test_with_no_time_at_all_it_goes_on_with_the_rest_of_the_plan_before(kind):
    before, _ = plan(small(kind))
    rest = before.shift(2)
    made, _ = plan(small(kind), budget_ms=0.0, warm_start=rest)
    assert made.trace.stopped == "no time: warm start"
    assert torch.equal(made.actions, rest.actions)


@each_planner
def test_records_the_least_energy_of_every_round(kind):
    planner = small(kind)
    made, least = plan(planner)
    assert made.trace.stopped == "finished"
    assert len(made.trace.best) == rounds_of(planner)
    best = torch.stack(made.trace.best)
    assert (best.diff(dim=0) <= 0).all()
    assert (best >= least * (1 - 1e-4)).all()
    assert (made.energy <= best[-1] + 1e-6).all()


@pytest.mark.parametrize("kind", SAMPLING, ids=lambda kind: kind.__name__)
def test_counts_its_candidates(kind):
    planner = small(kind)
    drawn = sum(planner.num_at(iteration) for iteration in range(planner.num_iterations))
    # Beside what is drawn: the mean of every round, what was kept of the one before, and the last two that are compared.
    expected = drawn + planner.num_iterations + planner.num_kept * (planner.num_iterations - 1) + 2
    assert plan(planner)[0].trace.num_candidates == expected


@each_planner
def test_futures_that_are_no_numbers_do_not_poison_the_search(kind):
    planner = kind(horizon=HORIZON) if issubclass(kind, AbstractDescent) else kind(horizon=HORIZON, num_candidates=300, num_iterations=8)
    rough, smooth = plan(planner, cost=RoughGround(), num=12)[0], plan(planner, num=12)[0]
    assert rough.energies.isfinite().all()
    assert (rough.actions[..., 0] >= -0.6).all()
    # Plans that never needed the hard push are found as well as on smooth ground.
    easy = (smooth.actions[..., 0] > -0.4).all(dim=1)
    assert easy.any()
    assert (rough.energy[easy] <= 1.1 * smooth.energy[easy]).all()


def test_random_shooting_finds_the_best_of_all_choices():
    model = TruePointMass(action=DiscreteSpace(4))
    planner = RandomShooting(horizon=3, num_candidates=2000)
    made, _ = plan(planner, model=model, cost=quadratic_cost(0.0))
    problem, _ = known_problem(model, np.random.default_rng(1), 6, horizon=HORIZON, effort_weight=EFFORT)
    every = torch.tensor(list(itertools.product(range(4), repeat=3)))[:, :, None]
    energies = torch.stack(
        [quadratic_cost(0.0).energy(model.rollout(problem.state, path.expand(6, -1, -1)), problem).sum(dim=1) for path in every], dim=1
    )
    torch.testing.assert_close(made.energy, energies.min(dim=1).values)


def test_all_rows_see_the_same_candidates():
    twins = plan(small(CEM), num=1)[0], plan(small(CEM), num=6)[0]
    torch.testing.assert_close(twins[0].actions[0], twins[1].actions[0])
