"""Searches along the gradient, step by step, against a second implementation in plain NumPy: one start at a time, with a slope from algebra."""

import numpy as np
import pytest
import torch

from telos.agent.actor import LBFGS, MPPI, Collocation, GradientDescent, Hybrid, make_plan
from telos.core.types import Problem
from telos.envs import PointMass
from telos.testing.true_point_mass import TruePointMass, quadratic_cost

DT = PointMass().dt
EFFORT, HORIZON, SIZE = 0.01, 8, 16
START, GOAL = np.array([0.3, 0.4, 0.1, -0.2]), np.array([0.5, 0.35])

STEPS = np.arange(1, HORIZON + 1)
# Away from the walls positions are a line in the pushes: x[t] = x0 + t dt v0 + dt^2 (t - k - 1/2) a[k].
GAIN = DT**2 * np.tril(STEPS[:, None] - np.arange(HORIZON) - 0.5)
FREE = START[:2] + DT * STEPS[:, None] * START[2:]


def energy(push):
    return (((FREE + GAIN @ push - GOAL) ** 2).sum() + EFFORT * (push**2).sum()) / (2 * HORIZON)


def slope(push):
    return (GAIN.T @ (FREE + GAIN @ push - GOAL) + EFFORT * push) / HORIZON


def scatter(num, std, generator):
    """Rest, and sequences of red noise around it."""
    white = torch.randn(1, num - 1, 2, HORIZON, generator=generator)[0].numpy().astype(float)
    return [np.zeros((HORIZON, 2)), *np.clip(std * red(white), -1, 1)]


def red(white):
    frequency = np.maximum(np.fft.rfftfreq(HORIZON), 1 / HORIZON)
    shaped = np.fft.irfft(np.fft.rfft(white, axis=-1) * frequency**-0.5, n=HORIZON, axis=-1)
    impulse = np.fft.irfft(np.fft.rfft(np.eye(HORIZON)[0]) * frequency**-0.5, n=HORIZON)
    return (shaped / np.sqrt((impulse**2).sum())).transpose(0, 2, 1)


class Adam:
    def __init__(self, value):
        self.value, self.mean, self.square, self.time = value, np.zeros_like(value), np.zeros_like(value), 0

    def step(self, direction, rate):
        self.time += 1
        self.mean = 0.9 * self.mean + 0.1 * direction
        self.square = 0.999 * self.square + 0.001 * direction**2
        self.value = self.value - rate * (self.mean / (1 - 0.9**self.time)) / (np.sqrt(self.square / (1 - 0.999**self.time)) + 1e-8)


def by_adam(planner, generator):
    starts, trace, least = [Adam(push) for push in scatter(planner.num_starts, planner.initial_std, generator)], [], np.inf
    for round_ in range(planner.num_iterations):
        least = min(least, *(energy(start.value) for start in starts))
        trace.append(least)
        rate = planner.learning_rate * (0.55 + 0.45 * np.cos(np.pi * round_ / planner.num_iterations))
        for start in starts:
            start.step(slope(start.value), rate)
            start.value = np.clip(start.value, -1, 1)
    return trace


class QuasiNewton:
    """One start of L-BFGS, its history a plain list, newest last."""

    def __init__(self, push):
        self.push, self.pairs, self.reach = push.ravel(), [], 0.5

    @property
    def energy(self):
        return energy(self.push.reshape(HORIZON, 2))

    @property
    def slope(self):
        return slope(self.push.reshape(HORIZON, 2)).ravel()

    def direction(self, downhill):
        if not self.pairs:
            return -self.reach * downhill / np.abs(downhill).max()
        # The inverse of the curvature, built up as a matrix (Nocedal & Wright 2006, equation 7.16), pair by pair.
        step, change = self.pairs[-1]
        inverse = np.eye(SIZE) * (step @ change) / (change @ change)
        for step, change in self.pairs:
            weight = 1 / (step @ change)
            turn = np.eye(SIZE) - weight * np.outer(change, step)
            inverse = turn.T @ inverse @ turn + weight * np.outer(step, step)
        return -inverse @ downhill

    def advance(self, history, num_step_sizes):
        before, there = self.slope, self.push
        free = ~((there >= 1) & (before < 0) | (there <= -1) & (before > 0))
        direction = self.direction(before * free) * free
        tried = [np.clip(there + 0.3**k * direction, -1, 1) for k in range(num_step_sizes)]
        best = min(tried, key=lambda push: energy(push.reshape(HORIZON, 2)))
        assert energy(best.reshape(HORIZON, 2)) < self.energy, "a trace that comes to rest shows nothing"
        self.push = best
        self.pairs = [*self.pairs, (best - there, self.slope - before)][-history:]


def by_lbfgs(planner, starts, least=np.inf):
    starts, trace = [QuasiNewton(push) for push in starts], []
    for _ in range(planner.num_iterations):
        for start in starts:
            start.advance(planner.history, planner.num_step_sizes)
        least = min(least, *(start.energy for start in starts))
        trace.append(least)
    return trace


def by_samples_first(planner, generator):
    sampler, mean, std = planner.sampler, np.zeros((HORIZON, 2)), np.ones((HORIZON, 2))
    best, least, trace = mean, np.inf, []
    for round_ in range(sampler.num_iterations):
        white = torch.randn(1, sampler.num_candidates, 2, HORIZON, generator=generator)[0].numpy().astype(float)
        units = np.concatenate([mean[None], np.clip(mean + std * red(white), -1, 1)])
        found = np.array([energy(push) for push in units])
        if found.min() < least:
            best, least = units[found.argmin()], found.min()
        weights = np.exp(-(found - found.min()) / (sampler.temperature * found.std()))
        weights = (weights / weights.sum())[:, None, None]
        mean = (weights * units).sum(axis=0)
        std = np.maximum(np.sqrt((weights * (units - mean) ** 2).sum(axis=0)), sampler.min_std * (1 - (round_ + 1) / sampler.num_iterations))
        trace.append(least)
    starts = [best, mean, *units[found.argsort()]][: planner.num_starts]
    return trace + by_lbfgs(planner, starts)


def by_supposing(planner, generator):
    """Every position is supposed; the velocity is what the pushes make it."""
    starts, trace, least = scatter(planner.num_starts, planner.initial_std, generator), [], np.inf
    least = min(map(energy, starts))
    pushes, places = [Adam(push) for push in starts], [Adam(FREE + GAIN @ push) for push in starts]
    travel = DT**2 * (np.tril(np.ones((HORIZON, HORIZON))) - 0.5 * np.eye(HORIZON))
    for round_ in range(planner.num_rounds):
        penalty = planner.first_penalty * (planner.last_penalty / planner.first_penalty) ** (round_ / (planner.num_rounds - 1))
        for push, place in [pair for pair in zip(pushes, places, strict=True) for _ in range(planner.steps_per_round)]:
            before = np.concatenate([START[None, :2], place.value[:-1]])
            gap = before + DT * START[2:] + travel @ push.value - place.value
            pull = (place.value - GOAL) / HORIZON + penalty * (np.concatenate([gap[1:], np.zeros((1, 2))]) - gap)
            shove = EFFORT * push.value / HORIZON + penalty * travel.T @ gap
            push.step(shove, planner.action_rate)
            place.step(pull, planner.latent_rate)
            push.value = np.clip(push.value, -1, 1)
        found = [energy(push.value) for push in pushes]
        if min(found) < least:
            least, best = min(found), pushes[int(np.argmin(found))].value
        trace.append(least)
    return trace + by_lbfgs(planner, [best, *(push.value for push in pushes)])


ENDLESS = {"horizon": HORIZON, "tolerance": 0.0, "num_starts": 3}
CASES = {
    "Adam": (GradientDescent(**ENDLESS, num_iterations=12), by_adam),
    "L-BFGS": (
        LBFGS(**ENDLESS, num_iterations=4, history=2),
        lambda planner, generator: by_lbfgs(planner, scatter(3, planner.initial_std, generator)),
    ),
    "hybrid": (Hybrid(**ENDLESS, num_iterations=2, sampler=MPPI(num_candidates=20, num_iterations=2)), by_samples_first),
    "collocation": (Collocation(**ENDLESS, num_iterations=2, num_rounds=3, steps_per_round=5), by_supposing),
}


@pytest.mark.parametrize(("planner", "expected_of"), CASES.values(), ids=CASES.keys())
def test_every_round_finds_what_plain_numpy_finds(planner, expected_of):
    expected = expected_of(planner, torch.Generator().manual_seed(5))
    model = TruePointMass()
    places = (START, np.concatenate([GOAL, np.zeros(2)]))
    start, goal = (model.observe(None, None, torch.from_numpy(place).float()[None]) for place in places)
    generator = torch.Generator().manual_seed(5)
    plan = make_plan(planner, world_model=model, cost=quadratic_cost(EFFORT), problem=Problem(state=start, goal=goal), generator=generator)
    np.testing.assert_allclose([round_.item() for round_ in plan.trace.best], expected, rtol=1e-3)
    assert expected[-1] < 0.9 * energy(np.zeros((HORIZON, 2))), "a search that finds nothing shows nothing"
