"""What a calibration is valid for, where levels and critics of time have a say: for those levels and that critic, as they were."""

from dataclasses import replace

import pytest
import torch

from telos.agent.actor import MPPI
from telos.agent.cost import LeastDistance
from telos.agent.guardrails import Calibration, Disc, Guardrail, Hold, KeepOut, differing, tie_of
from telos.agent.loop import Agent, AgentSettings
from telos.core.errors import GuardrailError
from telos.core.top_down import TopDown
from telos.testing.true_levels import levelled_knowledge

PILLAR = Guardrail(name="pillar", requirement=KeepOut(quantity="position", region=Disc(center=(0.5, 0.5), radius=0.1)), fallback=Hold(), alpha=0.1)
FLAT = AgentSettings(planner=MPPI(horizon=6), cost=LeastDistance())
LED = replace(FLAT, levels=2, time_to_go="landmarks")


def tie(settings, knowledge=None):
    return tie_of(knowledge or levelled_knowledge((4, 2)), PILLAR, settings)


def calibrated(settings, knowledge=None):
    found = Calibration(alpha=0.1, confidence=0.95, episodes=60, violations=0, closed_loop=True, tie=tie(settings, knowledge))
    return replace(PILLAR, calibration=found)


def test_ties_of_agents_of_one_level_are_what_they_were():
    assert "levels" not in tie(FLAT) and "time_to_go" not in tie(FLAT) and "top_down" not in tie(FLAT)
    assert tie(FLAT) == tie(replace(FLAT, top_down=TopDown(replan_every=3))), "nobody is led by it"


@pytest.mark.parametrize(
    ("other", "part"),
    [
        (replace(LED, levels=3), "the levels that plan"),
        (replace(LED, levels=1), "the levels that plan"),
        (replace(LED, time_to_go=None), "the critic of time"),
        (replace(LED, top_down=TopDown(replan_every=3)), "how levels plan together"),
    ],
    ids=["more levels", "fewer levels", "no critic", "another clock"],
)
def test_another_way_of_planning_on_levels_is_another_tie(other, part):
    assert part in differing(tie(LED), tie(other))
    with pytest.raises(GuardrailError, match=f"calibrated for something else: .*{part}"):
        Agent(levelled_knowledge((4, 2)), other, guardrails=(calibrated(LED),))
    Agent(levelled_knowledge((4, 2)), LED, guardrails=(calibrated(LED),))


@pytest.mark.parametrize(
    ("alter", "part"),
    [
        (lambda knowledge: knowledge.levels[0].landmarks.latents.mul_(1.1), "the levels that plan"),
        (lambda knowledge: knowledge.levels[0].anchor.add_(1), "the levels that plan"),
        (lambda knowledge: knowledge.times["landmarks"].times.add_(1), "the critic of time"),
        (lambda knowledge: knowledge.times["landmarks"].slack.add_(1), "the critic of time"),
    ],
    ids=["landmarks", "weights", "times", "slack"],
)
def test_levels_and_critics_that_were_taught_anew_are_not_covered(alter, part):
    other = levelled_knowledge((4, 2))
    with torch.no_grad():
        alter(other)
    assert differing(tie(LED), tie(LED, other)) == (part,)


def test_levels_that_do_not_plan_and_critics_that_do_not_count_are_no_part_of_it():
    other = levelled_knowledge((4, 2))
    with torch.no_grad():
        other.levels[1].anchor.add_(1)
    assert tie(LED) == tie(LED, other)
    assert tie(replace(FLAT, time_to_go="landmarks")) == tie(replace(FLAT, time_to_go="landmarks"), other)


def test_settings_that_change_later_are_refused_alike():
    agent = Agent(levelled_knowledge((4, 2)), LED, guardrails=(calibrated(LED),))
    with pytest.raises(GuardrailError, match="the levels that plan"):
        agent.settings = replace(LED, levels=3)


def test_the_fingerprint_of_an_agent_tells_its_levels():
    prints = {Agent(levelled_knowledge((4, 2)), how, guardrails=(PILLAR,)).fingerprint for how in (FLAT, LED, replace(LED, levels=3))}
    assert len(prints) == 3
    assert Agent(levelled_knowledge((4, 2)), LED, guardrails=(PILLAR,)).fingerprint in prints
