"""Judging a task by what was true: the same machine that leads the agent, on numbers that the agent never sees."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch

from telos.agent.tasks import AbstractQuantityTask, ReachGoal
from telos.agent.tasks.quantity import Reading
from telos.core.errors import ConfigError
from telos.core.tasks import AbstractTask, Together
from telos.core.world import AbstractWorld, WorldState
from telos.evaluation.guarded import true_quantities
from telos.evaluation.tasks.shown import Reached


class AbstractPart(ABC):
    """One thing that was asked, and how far a batch of episodes has come."""

    time_limit: int | None = None
    """Steps after which it is decided anyway."""

    @abstractmethod
    def step(self, states: WorldState) -> np.ndarray:
        """Where the actions have led; answers who is through `[batch]`."""

    @abstractmethod
    def waypoint(self) -> Mapping[str, np.ndarray] | None:
        """Where it would go next, by quantity of the true state; None where it cannot say."""

    @abstractmethod
    def keep(self, rows: np.ndarray) -> None:
        """Goes on with some rows only."""


class QuantityPart(AbstractPart):
    """A task about quantities, by their true numbers."""

    def __init__(self, world: AbstractWorld, task: AbstractQuantityTask, starts: WorldState) -> None:
        self.world, self.task, self.time_limit = world, task, task.time_limit
        numbers = true_quantities(world, starts, task.quantities)
        readings = {name: Reading(size=value.shape[1]) for name, value in numbers.items()}
        begun = task.begin(readings, len(next(iter(starts.values()))), torch.zeros(1, dtype=torch.float64))
        self.progress: Any = task.step(begun, numbers)

    def step(self, states: WorldState) -> np.ndarray:
        self.progress = self.task.step(self.progress, true_quantities(self.world, states, self.task.quantities))
        return self.task.fulfilled(self.progress).numpy()

    def waypoint(self) -> Mapping[str, np.ndarray] | None:
        point = self.task.waypoint(self.progress)
        return None if point is None else {name: value.numpy() for name, value in point.items()}

    def keep(self, rows: np.ndarray) -> None:
        self.progress = self.progress.select(torch.from_numpy(rows))


class ShownPart(AbstractPart):
    """A goal that was shown, by the world's rules of staying there; once through, always through."""

    def __init__(self, world: AbstractWorld, reached: Reached, goal: WorldState | None, num: int) -> None:
        self.reached, self.goal, self.hold = reached, goal, world.rules.hold
        self.inside_for, self.through = np.zeros(num, dtype=int), np.zeros(num, dtype=bool)

    def step(self, states: WorldState) -> np.ndarray:
        self.inside_for = np.where(self.reached(states), self.inside_for + 1, 0)
        self.through = self.through | (self.inside_for >= self.hold)
        return self.through

    def waypoint(self) -> Mapping[str, np.ndarray] | None:
        return None if self.goal is None else {name: np.repeat(value, len(self.through), axis=0) for name, value in self.goal.items()}

    def keep(self, rows: np.ndarray) -> None:
        self.inside_for, self.through = self.inside_for[rows], self.through[rows]


class TaskJudge:
    """Follows a batch of episodes, and says who has done everything that was asked.

    Args:
        shown: what tells that a goal which is shown is reached, and its true state where that is known.

    Raises:
        ConfigError: nothing in the task has an end that the true state could show.
        UnknownNameError: the world's true state has no such quantity.
    """

    def __init__(
        self,
        world: AbstractWorld,
        task: AbstractTask,
        starts: WorldState,
        shown: Callable[[ReachGoal], tuple[Reached, WorldState | None]] | None = None,
    ) -> None:
        self.parts: list[AbstractPart] = []
        for part in task.tasks if isinstance(task, Together) else (task,):
            if isinstance(part, AbstractQuantityTask):
                self.parts.append(QuantityPart(world, part, starts))
            elif isinstance(part, ReachGoal) and shown is not None:
                self.parts.append(ShownPart(world, *shown(part), len(next(iter(starts.values())))))
        if not self.parts:
            kind = type(task).__name__
            raise ConfigError(f"A {kind} cannot be judged by the true state.", expected="a task about its quantities, such as ReachValue")

    def step(self, states: WorldState) -> np.ndarray:
        """Where the actions have led; answers who is through `[batch]`."""
        return np.all([part.step(states) for part in self.parts], axis=0)

    @property
    def time_limit(self) -> int | None:
        """Steps after which all is decided; None: it never is."""
        limits = [part.time_limit for part in self.parts]
        return None if None in limits else max(limit for limit in limits if limit is not None)

    @property
    def waypoint(self) -> Mapping[str, np.ndarray] | None:
        """Where to go next, by quantity; None where nobody can say."""
        points = [part.waypoint() for part in self.parts]
        return None if any(point is None for point in points) else {name: value for point in points for name, value in (point or {}).items()}

    def keep(self, rows: np.ndarray) -> None:
        """Goes on with some rows only."""
        for part in self.parts:
            part.keep(rows)
