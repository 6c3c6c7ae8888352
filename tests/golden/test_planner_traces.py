"""Whole searches, step by step, against a second implementation in plain NumPy on the world itself."""

import numpy as np
import pytest
import torch

from telos.agent.actor import CEM, ICEM, MPPI, make_plan
from telos.core.types import Problem
from telos.envs import PointMass
from telos.testing.true_point_mass import TruePointMass, quadratic_cost

WORLD = PointMass()
EFFORT, HORIZON, NUM, ROUNDS = 0.01, 8, 40, 4
START, GOAL = np.array([0.3, 0.4, 0.1, -0.2]), np.array([0.5, 0.35, 0, 0])


def energies(candidates):
    """Energy of candidates `[num horizon 2]`: squared distances and efforts, over twice the horizon."""
    state = {"position": np.tile(START[:2], (len(candidates), 1)), "velocity": np.tile(START[2:], (len(candidates), 1))}
    total = np.zeros(len(candidates))
    for step in range(HORIZON):
        state = WORLD.advance(state, candidates[:, step])
        total += ((state["position"] - GOAL[:2]) ** 2).sum(axis=1) + EFFORT * (candidates[:, step] ** 2).sum(axis=1)
    return total / (2 * HORIZON)


def colour(white, exponent):
    """Noise `[num horizon size]` from white noise `[num size horizon]`, scaled so that every step has deviation one."""
    spectrum = np.fft.rfft(white, axis=-1)
    frequency = np.maximum(np.fft.rfftfreq(HORIZON), 1 / HORIZON)
    shaped = np.fft.irfft(spectrum * frequency ** (-exponent / 2), n=HORIZON, axis=-1)
    # The deviation that white noise gets from this filter: the length of the filter's impulse response.
    impulse = np.fft.irfft(np.fft.rfft(np.eye(HORIZON)[0]) * frequency ** (-exponent / 2), n=HORIZON)
    return (shaped / np.sqrt((impulse**2).sum())).transpose(0, 2, 1)


def search(planner, refit, nums, num_kept=0, exponent=0.0, seed=5):
    """The least energy after every round, and the best sequence of all."""
    generator = torch.Generator().manual_seed(seed)
    mean, std = np.zeros((HORIZON, 2)), np.full((HORIZON, 2), planner.initial_std)
    best, least, trace, kept = mean, np.inf, [], np.zeros((0, HORIZON, 2))
    for round_, num in enumerate(nums):
        white = torch.randn(1, num, 2, HORIZON, generator=generator)[0].numpy().astype(float)
        drawn = np.clip(mean + std * colour(white, exponent), -1, 1)
        units = np.concatenate([mean[None], kept, drawn])
        found = energies(units)
        if found.min() < least:
            best, least = units[found.argmin()], found.min()
        kept = units[found.argsort()[:num_kept]]
        mean, std = refit(mean, std, units, found)
        std = np.maximum(std, planner.min_std * (1 - (round_ + 1) / len(nums)))
        trace.append(least)
    return trace, (best if least <= energies(mean[None])[0] else mean)


def elites_of(planner):
    def refit(mean, std, units, found):
        elites = units[found.argsort()[: planner.num_elites]]
        keep = planner.momentum
        return (1 - keep) * elites.mean(axis=0) + keep * mean, (1 - keep) * elites.std(axis=0) + keep * std

    return refit


def weights_of(planner):
    def refit(mean, std, units, found):
        weights = np.exp(-(found - found.min()) / (planner.temperature * found.std()))
        weights = (weights / weights.sum())[:, None, None]
        mean = (weights * units).sum(axis=0)
        return mean, np.sqrt((weights * (units - mean) ** 2).sum(axis=0))

    return refit


CASES = {
    "CEM": (CEM(horizon=HORIZON, num_candidates=NUM, num_iterations=ROUNDS, num_elites=8), elites_of, [NUM] * ROUNDS, 0, 0.0),
    "iCEM": (ICEM(horizon=HORIZON, num_candidates=NUM, num_iterations=ROUNDS, num_elites=8, decay=1.25), elites_of, [40, 32, 25, 20], 2, 1.0),
    "MPPI": (MPPI(horizon=HORIZON, num_candidates=NUM, num_iterations=ROUNDS), weights_of, [NUM] * ROUNDS, 0, 1.0),
    "MPPI, white": (MPPI(horizon=HORIZON, num_candidates=NUM, num_iterations=ROUNDS, noise_exponent=0.0), weights_of, [NUM] * ROUNDS, 0, 0.0),
}


@pytest.mark.parametrize(("planner", "refit_of", "nums", "num_kept", "exponent"), CASES.values(), ids=CASES.keys())
def test_every_round_finds_what_plain_numpy_finds(planner, refit_of, nums, num_kept, exponent):
    expected, best = search(planner, refit_of(planner), nums, num_kept, exponent)
    model = TruePointMass()
    start, goal = (model.observe(None, None, torch.from_numpy(place).float()[None]) for place in (START, GOAL))
    generator = torch.Generator().manual_seed(5)
    plan = make_plan(planner, world_model=model, cost=quadratic_cost(EFFORT), problem=Problem(state=start, goal=goal), generator=generator)
    np.testing.assert_allclose([round_.item() for round_ in plan.trace.best], expected, rtol=1e-4)
    np.testing.assert_allclose(plan.actions[0], best, atol=1e-4)
    assert expected[-1] < 0.9 * energies(np.zeros((1, HORIZON, 2)))[0], "a search that finds nothing shows nothing"
