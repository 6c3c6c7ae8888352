"""Plays episodes of an evaluation once more, and keeps what was seen, what was planned and what was imagined."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from telos.agent.aims import aims_of
from telos.agent.loop import Agent
from telos.agent.moments import Moments
from telos.core.types import Aim
from telos.core.world import AbstractWorld, WorldState
from telos.data import AbstractEpisodes
from telos.evaluation.closed_loop import expert_steps, play
from telos.evaluation.contestants import AgentContestant
from telos.evaluation.guarded import requirements_of
from telos.evaluation.guarded_pairs import draw_guarded_pairs
from telos.evaluation.protocols import Pairs, Protocol, draw_pairs, join_rows, select_rows
from telos.evaluation.success import make_success


@dataclass(frozen=True)
class RecordedPlan:
    """What the agent had in mind when it made a plan."""

    time: int
    """Step at which it was made."""
    latents: Tensor
    """`[horizon latent]`: what was imagined for steps `time + 1`, `time + 2`, ..."""
    energy: float
    aim: Aim | None = None
    """What it served: one row; None: there is one level."""


@dataclass(frozen=True)
class Episode:
    """One attempt of the agent, from start to goal."""

    states: WorldState
    """`[time+1 ...]`, the first and the last among them; for evaluation and pictures only."""
    goal: WorldState
    """`[1 ...]`"""
    actions: np.ndarray
    """`[time action]`"""
    plans: tuple[RecordedPlan, ...]
    reached: bool
    moments: tuple[Mapping[str, Any], ...] = ()
    """What the agent felt at each step, as `Moments.to_json` tells."""

    @property
    def num_steps(self) -> int:
        return len(self.actions)

    def plan_for(self, time: int, lag: int) -> RecordedPlan:
        """The latest plan that was made `lag` steps or more before step `time`; at the beginning, the first plan."""
        return next((plan for plan in reversed(self.plans) if plan.time <= time - lag), self.plans[0])

    @property
    def goes_for(self) -> tuple[Tensor | None, ...]:
        """For each state but the last the belief `[belief]` of the subgoal that was gone for there; None: the goal itself."""
        return tuple(lowest_subgoal(self.plan_for(time, 0).aim) for time in range(self.num_steps))


class RecordingContestant(AgentContestant):
    """The agent, with somebody who writes down what it plans; `saw` writes down what comes of it."""

    def __init__(self, agent: Agent) -> None:
        super().__init__(agent, watch=self.felt)
        self.records: list[_Record] = []

    def begin(self, world: AbstractWorld, starts: WorldState, goals: WorldState) -> None:
        super().begin(world, starts, goals)
        self.records = [_Record([select_rows(starts, slice(row, row + 1))]) for row in self.alive]

    def felt(self, episodes: Sequence[int], moments: Moments) -> None:
        """What the agent has in mind, now that it has decided what to do."""
        plan = self.agent.last_plan
        assert plan is not None
        for row, number in enumerate(episodes):
            record = self.records[number]
            record.moments.append(moments.to_json(row))
            if moments.decided:
                record.plans.append(RecordedPlan(len(record.actions), plan.imagined[row].clone(), float(plan.energy[row]), _row(plan.aim, row)))

    def saw(self, episodes: np.ndarray, actions: np.ndarray, states: WorldState) -> None:
        """What the actions of these episodes led to."""
        for row, number in enumerate(episodes):
            self.records[number].actions.append(actions[row])
            self.records[number].states.append(select_rows(states, slice(row, row + 1)))


@dataclass
class _Record:
    states: list[WorldState]
    actions: list[np.ndarray] = field(default_factory=list)
    plans: list[RecordedPlan] = field(default_factory=list)
    moments: list[Mapping[str, Any]] = field(default_factory=list)


def play_first(
    agent: Agent, world: AbstractWorld, protocol: Protocol, num: int, logs: AbstractEpisodes | None, *, conflicts: bool = False
) -> tuple[list[Episode], str]:
    """The first `num` episodes of a protocol, not chosen by how they went, and where their starts and goals come from.

    They are those that the evaluation ran, if it had the same held-out `logs` to cut them from, and the agent the same guardrails.

    Args:
        conflicts: whether the evaluation ran only those in which the usual way breaks a guardrail.
    """
    success = make_success(world, protocol, agent.world_model, logs)
    if agent.guardrails:
        requirements = requirements_of(agent.guardrails).values()
        pairs = draw_guarded_pairs(world, protocol, requirements, logs, success.reached, conflicts=conflicts)
    else:
        pairs = draw_pairs(world, protocol, partial(expert_steps, world, protocol, reached=success.reached), logs, success.reached)
    first = slice(0, min(num, len(pairs)))
    pairs = Pairs(select_rows(pairs.starts, first), select_rows(pairs.goals, first), pairs.limits[first], pairs.source)
    contestant = RecordingContestant(agent)
    outcome = play(world, pairs, contestant, protocol, reached=success.reached, record=contestant.saw)
    episodes = [
        Episode(
            states=join_rows(record.states),
            goal=select_rows(pairs.goals, slice(row, row + 1)),
            actions=np.stack(record.actions),
            plans=tuple(record.plans),
            reached=bool(outcome.success[row]),
            moments=tuple(record.moments),
        )
        for row, record in enumerate(contestant.records)
    ]
    return episodes, pairs.source


def lowest_subgoal(aim: Aim | None) -> Tensor | None:
    """The belief of what is gone for by the lowest level `[belief]`: of the first level above it that helps; None: the task's own goal."""
    serving = next((one for one in aims_of(aim) if one.helps[0]), None)
    return None if serving is None else serving.subgoals[0, serving.step[0]]


def _row(aim: Aim | None, row: int) -> Aim | None:
    # By a list, which copies: a view would keep what was planned for all the others.
    return None if aim is None else aim.select(torch.tensor([row]))


@torch.no_grad()
def imagined_before(episode: Episode, lag: int) -> Tensor:
    """What had been imagined `lag` steps earlier for steps 1, 2, ... `[time latent]`; for the first ones, at the start."""
    plans = [(time, episode.plan_for(time, lag)) for time in range(1, episode.num_steps + 1)]
    return torch.stack([plan.latents[time - plan.time - 1] for time, plan in plans])


def lag_of(agent: Agent) -> int:
    """Steps to look back: far enough to mean something, and near enough to lie within every plan."""
    settings = agent.settings
    return max(1, min(5, settings.planner.horizon - settings.replan_every + 1))
