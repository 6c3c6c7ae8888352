"""A critic of time in the loop: it counts in every mode, for planners by gradient too, and whoever judges energies judges by it."""

from dataclasses import dataclass, field, replace

import numpy as np
import pytest
import torch

from telos.agent.actor import MPPI, GradientDescent
from telos.agent.cost import LeastDistance, RunningMinimum
from telos.agent.cost.time_to_go import TimeToGo
from telos.agent.loop import Agent, AgentSettings
from telos.agent.tasks import ReachGoal
from telos.core.acting import AbstractArbiter, AbstractPolicy
from telos.core.contracts import WeightedSum
from telos.core.errors import UnknownNameError
from telos.core.levels import AbstractTimeToGo
from telos.core.types import Choice
from telos.envs import PointMass
from telos.testing import true_knowledge

WORLD = PointMass()
STARTS = np.array([[0.1, 0.2, 0, 0], [0.15, 0.8, 0, 0]], np.float32)
GOALS = np.array([[0.9, 0.2, 0, 0], [0.85, 0.8, 0, 0]], np.float32)


class AsTheCrowFlies(AbstractTimeToGo):
    """50 steps across the arena: smooth, as a network is."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("slack", torch.tensor(1.0))

    def forward(self, here, there):
        return 50 * ((here - there).square().sum(dim=-1) + 1e-8).sqrt()


class Pushes(AbstractPolicy):
    """Towards the goal."""

    def knows(self, problem):
        return problem.goal is not None

    def act(self, problem, generator=None, num=1):
        return (4 * (problem.goal.latent - problem.state.latent) - 2 * problem.state.belief[:, 2:]).clamp(-1, 1)


@dataclass(frozen=True)
class Every(AbstractArbiter):
    """Lets the first episode react and plans for the second; remembers what it was asked."""

    seen: list = field(default_factory=list)

    def decide(self, prospect):
        self.seen.append(prospect)
        planned = torch.arange(prospect.problem.num_rows) % 2 == 1
        return Choice(planned=planned, reason=planned.long(), reasons=("fine", "not fine"))


def agent(planner, mode="plan", arbiter=None):
    known = replace(true_knowledge(), times={"crow": AsTheCrowFlies()}, policy=Pushes(), arbiter=arbiter)
    cost = LeastDistance() + 0.5 * RunningMinimum()
    made = Agent(known, AgentSettings(planner=planner, cost=cost, mode=mode, time_to_go="crow", replan_every=2))
    made.set_task(ReachGoal(GOALS))
    return made


def nearest(made, steps: int = 40) -> np.ndarray:
    state = {"position": STARTS[:, :2].astype(float), "velocity": STARTS[:, 2:].astype(float)}
    least = np.full(len(STARTS), np.inf)
    for _ in range(steps):
        state = WORLD.advance(state, made.act(WORLD.observe(state)))
        least = np.minimum(least, np.linalg.norm(state["position"] - GOALS[:, :2], axis=1))
    return least


@pytest.mark.parametrize(
    "planner",
    [MPPI(horizon=8, num_candidates=32, num_iterations=2), GradientDescent(horizon=8, num_starts=2, num_iterations=8)],
    ids=["sampling", "gradient"],
)
def test_goals_beyond_the_plan_are_reached_by_time(planner):
    assert nearest(agent(planner)).max() < 0.06


def test_in_mode_auto_policy_and_plans_share_the_work_and_the_arbiter_judges_time():
    arbiter = Every()
    made = agent(MPPI(horizon=8, num_candidates=32, num_iterations=2), "auto", arbiter)
    assert nearest(made).max() < 0.06
    prospect = arbiter.seen[0]
    assert isinstance(prospect.cost, WeightedSum | TimeToGo)
    far = prospect.cost.energy(*imagined(made, prospect))
    assert float(far.sum(dim=1).min()) > 2
    assert made.last_plan.choice.planned.tolist() == [False, True]


def imagined(made, prospect):
    return made.world_model.rollout(prospect.problem.state, prospect.reaction.actions), prospect.problem


def test_a_critic_that_nobody_taught_is_refused_with_the_names_of_those_that_are_there():
    made = agent(MPPI(horizon=8, num_candidates=8, num_iterations=1))
    with pytest.raises(UnknownNameError, match="crow"):
        made.settings = replace(made.settings, time_to_go="owl")
