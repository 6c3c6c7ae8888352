"""Who drives, and how it goes: everybody on the same roads, many side by side."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import gymnasium
import numpy as np
import torch

from benchmarks.highway.road import IDLE, STEPS, TOP_SPEED, advice, forward_speed
from telos.agent.loop import Agent
from telos.core.tasks import AbstractTask
from telos.envs import foreign
from telos.evaluation.intervals import Rate

AT_ONCE = 50
"""Roads side by side."""


class AbstractDriver(ABC):
    """Chooses for a batch of cars."""

    name: str

    def begin(self, roads: Sequence[gymnasium.Env]) -> None:  # noqa: B027 - most have nothing to prepare
        """New roads."""

    @abstractmethod
    def choose(self, roads: Sequence[gymnasium.Env], seen: np.ndarray) -> np.ndarray:
        """Choices `[cars]`; an agent makes use of what is `seen [cars 25]` alone."""

    def keep(self, rows: np.ndarray) -> None:  # noqa: B027 - and nothing to remember
        """Goes on with the cars `[cars]` that are True."""


class Dice(AbstractDriver):
    """Anything at random."""

    name = "random"

    def __init__(self, seed: int = 0) -> None:
        self.rng = np.random.default_rng(seed)

    def choose(self, roads: Sequence[gymnasium.Env], seen: np.ndarray) -> np.ndarray:
        return self.rng.integers(5, size=len(roads))


class Asleep(AbstractDriver):
    """Goes on as it is, always."""

    name = "idle"

    def choose(self, roads: Sequence[gymnasium.Env], seen: np.ndarray) -> np.ndarray:
        return np.full(len(roads), IDLE)


class Advised(AbstractDriver):
    """The environment's own driver, by the five choices; it sees the whole road, cars behind too, and knows what others want."""

    name = "its driver, by choices"

    def choose(self, roads: Sequence[gymnasium.Env], seen: np.ndarray) -> np.ndarray:
        return np.array([advice(road.unwrapped) for road in roads])


class Resident(Asleep):
    """The environment's own driver in the car itself: it brakes and steers as it likes, which the five choices do not allow."""

    name = "its driver"

    def begin(self, roads: Sequence[gymnasium.Env]) -> None:
        from highway_env.vehicle.behavior import IDMVehicle

        for road in roads:
            inner: Any = road.unwrapped
            driver = IDMVehicle.create_from(inner.vehicle)
            driver.target_speed = TOP_SPEED
            inner.road.vehicles[inner.road.vehicles.index(inner.vehicle)] = driver
            inner.controlled_vehicles = [driver]


class Planner(AbstractDriver):
    """An agent: it sees the table, and plans."""

    def __init__(self, name: str, agent: Agent, task: AbstractTask) -> None:
        self.name, self.agent, self.task = name, agent, task

    def begin(self, roads: Sequence[gymnasium.Env]) -> None:
        self.agent.reset()
        self.agent.set_task(self.task)

    def choose(self, roads: Sequence[gymnasium.Env], seen: np.ndarray) -> np.ndarray:
        return self.agent.act(seen)[:, 0]

    def keep(self, rows: np.ndarray) -> None:
        self.agent.keep(torch.from_numpy(rows))


@dataclass(frozen=True)
class Trips:
    """How one driver fared, road by road."""

    crashed: tuple[bool, ...]
    speed: tuple[float, ...]
    """Mean of each trip, metres a second, until its end or its crash."""
    steps: tuple[int, ...]

    @property
    def crashes(self) -> Rate:
        return Rate(sum(self.crashed), len(self.crashed))

    @property
    def mean_speed(self) -> float:
        """Over all seconds driven."""
        return float(np.average(self.speed, weights=self.steps))

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def drive(driver: AbstractDriver, seeds: Sequence[int], tell: Callable[[int], None] = lambda done: None) -> Trips:
    """All roads of these seeds, each to its end or to a crash."""
    parts = []
    for first in range(0, len(seeds), AT_ONCE):
        parts.append(_together(driver, seeds[first : first + AT_ONCE]))
        tell(min(first + AT_ONCE, len(seeds)))
    return Trips(*(sum((getattr(part, name) for part in parts), ()) for name in ("crashed", "speed", "steps")))


def _together(driver: AbstractDriver, seeds: Sequence[int]) -> Trips:
    roads = [foreign.make("gym:highway-fast-v0") for _ in seeds]
    seen = np.stack([road.reset(seed=int(seed))[0].reshape(-1) for road, seed in zip(roads, seeds, strict=True)])
    driver.begin(roads)
    crashed, distance, steps = np.zeros(len(seeds), bool), np.zeros(len(seeds)), np.zeros(len(seeds), int)
    alive = np.arange(len(seeds))
    for _ in range(STEPS):
        choices = driver.choose([roads[row] for row in alive], seen)
        stays = np.ones(len(alive), bool)
        for place, row in enumerate(alive):
            table, _, over, out_of_time, _ = roads[row].step(int(choices[place]))
            seen[place] = table.reshape(-1)
            distance[row] += forward_speed(roads[row].unwrapped)
            steps[row] += 1
            crashed[row] = roads[row].unwrapped.vehicle.crashed
            stays[place] = not (over or out_of_time)
        alive, seen = alive[stays], seen[stays]
        if not len(alive):
            break
        if not stays.all():
            driver.keep(stays)
    for road in roads:
        road.close()
    return Trips(tuple(crashed.tolist()), tuple((distance / steps).tolist()), tuple(steps.tolist()))
