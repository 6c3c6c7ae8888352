"""What an agent does about surprises: it plans anew, or falls back until things are as expected again."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from telos.agent.actor import MPPI
from telos.agent.cost import PathDistance
from telos.agent.guardrails import Brake, Disc, Guardrail, KeepOut
from telos.agent.loop import Agent, AgentSettings
from telos.agent.surprise import SurpriseConfig
from telos.agent.tasks import ReachGoal
from telos.core.errors import ConfigError
from telos.envs import PointMass
from telos.testing import true_knowledge

LEVEL = 0.05
SETTINGS = AgentSettings(planner=MPPI(horizon=8, num_candidates=24), cost=PathDistance(), replan_every=4, surprise_level=LEVEL)
BRAKE = Brake(quantity="velocity", gain=10.0, steps=4)
PILLAR = Guardrail(name="pillar", requirement=KeepOut(quantity="position", region=Disc(center=(0.5, 0.95), radius=0.05)), fallback=BRAKE)
WORLD = PointMass()


def knowledge():
    """A model that is always right, and a sense of surprise that knows errors of rounding only."""
    sense = SurpriseConfig(latent_size=2, horizons=(1, 2), num_ranks=64).build().eval()
    sense.whitening.div_(1e-4)
    return replace(true_knowledge(), surprise=sense)


def make(settings=SETTINGS, *, guardrails=(), known=None):
    agent = Agent(known or knowledge(), settings, guardrails=guardrails)
    agent.set_task(ReachGoal(np.array([0.8, 0.5, 0.0, 0.0], np.float32)))
    return agent


def live(agent, num=1, steps=12, blows=()):
    """How often each step was planned for, and all actions; a blow moves the first of the points aside before that step is seen."""
    state = {"position": np.full((num, 2), 0.3), "velocity": np.zeros((num, 2))}
    planned, actions, p_values = [], [], []
    for time in range(steps):
        if time in blows:
            state["position"][0, 1] += 0.03
        actions.append(agent.act(WORLD.observe(state)))
        planned.append(agent.num_planned)
        p_values.append(agent.surprise.clone())
        state = WORLD.advance(state, actions[-1])
    return planned, np.stack(actions), torch.stack(p_values)


def test_nothing_is_planned_between_intervals_while_all_is_as_expected():
    planned, _, p_values = live(make())
    assert planned == [1, 0, 0, 0] * 3
    assert (p_values > LEVEL).all()


def test_a_surprise_asks_for_a_new_plan_at_once():
    planned, _, p_values = live(make(), blows=[6])
    assert p_values[6] < LEVEL
    assert planned[:7] == [1, 0, 0, 0, 1, 0, 1]


def test_who_is_not_surprised_carries_on_as_if_alone():
    planned, actions, _ = live(make(), num=3, blows=[5])
    _, alone, _ = live(make(), num=3)
    assert planned[:6] == [3, 0, 0, 0, 3, 1]
    np.testing.assert_allclose(actions[5, 1:], alone[5, 1:])
    assert not np.allclose(actions[5, 0], alone[5, 0])


def test_nobody_is_startled_at_level_zero():
    agent = make(replace(SETTINGS, surprise_level=0.0))
    planned, _, p_values = live(agent, blows=[6])
    assert planned == [1, 0, 0, 0] * 3
    assert p_values[6] < LEVEL


def test_with_guardrails_a_surprise_can_call_the_fallback_until_things_are_as_expected_again():
    settings = replace(SETTINGS, when_surprised="fall back")
    agent = make(settings, guardrails=(PILLAR,))
    seen = []
    state = {"position": np.array([[0.3, 0.3], [0.3, 0.3]]), "velocity": np.zeros((2, 2))}
    for time in range(12):
        if time == 5:
            state["position"][0, 1] += 0.03
        action = agent.act(WORLD.observe(state))
        plan, startled = agent.last_plan, agent.surprise < LEVEL
        seen.append((startled.tolist(), plan.verdict.fallback.tolist()))
        if startled[0]:
            # The brake pushes against the motion, with all that its gain gives.
            np.testing.assert_allclose(action[0], np.clip(-10 * state["velocity"][0], -1, 1), atol=1e-4)
        state = WORLD.advance(state, action)
    assert seen[5] == ([True, False], [True, False])
    assert all(fallback == startled for startled, fallback in seen)
    assert not any(startled[0] for startled, _ in seen[8:])


@pytest.mark.parametrize(
    ("settings", "guardrails", "known", "message"),
    [
        (SETTINGS, (), true_knowledge(), "what is usual"),
        (replace(SETTINGS, when_surprised="fall back"), (), None, "has no guardrails"),
        (replace(SETTINGS, when_surprised="fall back", surprise_level=0.0), (PILLAR,), None, "nothing surprises it"),
    ],
    ids=["nobody measured", "no guardrails", "level zero"],
)
def test_settings_that_cannot_be_kept_are_refused_when_the_agent_is_built_and_later(settings, guardrails, known, message):
    with pytest.raises(ConfigError, match=message):
        make(settings, guardrails=guardrails, known=known)
    agent = make(replace(SETTINGS, surprise_level=0.0), guardrails=guardrails, known=known)
    with pytest.raises(ConfigError, match=message):
        agent.settings = settings
