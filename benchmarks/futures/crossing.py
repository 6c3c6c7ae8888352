"""Crossing the bridge in the wind, or going round: agents of several kinds on the same starts, with the same luck."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float

from benchmarks.futures.learn import WORLD
from telos import ReachGoal
from telos.agent.actor import MPPI, CVaR, Mean, Quantile, Worst
from telos.agent.cost import LeastDistance, RunningMinimum
from telos.agent.loop import Agent, AgentSettings
from telos.agent.tasks import Avoid
from telos.core.contracts import AbstractRisk
from telos.core.readouts import Knowledge
from telos.core.regions import Box, Union
from telos.core.world import WorldState
from telos.evaluation.intervals import Rate, paired_difference
from telos.recipes.experiment import load_agent

BATCH = 20
"""Episodes side by side; each batch draws futures of its own."""
HURRY, FALL = 4.0, 14.0
"""Weights of the time that it takes, beside where it ends, and of a fall: on the mean the bridge is worth its falls, in the worst tenth it is not."""
MARGIN = 0.08
"""How near to a pit, in arena widths, costs some of a fall: models are off by half of that when they look around a corner."""
(LEFT, RIGHT), (UPPER, LOWER) = WORLD.chasm, WORLD.bridge
PITS = Union(regions=(Box(low=(LEFT, WORLD.lane), high=(RIGHT, UPPER)), Box(low=(LEFT, LOWER), high=(RIGHT, None))))
PLANNER = MPPI(horizon=10, num_candidates=256, num_iterations=2, noise_exponent=4.0, initial_std=2.0)
"""Far enough for the way round, and slow, strong noise, which finds it."""
REPLAN = 2
"""Steps from plan to plan: the nearer a corner is, the better the model knows it, and each plan is another chance to find the way round."""
RISKS: dict[str, AbstractRisk | None] = {
    "likeliest": None,
    "mean": Mean(num_futures=12),
    "quantile": Quantile(level=0.2, num_futures=12),
    "cvar": CVaR(level=0.1, num_futures=12),
    "worst": Worst(num_futures=12),
}
Act = Callable[[WorldState, WorldState], np.ndarray]
"""From states and goals to actions; with fewer rows than before where episodes have come to their end."""


@dataclass(frozen=True)
class Crossings:
    """How it went, an entry for each episode."""

    name: str
    arrived: Bool[np.ndarray, " episodes"]
    fallen: Bool[np.ndarray, " episodes"]
    steps: Float[np.ndarray, " episodes"]
    """Until it arrived; NaN where it did not."""
    paths: Float[np.ndarray, "episodes time 2"]
    seconds: float

    def to_json(self, other: "Crossings | None" = None) -> dict:
        """Shares with their intervals; against another's in the same episodes."""
        parts = {
            "name": self.name,
            "arrived": str(Rate(int(self.arrived.sum()), len(self.arrived))),
            "fallen": str(Rate(int(self.fallen.sum()), len(self.fallen))),
            "steps": float(np.nanmean(self.steps)) if self.arrived.any() else None,
            "seconds_per_episode": self.seconds / len(self.arrived),
        }
        if other is not None:
            parts["arrived_more"] = [100 * part for part in paired_difference(self.arrived, other.arrived)]
            parts["fallen_less"] = [100 * part for part in paired_difference(other.fallen, self.fallen)]
            parts["fallen_ratio"] = float(other.fallen.sum() / max(1, self.fallen.sum()))
        return parts


class Crosser:
    """The agent of a run, for a batch of episodes."""

    def __init__(self, knowledge: Knowledge, risk: AbstractRisk | None, goals: WorldState, seed: int) -> None:
        cost = LeastDistance() + HURRY * RunningMinimum()
        self.agent = Agent(knowledge, AgentSettings(planner=PLANNER, cost=cost, replan_every=REPLAN, risk=risk), seed=seed)
        self.agent.set_task(ReachGoal(WORLD.observe(goals)) + FALL * Avoid("position", PITS, MARGIN))

    def __call__(self, state: WorldState, goals: WorldState) -> np.ndarray:
        return self.agent.act(WORLD.observe(state))

    def keep(self, rows: np.ndarray) -> None:
        """Goes on with some episodes."""
        self.agent.keep(torch.from_numpy(rows))


def of_agent(run: Path, risk: AbstractRisk | None) -> Callable[[WorldState, int], Act]:
    """What makes the agent of a run begin some episodes."""
    knowledge = load_agent(run).knowledge
    return lambda goals, seed: Crosser(knowledge, risk, goals, seed)


def straight(state: WorldState, goals: WorldState) -> np.ndarray:
    """Over the middle of the bridge, come what may: a floor."""
    (x, _), goal = state["position"].T, goals["position"]
    there = ((x > WORLD.chasm[1]) & (goal[:, 0] > 0.5)) | ((x < WORLD.chasm[0]) & (goal[:, 0] < 0.5))
    before = np.abs(x - 0.5) > 0.25
    near_end = np.where(x < 0.5, WORLD.chasm[0], WORLD.chasm[1])
    far_end = np.where(goal[:, 0] > 0.5, WORLD.chasm[1] + 0.05, WORLD.chasm[0] - 0.05)
    target = np.stack([np.where(before, near_end, far_end), np.full(len(x), sum(WORLD.bridge) / 2)], axis=1)
    way = np.where(there[:, None], goal, target) - state["position"]
    return way * np.minimum(1, WORLD.max_step / np.maximum(np.linalg.norm(way, axis=1), 1e-9))[:, None]


class Dice:
    """Any step."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)

    def __call__(self, state: WorldState, goals: WorldState) -> np.ndarray:
        return self.rng.uniform(-WORLD.max_step, WORLD.max_step, (len(state["luck"]), 2))


FLOORS: dict[str, Callable[[WorldState, int], Act]] = {
    "straight": lambda goals, seed: straight,
    "scripted": lambda goals, seed: WORLD.expert,
    "random": lambda goals, seed: Dice(seed),
    "zero": lambda goals, seed: lambda state, there: np.zeros((len(state["luck"]), 2)),
}


def cross(name: str, begin: Callable[[WorldState, int], Act], *, episodes: int, seed: int) -> Crossings:
    """Plays the episodes of a seed: the same starts, goals and luck for everybody."""
    starts, goals = WORLD.sample_pairs(np.random.default_rng(seed), episodes, "across")
    parts, begun = [], time.perf_counter()
    for first in range(0, episodes, BATCH):
        rows = slice(first, first + BATCH)
        some, there = ({key: part[rows] for key, part in state.items()} for state in (starts, goals))
        parts.append(_play(begin(there, seed + first), some, there))
        print(f"{name}, seed {seed}: {sum(len(part[0]) for part in parts)} of {episodes}, {sum(part[1].sum() for part in parts)} fallen", flush=True)
    arrived, fallen, steps, paths = (np.concatenate(part) for part in zip(*parts, strict=True))
    return Crossings(name, arrived, fallen, steps, paths, time.perf_counter() - begun)


def _play(act: Act, state: WorldState, goals: WorldState) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Until everybody has arrived, or lies in a pit, or time is up; what has come to its end stays as it is."""
    num, time_allowed = len(state["luck"]), WORLD.rules.steps
    assert time_allowed is not None
    arrived, fallen, steps = np.zeros(num, bool), np.zeros(num, bool), np.full(num, np.nan)
    path, rows = [state["position"]], np.arange(num)
    for step in range(time_allowed):
        now, there = ({key: part[rows] for key, part in each.items()} for each in (state, goals))
        after = WORLD.advance(now, act(now, there)) if len(rows) else now
        state = {key: _put(part, rows, after[key]) for key, part in state.items()}
        path.append(state["position"])
        arrived[rows], fallen[rows] = WORLD.distance(after, there) < WORLD.rules.radius, WORLD.fallen(after)
        steps[rows] = np.where(arrived[rows], step + 1, np.nan)
        going = ~(arrived | fallen)[rows]
        if isinstance(act, Crosser) and not going.all() and going.any():
            act.keep(going)
        rows = rows[going]
    return arrived, fallen, steps, np.stack(path, axis=1)


def _put(whole: np.ndarray, rows: np.ndarray, part: np.ndarray) -> np.ndarray:
    changed = whole.copy()
    changed[rows] = part
    return changed
