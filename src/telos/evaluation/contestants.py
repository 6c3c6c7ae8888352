"""Who plays: the agent, and the floors that give its number a meaning."""

from abc import ABC, abstractmethod

import numpy as np
import torch

from telos.agent.loop import Agent
from telos.agent.tasks import ReachGoal
from telos.core.seeding import numpy_generator
from telos.core.world import AbstractWorld, WorldState
from telos.data.behaviour import HeldRandomActions


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
    """The agent under test: it sees observations, and the goal's observation; never a true state."""

    def __init__(self, agent: Agent, name: str = "agent") -> None:
        self.agent, self.name = agent, name
        self.plan_seconds = 0.0
        self.num_plans = 0
        self.fallback_steps = 0
        self.num_steps = 0

    def begin(self, world: AbstractWorld, starts: WorldState, goals: WorldState) -> None:
        self.world = world
        self.agent.reset()
        self.agent.set_task(ReachGoal(world.observe(goals)))

    def act(self, states: WorldState) -> np.ndarray:
        actions = self.agent.act(self.world.observe(states))
        self.plan_seconds += self.agent.last_cpu_seconds
        self.num_plans += len(actions) if self.agent.last_cpu_seconds else 0
        self.num_steps += len(actions)
        plan = self.agent.last_plan
        if plan is not None and plan.verdict is not None:
            self.fallback_steps += int(plan.verdict.fallback.sum())
        return actions

    def keep(self, rows: np.ndarray) -> None:
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
