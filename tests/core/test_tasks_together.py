"""Tasks add up: with one another, with drives, and with guardrails."""

from dataclasses import dataclass
from dataclasses import replace as changed

import numpy as np
import pytest
import torch

from telos.agent.actor import MPPI
from telos.agent.cost import ActionEffort, ActionSmoothness, LeastDistance
from telos.agent.guardrails import Brake, KeepOut
from telos.agent.loop import Agent, AgentSettings
from telos.agent.tasks import Optimise, Prefer, ReachGoal, ReachValue, StayNearData
from telos.core.errors import ConfigError, UnknownNameError
from telos.core.guarding import Guardrail
from telos.core.regions import Disc
from telos.core.tasks import AbstractTask, Together
from telos.core.types import Problem
from telos.testing import true_knowledge

HERE, THERE = ReachValue("position", (0.2, 0.2), hold=1), ReachValue("velocity", (0.0, 0.0), hold=1)
GOAL = ReachGoal(np.array([0.2, 0.7, 0, 0], np.float32))
BRAKE = Brake(quantity="velocity", gain=5.0, steps=10)
RULE = Guardrail(name="puddle", requirement=KeepOut(quantity="position", region=Disc(center=(0.5, 0.5), radius=0.1)), fallback=BRAKE)


@dataclass(frozen=True)
class Endless(AbstractTask):
    """Has no progress, no end, and a rule of its own."""

    def start(self, knowledge, num_rows):
        return None

    def problem(self, state, progress):
        return Problem(state=state)

    @property
    def guardrails(self):
        return (changed(RULE, name="own"),)


def imagined(knowledge):
    state = knowledge.world_model.observe(None, None, torch.rand(3, 4))
    return state, knowledge.world_model.rollout(state, torch.rand(3, 6, 2))


def test_energies_add_up_with_their_weights_and_each_sees_its_own_goal():
    knowledge = true_knowledge()
    state, rollout = imagined(knowledge)
    other = ReachGoal(np.array([0.9, 0.9, 0, 0], np.float32))
    both = GOAL + 2 * other + HERE
    problem = both.problem(state, both.start(knowledge, 3))
    total = both.cost(LeastDistance(), knowledge).energy(rollout, problem)
    alone = [task.cost(LeastDistance(), knowledge).energy(rollout, task.problem(state, task.start(knowledge, 3))) for task in (GOAL, other, HERE)]
    torch.testing.assert_close(total, alone[0] + 2 * alone[1] + alone[2])


def test_drives_of_task_and_agent_count_once_however_many_tasks_there_are():
    knowledge = true_knowledge()
    state, rollout = imagined(knowledge)
    task = HERE + THERE + 3 * ActionEffort()
    problem = task.problem(state, task.start(knowledge, 3))
    with_drive = task.cost(LeastDistance() + ActionEffort(), knowledge).energy(rollout, problem)
    without = (HERE + THERE).cost(LeastDistance(), knowledge).energy(rollout, problem)
    torch.testing.assert_close(with_drive - without, 4 * ActionEffort().energy(rollout, problem))


def test_guardrails_are_joined_and_no_weight_touches_them():
    names = [rule.name for rule in (0.001 * (GOAL + RULE) + Endless()).guardrails]
    assert names == ["own", "puddle"]
    assert all(rule == RULE for rule in (0 * (GOAL + RULE)).guardrails)


def test_it_reads_the_same_from_both_sides():
    drive = ActionSmoothness()
    assert isinstance(drive + GOAL, Together)
    assert (drive + GOAL).drives == (GOAL + drive).drives
    assert (RULE + HERE).guardrails == (HERE + RULE).guardrails == (RULE,)
    assert (2 * HERE).weights == (HERE * 2).weights == (2,)


def test_it_is_through_when_all_are_and_what_never_ends_is_not_waited_for():
    knowledge = true_knowledge()
    task = HERE + THERE + Optimise("position") + Endless()
    progress = task.start(knowledge, 2)
    state = knowledge.world_model.observe(None, None, torch.tensor([[0.2, 0.2, 0.0, 0.0], [0.2, 0.2, 0.9, 0.9]]))
    assert task.done(task.advance(progress, state)).tolist() == [True, False]
    assert Endless().done(None) is None
    assert (Endless() + Optimise("position")).done((Endless() + Optimise("position")).start(knowledge, 2)) is None


def test_rows_of_its_progress_can_be_kept_and_repeated():
    knowledge = true_knowledge()
    task = GOAL + HERE + Endless()
    progress = task.start(knowledge, 3)
    assert progress.select(torch.tensor([True, False, True])).parts[0].num_rows == 2
    problem = task.problem(knowledge.world_model.observe(None, None, torch.rand(3, 4)), progress).repeat(4)
    assert problem.progress.parts[0].goal.num_rows == 12
    assert problem.progress.parts[1].progress.time.shape == (12,)


def test_what_is_neither_task_nor_cost_nor_guardrail_does_not_add_up():
    with pytest.raises(ConfigError, match="a str do not add up"):
        GOAL + "quickly"
    with pytest.raises(ConfigError, match="a int do not add up"):
        sum([GOAL, HERE])


def test_likings_are_looked_up_when_the_agent_is_there():
    knowledge = changed(true_knowledge(), critics={"calm": ActionSmoothness()})
    with pytest.raises(UnknownNameError, match="did you mean 'calm'"):
        (GOAL + Prefer("clam")).start(knowledge, 1)
    with pytest.raises(ConfigError, match="Nobody has measured"):
        (GOAL + StayNearData()).start(knowledge, 1)
    assert Prefer("calm").cost(LeastDistance(), knowledge) == ActionSmoothness()


def test_an_agent_does_two_things_at_once():
    knowledge = true_knowledge()
    agent = Agent(knowledge, AgentSettings(planner=MPPI(horizon=24, num_candidates=64), cost=LeastDistance()))
    agent.set_task(ReachValue("position", (0.5, 0.5)) + 0.3 * ReachValue("velocity", (0.0, 0.0)))
    world = knowledge.world_model.world
    state = {"position": np.array([[0.3, 0.4]]), "velocity": np.zeros((1, 2))}
    for _ in range(30):
        state = world.advance(state, agent.act(world.observe(state)))
    np.testing.assert_allclose(state["position"], [[0.5, 0.5]], atol=0.05)
    np.testing.assert_allclose(state["velocity"], [[0, 0]], atol=0.1)
