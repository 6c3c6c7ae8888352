"""Who plays a task: the agent, and somebody who sees the true state and walks from target to target."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from telos.agent.loop import Agent
from telos.core.tasks import AbstractTask
from telos.core.world import AbstractWorld, WorldState
from telos.evaluation.contestants import AbstractContestant, AgentContestant
from telos.evaluation.quantities import WINDING
from telos.evaluation.tasks.judge import TaskJudge
from telos.evaluation.trace import Watcher


class TaskContestant(AgentContestant):
    """The agent, told what to do in its own words; it never sees a true state."""

    def __init__(self, agent: Agent, task: AbstractTask, name: str = "agent", *, watch: Watcher | None = None) -> None:
        super().__init__(agent, name, watch=watch)
        self.own_task = task
        self.why: dict[str, None] = {}

    def task(self, goals: WorldState) -> AbstractTask:
        return self.own_task

    def act(self, states: WorldState) -> np.ndarray:
        actions = super().act(states)
        plan = self.agent.last_plan
        assert plan is not None
        # Who acted comes last, and is another sentence at every step; the conduct counts it.
        self.why |= dict.fromkeys(plan.trace.why if plan.choice is None else plan.trace.why[:-1])
        return actions

    @property
    def fallback_share(self) -> float:
        """Share of the steps in which no plan was safe."""
        return self.conduct.fallback_steps / max(1, self.conduct.steps)


class ScriptedTaskContestant(AbstractContestant):
    """The world's own expert, sent to wherever the task says is next; it sees the true state.

    Args:
        judge: follows the episodes from their starts, to know what is next.
    """

    name = "scripted"

    def __init__(self, judge: Callable[[WorldState], TaskJudge]) -> None:
        self.judged = judge

    def begin(self, world: AbstractWorld, starts: WorldState, goals: WorldState) -> None:
        self.world, self.judge = world, self.judged(starts)
        self.first = True

    def act(self, states: WorldState) -> np.ndarray:
        if not self.first:
            self.judge.step(states)
        self.first = False
        waypoint = self.judge.waypoint
        assert waypoint is not None, "who cannot be sent anywhere is not asked"
        return self.world.expert(states, send(states, waypoint))

    def keep(self, rows: np.ndarray) -> None:
        self.judge.keep(rows)


def send(states: WorldState, waypoint: Mapping[str, Any]) -> WorldState:
    """Goal states that are like `states` but for what the waypoint says."""
    parts = {name: np.asarray(value, states[name].dtype).reshape(states[name].shape) for name, value in waypoint.items() if name in states}
    return {**states, **parts}


def can_be_scripted(world: AbstractWorld, judge: TaskJudge, starts: WorldState) -> bool:
    """Whether there is an expert here, and parts of the world's state to send it to."""
    waypoint = judge.waypoint
    if not world.has_expert or waypoint is None:
        return False
    # Of an angle people give cosine and sine, which is not how the world keeps it.
    return all(name in starts and value.size == starts[name].size and world.units.get(name) != WINDING for name, value in waypoint.items())
