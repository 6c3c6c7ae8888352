"""Searches that end early: what has settled stands still, costs nothing, and is found alike alone, in company and in a graph."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch

from telos.agent.actor import CEM, ICEM, LBFGS, MPPI, CategoricalCEM, ExhaustiveSearch, GradientDescent, Hybrid, make_plan
from telos.agent.actor.candidates import CandidateEvaluator
from telos.core.contracts import AbstractCost
from telos.core.errors import ConfigError
from telos.core.spaces import DiscreteSpace
from telos.testing.true_point_mass import TruePointMass, known_problem, quadratic_cost

HORIZON, EFFORT = 8, 0.1
LONG = {"horizon": HORIZON, "num_candidates": 200, "num_iterations": 30}
EARLY = [CEM(**LONG), ICEM(**LONG), MPPI(**LONG), LBFGS(horizon=HORIZON, num_iterations=30), Hybrid(horizon=HORIZON, num_iterations=30)]
each_early = pytest.mark.parametrize("planner", EARLY, ids=lambda planner: type(planner).__name__)


@dataclass(frozen=True, kw_only=True)
class CountsRows(AbstractCost):
    """The quadratic cost; notes how many futures it was asked about."""

    rows: list

    def energy(self, rollout, problem):
        self.rows.append(len(rollout.actions))
        return quadratic_cost(EFFORT).energy(rollout, problem)


def plan(planner, *, rows=slice(None), cost=None, model=None, **options):
    model = model or TruePointMass()
    problem, least = known_problem(model, np.random.default_rng(1), 6, horizon=HORIZON, effort_weight=EFFORT)
    generator = torch.Generator().manual_seed(0)
    cost = cost or quadratic_cost(EFFORT)
    made = make_plan(planner, world_model=model, cost=cost, problem=problem.select(rows), generator=generator, **options)
    return made, torch.from_numpy(least)[rows]


def patient(planner):
    return replace(planner, tolerance=0.0) if isinstance(planner, (LBFGS, Hybrid)) else replace(planner, agreement=0.0)


@each_early
def test_ends_early_says_so_and_loses_next_to_nothing(planner):
    (early, least), (late, _) = plan(planner), plan(patient(planner))
    assert early.trace.stopped == ("no more progress" if isinstance(planner, (LBFGS, Hybrid)) else "elites agree")
    assert late.trace.stopped == "finished"
    assert early.trace.num_candidates < 0.8 * late.trace.num_candidates
    assert (early.energy < 1.05 * least).all()


@each_early
def test_each_problem_ends_at_its_own_time_and_is_left_alone_from_then_on(planner):
    made, _ = plan(planner)
    rounds = []
    for row in range(6):
        alone, _ = plan(planner, rows=slice(row, row + 1))
        torch.testing.assert_close(alone.actions[0], made.actions[row], atol=1e-4, rtol=1e-4)
        rounds.append(len(alone.trace.best))
        least = torch.stack(made.trace.best)[:, row]
        assert (least[rounds[-1] - 1 :] == least[rounds[-1] - 1]).all(), "it went on after it had settled"
    assert len(made.trace.best) == max(rounds)


def test_what_has_settled_costs_nothing_any_more():
    planner = MPPI(horizon=HORIZON, num_candidates=24, num_iterations=40, agreement=0.02)
    together, alone = CountsRows(rows=[]), CountsRows(rows=[])
    plan(planner, cost=together)
    rounds = [len(plan(planner, rows=slice(row, row + 1), cost=alone)[0].trace.best) for row in range(6)]
    assert len(set(rounds)) > 1, "problems that settle together show nothing"
    assert sum(together.rows) == sum(alone.rows)


@pytest.mark.parametrize("planner", [CEM(**LONG, agreement=0.03), MPPI(**LONG), ICEM(**LONG)], ids=lambda planner: type(planner).__name__)
def test_fixed_work_finds_the_same_and_goes_through_all_rounds(planner):
    (free, _), (fixed, _) = plan(planner), plan(planner, fixed_work=True)
    torch.testing.assert_close(fixed.actions, free.actions, atol=1e-4, rtol=1e-4)
    assert len(fixed.trace.best) == planner.num_iterations > len(free.trace.best)


@pytest.mark.parametrize("fixed_work", [False, True])
def test_choices_end_early_too(fixed_work):
    planner = CategoricalCEM(horizon=4, num_candidates=400, num_iterations=30, agreement=0.2)
    model = TruePointMass(action=DiscreteSpace(4))
    early = plan(planner, model=model, cost=quadratic_cost(0.0), fixed_work=fixed_work)[0]
    late = plan(replace(planner, agreement=0.0), model=model, cost=quadratic_cost(0.0))[0]
    torch.testing.assert_close(early.energy, late.energy)
    assert fixed_work or early.trace.stopped == "elites agree"
    assert (len(early.trace.best) == 30) == fixed_work


def test_a_wide_round_that_finds_nothing_better_is_no_agreement():
    """The goal is where the mass rests: at first every sample is worse than rest, which takes all the weight."""
    model = TruePointMass()
    place = torch.tensor([[0.5, 0.5, 0.02, 0.0]])
    problem, _ = known_problem(model, np.random.default_rng(1), 1, horizon=HORIZON, effort_weight=EFFORT)
    state = model.observe(None, None, place)
    problem = replace(problem, state=state, goal=model.observe(None, None, place))
    generator = torch.Generator().manual_seed(0)
    made = make_plan(MPPI(**LONG), world_model=model, cost=quadratic_cost(0.0), problem=problem, generator=generator)
    rest = quadratic_cost(0.0).energy(model.rollout(state, torch.zeros_like(made.actions)), problem).sum()
    assert made.energy[0] < 0.2 * rest


class Asked(CandidateEvaluator):
    """Notes for how many rows time was asked for, and how many were judged then."""

    def __init__(self, **parts):
        super().__init__(**parts)
        self.asked, self.judged = [], []

    def out_of_time(self, num_candidates=0):
        self.asked.append(self.num_problems * num_candidates)
        self.judged.append(0)
        return super().out_of_time(num_candidates)

    def _count(self, actions):
        self.judged[-1] += actions.shape[0] * actions.shape[1]


CHOICES = [CategoricalCEM(horizon=4, num_iterations=20, agreement=0.2), *(ExhaustiveSearch(horizon=6, depth=depth) for depth in (3, 6))]


@pytest.mark.parametrize("planner", [*EARLY, GradientDescent(horizon=HORIZON), *CHOICES], ids=lambda planner: type(planner).__name__)
def test_time_is_asked_for_what_a_round_then_judges_of_the_problems_that_are_left(planner):
    discrete = planner in CHOICES
    model = TruePointMass(action=DiscreteSpace(4)) if discrete else TruePointMass()
    problem, _ = known_problem(model, np.random.default_rng(1), 6, horizon=HORIZON, effort_weight=EFFORT)
    cost = quadratic_cost(0.0 if discrete else EFFORT)
    judge = Asked(world_model=model, cost=cost, problem=problem, action_space=model.spaces.action)
    planner.search(judge, None, torch.Generator().manual_seed(0))
    assert judge.asked == judge.judged
    assert not isinstance(planner, CEM) or min(judge.asked) < max(judge.asked), "problems that settle together show nothing"


def test_samples_that_agreed_are_not_why_a_hybrid_search_ends():
    sampler = MPPI(num_candidates=200, num_iterations=60, agreement=0.1)
    made, _ = plan(Hybrid(horizon=HORIZON, sampler=sampler, num_iterations=2, tolerance=0.0))
    assert len(made.trace.best) < 60
    assert made.trace.stopped == "finished"


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: CEM(agreement=1.0), "agreement"),
        (lambda: MPPI(agreement=-0.1), "agreement"),
        (lambda: CategoricalCEM(agreement=1.0), "agreement"),
        (lambda: GradientDescent(tolerance=-1e-3), "tolerance"),
        (lambda: LBFGS(tolerance=1.0), "tolerance"),
    ],
)
def test_a_setting_out_of_range_is_refused_by_name(make, says):
    with pytest.raises(ConfigError, match=says):
        make()
