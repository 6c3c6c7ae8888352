"""Samples first, then the gradient."""

from dataclasses import dataclass

import numpy as np
import torch

from telos.agent.actor import CEM, LBFGS, MPPI, Hybrid, RandomShooting, make_plan
from telos.core.contracts import AbstractCost
from telos.testing.planners import optimality
from telos.testing.true_point_mass import TruePointMass, known_problem

HORIZON = 6


@dataclass(frozen=True, kw_only=True)
class Ripples(AbstractCost):
    """A wide bowl whose bottom is at 0.83 for every number, under ripples that each have a bottom of their own."""

    def energy(self, rollout, problem):
        away = rollout.actions - 0.83
        return (away.square() + 0.15 * (1 - (12 * torch.pi * away).cos())).sum(dim=-1)


def plan(planner, cost, seed=0):
    model = TruePointMass()
    problem, _ = known_problem(model, np.random.default_rng(0), 6, horizon=planner.horizon, effort_weight=0.2)
    return make_plan(planner, world_model=model, cost=cost, problem=problem, generator=torch.Generator().manual_seed(seed))


def test_reaches_the_optimum_from_very_few_samples():
    few = MPPI(horizon=10, num_candidates=32, num_iterations=2)
    sampled, finished = (optimality(planner, effort_weight=0.1, num=24, seeds=(0, 1)) for planner in (few, Hybrid(horizon=10, sampler=few)))
    assert finished.max() < 1.01
    assert sampled.mean() > 1.05, "samples that need no gradient show nothing"


def test_finds_deeper_than_samples_alone_and_than_the_gradient_alone():
    samples = MPPI(horizon=2, num_candidates=64, num_iterations=2)
    both = sum(plan(Hybrid(horizon=2, sampler=samples), Ripples(), seed).energy.mean() for seed in range(5))
    alone = sum(plan(samples, Ripples(), seed).energy.mean() for seed in range(5))
    gradient = sum(plan(LBFGS(horizon=2, num_starts=1), Ripples(), seed).energy.mean() for seed in range(5))
    assert both < 0.8 * alone and both < 0.8 * gradient


def test_samples_as_far_ahead_as_it_looks_itself():
    for sampler in (MPPI(horizon=3, num_candidates=16), CEM(horizon=20, num_candidates=16, num_elites=4), RandomShooting(num_candidates=16)):
        assert plan(Hybrid(horizon=HORIZON, sampler=sampler, num_iterations=2), Ripples()).actions.shape == (6, HORIZON, 2)


def test_never_returns_worse_than_its_samples_found():
    made = plan(Hybrid(horizon=HORIZON), Ripples())
    best = torch.stack(made.trace.best)
    assert (best.diff(dim=0) <= 0).all()
    assert (made.energy <= best[-1] + 1e-5).all()
