"""The executive: what it decides, why it says it did, and what is not its to decide."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from telos.agent.actor import CEM, MPPI, GradientDescent
from telos.agent.configurator import Configurator
from telos.agent.cost import LeastDistance
from telos.agent.guardrails import Brake, KeepOut
from telos.agent.loop import Agent, AgentSettings
from telos.agent.tasks import Hold, ReachBy, ReachGoal, ReachValue
from telos.core.errors import ConfigError
from telos.core.guarding import Calibration, Guardrail
from telos.core.regions import Disc
from telos.core.tasks import Intent
from telos.testing import true_knowledge

KNOWLEDGE = true_knowledge()
USUAL = Intent(planner=MPPI(horizon=12, num_iterations=3), cost=LeastDistance(), replan_every=6)
PLAIN = Configurator()
TARGET = ReachValue("position", (0.8, 0.2), hold=1)
BRAKE = Brake(quantity="velocity", gain=5.0, steps=10)
RULE = Guardrail(name="puddle", requirement=KeepOut(quantity="position", region=Disc(center=(0.5, 0.5), radius=0.1)), fallback=BRAKE)


def by(deadline: int, effort: float = 0.0) -> ReachBy:
    return ReachBy(TARGET, deadline, effort)


def decide(task, guardrails=(), *, after: int = 0, configurator=PLAIN, usual=USUAL):
    state = KNOWLEDGE.world_model.observe(None, None, torch.tensor([[0.1, 0.1, 0.0, 0.0]]))
    progress = task.start(KNOWLEDGE, 1)
    for _ in range(after + 1):
        progress = task.advance(progress, state)
    return configurator.configure(usual, task, task.problem(state, progress), guardrails, KNOWLEDGE)


@pytest.mark.parametrize("task", [ReachGoal(np.zeros(4, np.float32)), TARGET], ids=["goal", "value"])
def test_what_needs_nothing_special_is_left_as_it_is(task):
    assert decide(task) is USUAL


def test_a_deadline_sets_the_horizon_and_it_says_why():
    intent = decide(by(8))
    assert intent.planner == replace(USUAL.planner, horizon=8)
    assert intent.why == ("horizon 8: the deadline is 8 steps away",)
    nearer = decide(by(8), after=3)
    assert (nearer.planner.horizon, nearer.replan_every) == (5, 5)


def test_it_looks_no_farther_than_the_model_is_good_for_and_no_less_far_than_is_of_use():
    assert decide(by(500)).planner.horizon == 24
    assert decide(by(500), configurator=Configurator(farthest=1.5)).planner.horizon == 18
    late = decide(by(8), after=20)
    assert late.planner.horizon == 4
    assert late.why == ("horizon 4: the deadline has passed; a plan looks no less far ahead",)


def test_least_effort_takes_a_planner_that_comes_to_rest():
    intent = decide(by(12, effort=0.5))
    assert isinstance(intent.planner, CEM)
    assert (intent.planner.horizon, intent.planner.num_candidates) == (12, USUAL.planner.num_candidates)
    assert intent.why == ("planner cem: what is asked takes the best of plans, and a mean of many never quite comes to rest",)
    own = replace(USUAL, planner=GradientDescent(horizon=12))
    assert decide(by(12, effort=0.5), usual=own) is own, "only the one that never rests is exchanged"


def test_staying_for_long_takes_more_rounds_of_search():
    intent = decide(Hold(TARGET, 30))
    assert intent.planner == replace(USUAL.planner, num_iterations=5)
    assert intent.why == ("5 rounds of search: it is to stay where it is, and fewer leave actions rough",)
    assert decide(Hold(TARGET, 5)) is USUAL
    thorough = replace(USUAL, planner=replace(USUAL.planner, num_iterations=8))
    assert decide(Hold(TARGET, 30), usual=thorough) is thorough


def test_it_hears_the_task_that_has_to_look_farthest():
    assert decide(by(6) + by(9) + TARGET).planner.horizon == 9


def test_a_calibrated_guardrail_is_not_planned_around_in_another_way_and_it_says_so():
    calibrated = replace(RULE, calibration=Calibration(alpha=0.01, confidence=0.95, episodes=299, violations=0, closed_loop=True))
    intent = decide(by(8), (calibrated,))
    assert (intent.planner, intent.replan_every) == (USUAL.planner, USUAL.replan_every)
    assert intent.why == ("planner as always: 'puddle' was calibrated for it; without it, horizon 8: the deadline is 8 steps away",)
    assert decide(by(8), (RULE,)).planner.horizon == 8


def test_its_reasons_stand_in_the_trace_and_plans_of_changing_length_follow_on_one_another():
    agent = Agent(
        KNOWLEDGE, AgentSettings(planner=MPPI(horizon=6, num_candidates=8, num_iterations=2), cost=LeastDistance()), configurator=Configurator()
    )
    agent.set_task(by(10))
    frame, horizons = np.array([0.1, 0.1, 0, 0], np.float32), []
    for _ in range(8):
        agent.act(frame)
        horizons.append(agent.last_plan.actions.shape[1])
    assert horizons == [10, 9, 8, 7, 6, 5, 4, 4]
    assert agent.last_plan.trace.why == ("horizon 4: the deadline is 3 steps away; a plan looks no less far ahead",)


def test_settings_that_make_no_sense_are_refused():
    with pytest.raises(ConfigError, match="0 steps ahead"):
        Configurator(shortest=0)
