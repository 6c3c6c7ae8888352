"""Searches over choices, step by step, against a second implementation in plain NumPy on the world itself."""

import itertools

import numpy as np
import pytest
import torch

from telos.agent.actor import CategoricalCEM, ExhaustiveSearch, RandomShooting, make_plan
from telos.core.spaces import DiscreteSpace
from telos.core.types import Problem
from telos.envs import PointMass
from telos.testing.true_point_mass import TruePointMass, quadratic_cost

WORLD, HORIZON, NUM_CHOICES = PointMass(), 6, 5
START, GOAL = np.array([0.3, 0.4, 0.1, -0.2]), np.array([0.45, 0.25])
PUSHES = np.array([[0, 0], [1, 0], [0, 1], [-1, 0], [0, -1]])


def energies(paths):
    """Energy of paths of choices `[num horizon]`: squared distances over twice the horizon."""
    state = {"position": np.tile(START[:2], (len(paths), 1)), "velocity": np.tile(START[2:], (len(paths), 1))}
    total = np.zeros(len(paths))
    for choice in np.transpose(paths):
        state = WORLD.advance(state, PUSHES[choice])
        total += ((state["position"] - GOAL) ** 2).sum(axis=1)
    return total / (2 * HORIZON)


def uniform(generator, *shape):
    return torch.rand(*shape, generator=generator).numpy().astype(float)


def by_odds(planner, generator):
    odds, trace = np.full((HORIZON, NUM_CHOICES), 1 / NUM_CHOICES), []
    kept = np.tile(np.arange(NUM_CHOICES)[:, None], (1, HORIZON))
    for _ in range(planner.num_iterations):
        hold = 1 + (planner.max_hold - 1) * uniform(generator, planner.num_candidates, 1)
        fresh, numbers = uniform(generator, planner.num_candidates, HORIZON) * hold < 1, uniform(generator, planner.num_candidates, HORIZON)
        for row, column in itertools.product(range(planner.num_candidates), range(1, HORIZON)):
            if not fresh[row, column]:
                numbers[row, column] = numbers[row, column - 1]
        drawn = np.array([[np.searchsorted(odds[time].cumsum()[:-1], row[time], side="right") for time in range(HORIZON)] for row in numbers])
        judged = np.concatenate([kept, drawn])
        elites = judged[energies(judged).argsort(kind="stable")][: planner.num_elites]
        shares = (elites[:, :, None] == np.arange(NUM_CHOICES)).mean(axis=0)
        odds = (1 - planner.momentum) * shares + planner.momentum * odds
        kept = elites[:1]
        trace.append(energies(kept)[0])
    return trace


def by_chance(planner, generator):
    trace, least = [], energies(np.full((1, HORIZON), NUM_CHOICES // 2))[0]
    for _ in range(planner.num_iterations):
        drawn = np.floor(uniform(generator, 1, planner.num_candidates, HORIZON, 1)[0, :, :, 0] * NUM_CHOICES).astype(int)
        least = min(least, energies(drawn).min())
        trace.append(least)
    return trace


def by_trying_all(planner, generator):
    return [min(energies(np.array(list(itertools.product(range(NUM_CHOICES), repeat=HORIZON)))))]


CASES = {
    "categorical CEM": (CategoricalCEM(horizon=HORIZON, num_candidates=40, num_iterations=4, agreement=0.0), by_odds),
    "random shooting": (RandomShooting(horizon=HORIZON, num_candidates=30, num_iterations=4), by_chance),
    "exhaustive": (ExhaustiveSearch(horizon=HORIZON, depth=HORIZON), by_trying_all),
}


@pytest.mark.parametrize(("planner", "expected_of"), CASES.values(), ids=CASES.keys())
def test_every_round_finds_what_plain_numpy_finds(planner, expected_of):
    expected = expected_of(planner, torch.Generator().manual_seed(5))
    model = TruePointMass(action=DiscreteSpace(NUM_CHOICES))
    places = (START, np.concatenate([GOAL, np.zeros(2)]))
    start, goal = (model.observe(None, None, torch.from_numpy(place).float()[None]) for place in places)
    generator = torch.Generator().manual_seed(5)
    plan = make_plan(planner, world_model=model, cost=quadratic_cost(0.0), problem=Problem(state=start, goal=goal), generator=generator)
    found = [round_.item() for round_ in plan.trace.best]
    np.testing.assert_allclose(found[-len(expected) :], expected, rtol=1e-4)
    assert expected[-1] < 0.9 * energies(np.zeros((1, HORIZON), int))[0], "a search that finds nothing shows nothing"
