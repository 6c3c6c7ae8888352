"""The agent that will run plays, the margin is on, and the true state judges."""

import json
from dataclasses import replace

import numpy as np
import pytest

from telos.agent.actor import MPPI
from telos.agent.cost import LeastDistance, RunningMinimum
from telos.agent.guardrails import Box, Brake, Hold, Holds, StayInside, tie_of
from telos.agent.loop import Agent, AgentSettings
from telos.core.errors import ConfigError
from telos.core.guarding import Guardrail
from telos.envs import PointMass
from telos.evaluation import make_protocol
from telos.teaching.calibration import OpenLoopErrors, calibrate, calibrate_on_logs
from telos.testing.true_readouts import true_knowledge

BOX = StayInside(quantity="position", region=Box(low=(0.1, 0.1), high=(0.9, 0.9)))
GUARDRAIL = Guardrail(name="box", requirement=BOX, alpha=0.2, fallback=Brake(quantity="velocity", gain=10.0, steps=10))
SETTINGS = AgentSettings(planner=MPPI(horizon=6, num_candidates=16, num_iterations=1), cost=LeastDistance() + 0.3 * RunningMinimum())
WORLD = PointMass()
STEPS = 40


def make(guardrails, seed):
    return Agent(true_knowledge(), SETTINGS, guardrails=guardrails, seed=seed)


def calibrated(*margins, make=make, episodes=14, seed=100, guardrail=GUARDRAIL, **rest):
    protocol = make_protocol(WORLD, None, episodes=episodes, offset=None, seed=seed, steps=STEPS)
    return calibrate(make, WORLD, protocol, [guardrail], [{guardrail.name: margin} for margin in margins], **rest)


@pytest.fixture(scope="module")
def result():
    return calibrated(0.05, 0.01)


def test_a_margin_that_holds_is_accepted_and_said_to_be_valid_for_this_agent_alone(result):
    (guardrail,) = result.guardrails
    found = guardrail.calibration
    assert result.accepted and guardrail.margin in (0.05, 0.01) and found is not None
    assert (found.alpha, found.confidence, found.episodes, found.violations, found.closed_loop) == (0.2, 0.95, 14, 0, True)
    assert found.tried[-1] == guardrail.margin and "point-mass" in found.source
    assert found.tie == tie_of(make((), 0).knowledge, guardrail, SETTINGS)
    assert make(result.guardrails, 0).guardrails == result.guardrails, "the agent that will run takes it"


def test_what_was_found_is_told(result):
    told = json.loads(json.dumps(result.to_json(), allow_nan=False))
    assert [trial["margins"]["box"] for trial in told["trials"]] == [0.05, 0.01] and told["accepted"]
    assert told["trials"][0]["bounds"]["box"] == pytest.approx(1 - 0.05 ** (1 / 14))


def test_an_agent_that_does_not_keep_it_is_not_certified():
    def careless(guardrails, seed):
        return Agent(true_knowledge(), SETTINGS, seed=seed)

    slow = StayInside(quantity="velocity", region=Box(low=(-0.15, -0.15), high=(0.15, 0.15)))
    found = calibrated(0.01, make=careless, guardrail=replace(GUARDRAIL, requirement=slow))
    assert not found.accepted and found.guardrails[0].calibration is None and found.guardrails[0].margin == 0
    assert [trial.accepted for trial in found.trials] == [False]


def test_each_margin_is_played_on_starts_of_its_own():
    seen = []

    def watching(guardrails, seed):
        seen.append((guardrails[0].margin, seed))
        return make(guardrails, seed)

    calibrated(0.05, 0.02, 0.01, make=watching)
    assert [margin for margin, _ in seen][:3] == [0.05, 0.02, 0.01] and len({seed for _, seed in seen[:3]}) == 3


def test_too_few_episodes_are_refused_before_any_is_played():
    with pytest.raises(ConfigError, match=r"cannot prove alpha = 0\.01") as refused:
        calibrated(0.05, make=None, episodes=200, guardrail=replace(GUARDRAIL, alpha=0.01))
    assert "99 more" in str(refused.value)


def test_a_rule_that_says_yes_or_no_is_tested_without_a_margin():
    rule = Holds(function=in_the_box, reads=("position",))
    found = calibrated(0.0, guardrail=replace(GUARDRAIL, requirement=rule))
    assert found.accepted and found.guardrails[0].margin == 0 and found.guardrails[0].calibration is not None


def test_logs_alone_give_a_margin_that_says_so():
    agent = make((), 0)
    (guardrail,) = calibrate_on_logs([GUARDRAIL], {"box": OpenLoopErrors(np.arange(1, 11) / 100, 11)}, agent, source="logs")
    assert guardrail.margin == pytest.approx(0.09) and guardrail.calibration is not None
    assert not guardrail.calibration.closed_loop and guardrail.calibration.violations == 1
    yes_or_no = replace(GUARDRAIL, requirement=Holds(function=in_the_box, reads=("position",)), fallback=Hold())
    with pytest.raises(ConfigError, match="only says yes or no"):
        calibrate_on_logs([yes_or_no], {}, agent, source="logs")


def test_two_guardrails_of_one_name_are_refused():
    protocol = make_protocol(WORLD, None, episodes=20, offset=None, seed=0)
    with pytest.raises(ConfigError, match="Two guardrails are called 'box'"):
        calibrate(make, WORLD, protocol, [GUARDRAIL, GUARDRAIL], [{"box": 0.1}])


def in_the_box(position):
    return ((position > 0.1) & (position < 0.9)).all(dim=-1)
