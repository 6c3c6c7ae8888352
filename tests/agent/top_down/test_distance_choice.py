"""How many levels plan: decided for each episode from how far its goal is, and said why."""

from dataclasses import replace

import pytest
import torch

from telos.agent.actor import MPPI
from telos.agent.configurator import Configurator
from telos.agent.cost import LeastDistance
from telos.agent.guardrails import Box, Calibration, Guardrail, Hold, KeepOut
from telos.agent.tasks import ReachGoal
from telos.agent.top_down.distance_choice import by_distance, critic_of
from telos.agent.top_down.guarded import StateRules, allowed_knowledge
from telos.core.errors import UnknownNameError
from telos.core.tasks import Intent
from telos.core.top_down import TopDown
from telos.core.types import Problem
from telos.testing import true_knowledge
from telos.testing.true_levels import levelled_knowledge

KNOWLEDGE = levelled_knowledge((4, 2))
"""Steps of 4 and of 8, at 0.05 arena widths each."""
USUAL = Intent(planner=MPPI(horizon=6), cost=LeastDistance(), levels=3, time_to_go="landmarks", top_down=TopDown(planner=MPPI(horizon=2)))
"""Plans of the lowest level look 6 steps ahead, of two levels 8, of three levels 16."""


def problem(*goals: float) -> Problem:
    """From the lower left along the lower edge, so far each."""
    observe = KNOWLEDGE.world_model.observe
    here = torch.zeros(len(goals), 4)
    there = torch.tensor([[goal, 0.0, 0.0, 0.0] for goal in goals])
    return Problem(state=observe(None, None, here), goal=observe(None, None, there))


def test_as_many_levels_plan_as_it_takes_to_overlook_the_way():
    intent = by_distance(USUAL, problem(0.1, 0.35, 0.9), KNOWLEDGE)
    assert intent.depth.tolist() == [1, 2, 3]
    assert intent.why == (
        "levels 1 in 1 of 3 episodes: the goal is 2 steps away, and a plan looks 6 ahead",
        "levels 2 in 1 of 3 episodes: the goal is 7 steps away, and plans of 2 levels look 8 ahead",
    )


def test_what_is_as_usual_is_not_spoken_of():
    assert by_distance(USUAL, problem(0.9, 0.95), KNOWLEDGE) is USUAL
    assert by_distance(replace(USUAL, levels=1, time_to_go=None), problem(0.1), KNOWLEDGE).why == ()
    goalless = replace(problem(0.1), goal=None)
    assert by_distance(USUAL, goalless, KNOWLEDGE) is USUAL


def test_an_episode_is_decided_on_alike_alone_and_in_company():
    goals = torch.linspace(0.02, 1.0, 23).tolist()
    together = by_distance(USUAL, problem(*goals), KNOWLEDGE).depth.tolist()
    assert set(together) == {1, 2, 3}
    for goal, depth in zip(goals, together, strict=True):
        alone = by_distance(USUAL, problem(goal), KNOWLEDGE)
        assert (3 if alone.depth is None else int(alone.depth)) == depth
        assert all(" episodes" not in reason for reason in alone.why)


def test_with_one_level_it_says_where_distance_counts_in_place_of_time():
    intent = by_distance(replace(USUAL, levels=1), problem(0.1, 0.2, 0.9), KNOWLEDGE)
    assert intent.depth is None
    assert intent.why == ("distance in place of time in 2 of 3 episodes: the goal is 2 to 4 steps away, and a plan looks 6 ahead",)


def test_a_critic_that_is_not_named_is_asked_all_the_same():
    assert by_distance(replace(USUAL, time_to_go=None), problem(0.1, 0.35, 0.9), KNOWLEDGE).depth.tolist() == [1, 2, 3]
    with pytest.raises(UnknownNameError, match="critic of time"):
        by_distance(replace(USUAL, time_to_go="expectile"), problem(0.1), KNOWLEDGE)


def test_without_a_critic_levels_say_themselves_how_many_of_their_steps_it_takes():
    blind = levelled_knowledge((4, 2), times=False)
    depth = by_distance(replace(USUAL, time_to_go=None), problem(0.05, 0.95), blind).depth
    assert int(depth[0]) == 1 and int(depth[1]) > 1
    assert critic_of(blind, None) is None and critic_of(true_knowledge(), None) is None


def test_the_way_round_what_is_forbidden_is_what_counts():
    rule = Guardrail(name="wall", requirement=KeepOut(quantity="position", region=Box(low=(0.1, -0.1), high=(0.15, 0.9))), fallback=Hold())
    allowed = allowed_knowledge(KNOWLEDGE, StateRules(guardrails=(rule,), readouts=KNOWLEDGE.readouts))
    assert by_distance(USUAL, problem(0.25), KNOWLEDGE).depth.tolist() == [1]
    assert by_distance(USUAL, problem(0.25), allowed).depth is None, "all three levels plan"


def test_the_usual_configurator_does_it():
    task = ReachGoal(torch.zeros(4).numpy())
    intent = Configurator().configure(USUAL, task, problem(0.1, 0.9), (), KNOWLEDGE)
    assert intent.depth.tolist() == [1, 3] and intent.why[0].startswith("levels 1 in 1 of 2 episodes")


def test_calibrated_guardrails_or_not_it_decides_alike_as_the_calibration_has_seen():
    rule = Guardrail(name="wall", requirement=KeepOut(quantity="position", region=Box(low=(0.1, 0.5), high=(0.15, 0.9))), fallback=Hold())
    found = Calibration(alpha=0.01, confidence=0.95, episodes=300, violations=0, closed_loop=True)
    task, decide = ReachGoal(torch.zeros(4).numpy()), Configurator().configure
    free, tied = (decide(USUAL, task, problem(0.1, 0.9), (rail,), KNOWLEDGE) for rail in (rule, replace(rule, calibration=found)))
    assert free.depth.tolist() == tied.depth.tolist() == [1, 3] and free.why == tied.why
    assert tied.planner == USUAL.planner and tied.levels == USUAL.levels and tied.time_to_go == USUAL.time_to_go
