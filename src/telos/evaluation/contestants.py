"""Who plays: the agent, and the floors that give its number a meaning."""

from abc import ABC, abstractmethod

import numpy as np
import torch

from telos.agent.loop import Agent
from telos.agent.moments import moments_of
from telos.agent.tasks import ReachGoal
from telos.core.seeding import numpy_generator
from telos.core.tasks import AbstractTask
from telos.core.world import AbstractWorld, WorldState
from telos.data.behaviour import HeldRandomActions
from telos.evaluation.conduct import Conduct
from telos.evaluation.trace import Watcher


class AbstractContestant(ABC):
    """Acts in a batch of episodes side by side."""

    name: str

    @abstractmethod
    def begin(self, world: AbstractWorld, starts: WorldState, goals: WorldState) -> None:
        """New episodes; what a contestant may look at of the goals is its own honour."""

    @abstractmethod
    def act(self, states: WorldState) -> np.ndarray:
        """Actions `[batch action]`."""

    @abstractmethod
    def keep(self, rows: np.ndarray) -> None:
        """Goes on with the rows `[batch]` that are True; the others are through."""


class AgentContestant(AbstractContestant):
    """The agent under test: it sees observations, and the goal's observation; never a true state.

    Args:
        watch: told what the agent expects and notices at every step.
    """

    def __init__(self, agent: Agent, name: str = "agent", *, watch: Watcher | None = None) -> None:
        self.agent, self.name = agent, name
        self.watch = watch
        self.plan_seconds = 0.0
        self.conduct = Conduct()

    @property
    def seconds_per_plan(self) -> float:
        """CPU time of one plan, whether it was searched for or the policy's."""
        return self.plan_seconds / max(self.conduct.decisions, 1)

    def begin(self, world: AbstractWorld, starts: WorldState, goals: WorldState) -> None:
        self.alive = list(range(len(next(iter(starts.values())))))
        self.world = world
        self.agent.reset()
        self.agent.set_task(self.task(goals))

    def task(self, goals: WorldState) -> AbstractTask:
        """What the agent is told to do."""
        return ReachGoal(self.world.observe(goals))

    def act(self, states: WorldState) -> np.ndarray:
        actions = self.agent.act(self.world.observe(states))
        self.plan_seconds += self.agent.last_cpu_seconds
        moments = moments_of(self.agent)
        assert moments is not None, "the agent has just acted"
        self.conduct.saw(moments)
        if self.watch is not None:
            self.watch(self.alive, moments)
        return actions

    def keep(self, rows: np.ndarray) -> None:
        self.alive = [number for number, stays in zip(self.alive, rows, strict=True) if stays]
        self.agent.keep(torch.from_numpy(rows))


class RandomContestant(AbstractContestant):
    """Wanders as the logs do."""

    name = "random"

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def begin(self, world: AbstractWorld, starts: WorldState, goals: WorldState) -> None:
        self.num = len(next(iter(starts.values())))
        self.alive = np.arange(self.num)
        self.started = np.ones(self.num, dtype=bool)
        self.behaviour = HeldRandomActions().start(world.spaces.action, self.num, numpy_generator(self.seed, "random contestant"))

    def act(self, states: WorldState) -> np.ndarray:
        # Drawn for all rows, also for those that are through, so that nobody's luck hangs on how the others fare.
        actions = self.behaviour({}, {}, self.started)
        self.started = np.zeros(self.num, dtype=bool)
        return actions[self.alive]

    def keep(self, rows: np.ndarray) -> None:
        self.alive = self.alive[rows]


class ZeroContestant(AbstractContestant):
    """Does nothing."""

    name = "zero"

    def begin(self, world: AbstractWorld, starts: WorldState, goals: WorldState) -> None:
        self.world = world

    def act(self, states: WorldState) -> np.ndarray:
        actions = self.world.idle(states)
        assert actions is not None, "who has no zero action is not asked"
        return actions

    def keep(self, rows: np.ndarray) -> None:
        pass


class ScriptedContestant(AbstractContestant):
    """The world's own expert; it sees the true state, and shows what can be reached at all."""

    name = "scripted"

    def begin(self, world: AbstractWorld, starts: WorldState, goals: WorldState) -> None:
        self.world, self.goals = world, goals

    def act(self, states: WorldState) -> np.ndarray:
        return self.world.expert(states, self.goals)

    def keep(self, rows: np.ndarray) -> None:
        self.goals = {name: value[rows] for name, value in self.goals.items()}


def floors_of(world: AbstractWorld, starts: WorldState, seed: int) -> list[AbstractContestant]:
    """Those who can play here: nobody does nothing among mere choices, and not every world has an expert."""
    floors: list[AbstractContestant] = [RandomContestant(seed)]
    if world.has_expert:
        floors.append(ScriptedContestant())
    if world.idle(starts) is not None:
        floors.append(ZeroContestant())
    return floors
