"""Action recovery over many pairs: plan from a frame to one some steps later, and compare with what was done in between."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from telos.agent.cost.distance import squared_distance
from telos.agent.loop import Agent
from telos.core.logs import Windows, map_tree
from telos.core.seeding import numpy_generator
from telos.core.spaces import ActionSpace, DiscreteSpace
from telos.core.types import Problem
from telos.data import AbstractEpisodes
from telos.data.survey.actions import sample_actions
from telos.evaluation.offline.bootstrap import Bootstrap, Estimate
from telos.evaluation.offline.foresight import elsewhere
from telos.evaluation.recovery import plan_between

PAIRS_AT_ONCE = 64
"""Plans that are made in one search: pictures may be large."""
PLANNED, LOGGED, FLOORS = "planned", "logged", ("random", "zero", "mean", "elsewhere")


@dataclass(frozen=True)
class Contestant:
    """How one way of choosing the actions fared, on average over the pairs."""

    error: Estimate
    """Root mean square difference from the logged actions, as a share of their range; for discrete ones, the share that differs."""
    net_error: Estimate
    """The same for the mean of the actions (discrete: for how often each was chosen): several orders may lead to the same place."""
    distance: Estimate
    """Squared latent distance to the goal at the end, as the model imagines it."""

    def to_json(self) -> dict[str, Any]:
        return {name: value.to_json() for name, value in vars(self).items()}


@dataclass(frozen=True)
class ActionRecovery:
    """Pairs of frames that lie `gap` steps apart."""

    gap: int
    num_pairs: int
    num_episodes: int
    contestants: dict[str, Contestant]
    """`planned`, `logged`, and the floors `random`, `zero` (not among discrete actions), `mean` (discrete: the commonest), `elsewhere`."""
    differences: dict[str, Estimate]
    """Net error of the plan less that of each floor, pair by pair; below 0 the plan is nearer to what was done. The interval allows for as many
    looks as there are gaps."""

    @property
    def best_floor(self) -> str:
        return min(self.differences, key=lambda name: self.contestants[name].net_error.value)

    @property
    def share_of_floor(self) -> float:
        """The plan's net error as a share of that of the best floor."""
        return self.contestants[PLANNED].net_error.value / max(self.contestants[self.best_floor].net_error.value, 1e-12)

    def to_json(self) -> dict[str, Any]:
        return {
            "gap": self.gap,
            "pairs": self.num_pairs,
            "episodes": self.num_episodes,
            "contestants": {name: contestant.to_json() for name, contestant in self.contestants.items()},
            "differences": {name: value.to_json() for name, value in self.differences.items()},
            "best_floor": self.best_floor,
            "share_of_floor": self.share_of_floor,
        }


def default_gaps(agent: Agent, logs: AbstractEpisodes) -> tuple[int, ...]:
    """1 step, the planner's horizon, and two in between; none longer than half of the episodes."""
    horizon = min(agent.settings.planner.horizon, int(np.median(logs.lengths)))
    return tuple(sorted({1, max(1, horizon // 4), max(1, horizon // 2), max(1, horizon)}))


def recover_actions(
    agent: Agent,
    training: AbstractEpisodes,
    held_out: AbstractEpisodes,
    gaps: tuple[int, ...],
    *,
    num_pairs: int,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[ActionRecovery]:
    """Every contestant gets the same pairs, drawn evenly from the held-out episodes.

    The agent's planner plans, for as many steps as the pair is apart and with the distance at the end as its cost: an agent in a hurry would take
    other actions than the logs without being wrong.
    """
    results = []
    for number, gap in enumerate(gaps):
        windows = held_out.windows(numpy_generator(agent.seed, "action recovery", gap), num_pairs, gap)
        ways = {**_floors(agent, training, windows, gap), LOGGED: windows.actions}
        planned, distances = [], {name: [] for name in (PLANNED, *ways)}
        for start in range(0, num_pairs, PAIRS_AT_ONCE):
            part = slice(start, start + PAIRS_AT_ONCE)
            actions, found = _plan_and_imagine(agent, windows, {name: way[part] for name, way in ways.items()}, part)
            planned.append(actions)
            for name, values in found.items():
                distances[name].append(values)
            progress(number * num_pairs + min(start + PAIRS_AT_ONCE, num_pairs), len(gaps) * num_pairs)
        ways[PLANNED] = np.concatenate(planned)
        joined = {name: np.concatenate(values) for name, values in distances.items()}
        results.append(_compare(agent, windows, ways, joined, gap, confidence=1 - 0.05 / len(gaps)))
    return results


def _plan_and_imagine(agent: Agent, windows: Windows, ways: dict[str, np.ndarray], part: slice) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Planned actions `[pairs gap action]`, and the imagined distance `[pairs]` at the end of every way."""
    starts, goals = (map_tree(lambda leaf, row=row: leaf[part, row], windows.observations) for row in (0, -1))
    gap = windows.actions.shape[1]
    problem, plan = plan_between(agent, starts, goals, f"action recovery {gap} from {part.start}", arrive_after=gap)
    tensors = {PLANNED: plan.actions, **{name: torch.from_numpy(way).to(agent.device) for name, way in ways.items()}}
    return plan.actions.cpu().numpy(), {name: _distance_left(agent, problem, actions) for name, actions in tensors.items()}


@torch.no_grad()
def _distance_left(agent: Agent, problem: Problem, actions: Tensor) -> np.ndarray:
    return squared_distance(agent.world_model.rollout(problem.state, actions), problem)[:, -1].cpu().numpy()


def _floors(agent: Agent, training: AbstractEpisodes, windows: Windows, gap: int) -> dict[str, np.ndarray]:
    """Actions `[pairs gap action]` that anybody could have named without a model."""
    space, rng = agent.world_model.spaces.action, numpy_generator(agent.seed, "floors of action recovery", gap)
    shape, logged = windows.actions.shape, sample_actions(training)
    others = windows.actions[elsewhere(np.asarray(windows.episodes), rng)]
    if isinstance(space, DiscreteSpace):
        commonest = np.bincount(logged[:, 0].astype(int), minlength=space.num).argmax()
        return {"random": rng.integers(space.num, size=shape), "mean": np.full(shape, commonest, dtype=np.int64), "elsewhere": others}
    low, high = space.bounds
    random = rng.uniform(low, high, shape).astype(np.float32)
    mean, zero = (np.broadcast_to(value.clip(low, high), shape).astype(np.float32) for value in (logged.mean(axis=0), np.zeros(space.size)))
    return {"random": random, "zero": zero, "mean": mean, "elsewhere": others}


def _compare(
    agent: Agent, windows: Windows, ways: dict[str, np.ndarray], distances: dict[str, np.ndarray], gap: int, confidence: float
) -> ActionRecovery:
    space = agent.world_model.spaces.action
    episodes = Bootstrap(np.asarray(windows.episodes), agent.seed)
    careful = replace(episodes, confidence=confidence)
    errors = {name: _errors(space, way, windows.actions) for name, way in ways.items()}
    nets = {name: _net_errors(space, way, windows.actions) for name, way in ways.items()}
    contestants = {
        name: Contestant(episodes.mean(errors[name]), episodes.mean(nets[name]), episodes.mean(distances[name]))
        for name in (PLANNED, LOGGED, *FLOORS)
        if name in ways
    }
    differences = {name: careful.mean(nets[PLANNED] - nets[name]) for name in FLOORS if name in ways}
    return ActionRecovery(gap, len(windows.actions), episodes.num_episodes, contestants, differences)


def _errors(space: ActionSpace, actions: np.ndarray, logged: np.ndarray) -> np.ndarray:
    """`[pairs]`, action by action."""
    if isinstance(space, DiscreteSpace):
        return (actions != logged).mean(axis=(1, 2))
    return np.sqrt(np.square((actions - logged) / _width(space)).mean(axis=(1, 2)))


def _net_errors(space: ActionSpace, actions: np.ndarray, logged: np.ndarray) -> np.ndarray:
    """`[pairs]`, whatever the order."""
    if isinstance(space, DiscreteSpace):
        counts = [np.stack([(part == choice).mean(axis=(1, 2)) for choice in range(space.num)], axis=1) for part in (actions, logged)]
        return np.abs(counts[0] - counts[1]).sum(axis=1) / 2
    return _errors(space, actions.mean(axis=1, keepdims=True), logged.mean(axis=1, keepdims=True))


def _width(space: ActionSpace) -> np.ndarray:
    assert not isinstance(space, DiscreteSpace)
    low, high = space.bounds
    return np.where(high > low, high - low, 1.0)
