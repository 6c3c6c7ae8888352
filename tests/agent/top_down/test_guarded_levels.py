"""Guardrails above the lowest level: nobody aims at what only a violation leads to."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from telos.agent.actor import MPPI
from telos.agent.cost import LeastDistance
from telos.agent.guardrails import Apart, Box, Disc, Guardrail, Hold, Holds, KeepOut, Limit, NotBefore, StayInside
from telos.agent.loop import Agent, AgentSettings
from telos.agent.tasks import ReachGoal
from telos.agent.top_down.guarded import StateRules, allowed_knowledge, guarding_time, reachable
from telos.core.errors import GuardrailError
from telos.core.readouts import Knowledge
from telos.core.top_down import TopDown
from telos.envs.point_mass import PointMass
from telos.testing import check_time_to_go
from telos.testing.true_levels import SLOW_TO_TELL, levelled_knowledge, places

WALL = Box(low=(0.3, -0.1), high=(0.7, 0.8))
"""The short way from left to right leads through it; the way round is over the top."""
MOAT = Box(low=(0.4, -0.1), high=(0.6, 1.1))
"""No way leads round it."""
KNOWLEDGE = levelled_knowledge()
PLANNED = AgentSettings(
    planner=MPPI(horizon=6, num_candidates=48, num_iterations=3), cost=LeastDistance(), replan_every=2, levels=2, time_to_go="landmarks"
)
START, GOAL = (0.1, 0.1), (0.9, 0.1)


def keep_out(region, margin: float = 0.02, name: str = "wall") -> Guardrail:
    return Guardrail(name=name, requirement=KeepOut(quantity="position", region=region), fallback=Hold(), margin=margin)


def rules(*guardrails: Guardrail, knowledge: Knowledge = KNOWLEDGE) -> StateRules:
    return StateRules(guardrails=guardrails, readouts=knowledge.readouts)


def at(*position: float) -> torch.Tensor:
    return torch.tensor([[*position]])


def believed(*position: float) -> torch.Tensor:
    return torch.tensor([[*position, 0.0, 0.0]])


def agent(*guardrails: Guardrail, how: AgentSettings = PLANNED, knowledge: Knowledge | None = None, **more) -> Agent:
    return Agent(knowledge or levelled_knowledge(), how, guardrails=guardrails, **more)


def drive(acting: Agent, starts, goals, *, steps: int = 80, world: PointMass = SLOW_TO_TELL):
    """Positions `[time batch 2]` and plans, one for each step."""
    state = {"position": np.array(starts, np.float64), "velocity": np.zeros((len(starts), 2))}
    there = {"position": np.array(goals, np.float64), "velocity": np.zeros((len(goals), 2))}
    acting.set_task(ReachGoal(world.observe(there).astype(np.float32)))
    acting.reset()
    way, plans = [state["position"]], []
    for _ in range(steps):
        state = world.advance(state, acting.act(world.observe(state).astype(np.float32)))
        way.append(state["position"])
        plans.append(acting.last_plan)
    return np.stack(way), plans


def depth_inside(region, positions) -> float:
    """The farthest that anybody came inside."""
    return float(-region.distance(torch.as_tensor(positions)).min())


def test_states_that_break_a_guardrail_are_no_landmarks_margin_included():
    allowed = allowed_knowledge(KNOWLEDGE, rules(keep_out(WALL, margin=0.02)))
    (level,), (own,) = allowed.levels, KNOWLEDGE.levels
    far = WALL.distance(level.landmarks.beliefs[:, :2])
    assert far.min() >= 0.02
    assert len(level.landmarks) == int((WALL.distance(own.landmarks.beliefs[:, :2]) >= 0.02).sum()) < len(own.landmarks)
    assert torch.equal(level.landmarks.latents, level.landmarks.beliefs[:, :2])


def test_time_is_that_of_the_way_round():
    free, round_it = KNOWLEDGE.times["landmarks"], guarding_time(allowed_knowledge(KNOWLEDGE, rules(keep_out(WALL))))
    straight, long_way = float(free(at(*START), at(*GOAL))), float(round_it(at(*START), at(*GOAL)))
    assert straight == pytest.approx(16, abs=0.5)
    assert long_way > 2 * straight
    assert float(round_it(at(0.1, 0.1), at(0.2, 0.5))) == pytest.approx(float(free(at(0.1, 0.1), at(0.2, 0.5))), abs=1)
    assert reachable(round_it, at(*START), believed(*GOAL)).all()


def test_what_only_a_violation_leads_to_is_told_and_is_farther_than_all_else():
    time = guarding_time(allowed_knowledge(KNOWLEDGE, rules(keep_out(MOAT))))
    assert not reachable(time, at(*START), believed(*GOAL)).any()
    near_side = time(at(*START).expand(200, 2), torch.rand(200, 2) * torch.tensor([0.38, 1.0])).max()
    assert float(time(at(*START), at(*GOAL))) > near_side, "farther than all that can be reached"
    assert time(at(0.35, 0.1), at(*GOAL)) < time(at(0.05, 0.1), at(*GOAL)), "and there is a slope towards it"


@pytest.mark.parametrize("region", [WALL, MOAT], ids=["wall", "moat"])
def test_a_critic_of_what_is_allowed_keeps_what_critics_promise(region):
    check_time_to_go(guarding_time(allowed_knowledge(KNOWLEDGE, rules(keep_out(region)))), 2, latents=places(9)[:, :2])


def test_a_state_that_is_forbidden_itself_is_out_of_reach_even_from_beside_it():
    time = guarding_time(allowed_knowledge(KNOWLEDGE, rules(keep_out(WALL))))
    assert not reachable(time, at(0.25, 0.5), believed(0.4, 0.5)).any()
    assert reachable(time, at(0.25, 0.5), believed(0.2, 0.5)).all()


@pytest.mark.parametrize(
    ("requirement", "told"),
    [
        (KeepOut(quantity="position", region=WALL), True),
        (StayInside(quantity="position", region=Box(low=(0.0, 0.0), high=(0.5, 1.0))), True),
        (Limit(quantity="position", most=0.5, index=0), True),
        (Limit(quantity="velocity", most=0.1, of="size"), True),
        (Holds(function=lambda position: position[..., 0] < 0.5, reads=("position",)), True),
        (Limit(quantity="position", most=0.1, of="rate"), False),
        (NotBefore(quantity="position", forbidden=WALL, until=Disc(center=(0.1, 0.9), radius=0.1)), False),
    ],
    ids=lambda part: type(part).__name__ if not isinstance(part, bool) else str(part),
)
def test_of_single_states_only_what_can_be_said_of_them_is_said(requirement, told):
    guardrail = Guardrail(name="rule", requirement=requirement, fallback=Hold())
    judge = rules(guardrail)
    assert judge.silent == (() if told else ("rule",))
    beliefs = places(9)
    beliefs[:, 2] = torch.linspace(0, 0.3, len(beliefs))
    broken = judge(beliefs)
    assert bool(broken.any()) is told and not broken.all()


def test_rules_between_two_quantities_are_said_of_states_too():
    judge = rules(Guardrail(name="near", requirement=Apart(first="position", second="velocity", least=0.3), fallback=Hold()))
    assert judge(believed(0.1, 0.1)).tolist() == [True] and judge(believed(0.5, 0.5)).tolist() == [False]


def test_what_is_no_number_is_forbidden():
    assert rules(keep_out(WALL))(believed(float("nan"), 0.1)).all()


def test_it_goes_round_and_no_subgoal_breaks_the_rule():
    way, plans = drive(agent(keep_out(WALL)), [START, (0.1, 0.5), (0.9, 0.2)], [GOAL, (0.9, 0.5), (0.1, 0.3)])
    assert depth_inside(WALL, way) <= 0
    away = np.abs(way - [GOAL, (0.9, 0.5), (0.1, 0.3)]).max(axis=2)
    assert (away.min(axis=0) < 0.05).all() and (away[-1] < 0.15).all(), away[-10:]
    helped = 0
    for plan in plans:
        rows = torch.arange(len(plan.aim.step))
        chosen = plan.aim.subgoals[rows, plan.aim.step][plan.aim.helps]
        helped += len(chosen)
        assert not len(chosen) or WALL.distance(chosen[:, :2]).min() >= 0.02 - 1e-6
    assert helped, "levels were of use"


def test_without_the_rule_the_short_way_leads_through_it():
    way, _ = drive(agent(), [START], [GOAL])
    assert depth_inside(WALL, way) > 0.1


def test_where_no_way_leads_round_it_says_so_and_goes_as_near_as_it_may():
    way, plans = drive(agent(keep_out(MOAT)), [START], [GOAL], steps=40)
    assert depth_inside(MOAT, way) <= 0
    assert 0.25 < way[-1][0, 0] < 0.4
    assert all("no allowed way to the goal is known: as near as the guardrails let" in plan.trace.why for plan in plans)
    for plan in plans:
        assert not plan.aim.helps.any() or plan.aim.subgoals[0, plan.aim.step[0], 0] < 0.4


def test_a_goal_that_is_forbidden_is_approached_as_far_as_the_rule_lets():
    way, plans = drive(agent(keep_out(WALL)), [START], [(0.5, 0.1)], steps=30)
    assert depth_inside(WALL, way) <= 0
    assert any("no allowed way to the goal" in reason for reason in plans[-1].trace.why)


@settings(max_examples=8, deadline=None)
@given(
    center=st.tuples(st.floats(0.2, 0.8), st.floats(0.2, 0.8)),
    radius=st.floats(0.08, 0.2),
    seed=st.integers(0, 1000),
    how=st.sampled_from(
        [
            PLANNED,
            replace(PLANNED, levels=3),
            replace(PLANNED, levels=3, time_to_go=None),
            replace(PLANNED, levels=1, top_down=TopDown(subgoals="critic")),
        ]
    ),
)
def test_no_subgoal_ever_breaks_a_rule_or_is_led_to_by_a_violation_alone(center, radius, seed, how):
    disc, rng = Disc(center=center, radius=radius), np.random.default_rng(seed)
    free = [place for place in rng.random((40, 2)) if disc.distance(torch.tensor(place[None])) > 0.05][:8]
    acting = agent(keep_out(disc, margin=0.01), how=how, knowledge=levelled_knowledge((4, 2)), seed=seed)
    way, plans = drive(acting, free[:4], free[4:], steps=6)
    assert depth_inside(disc, way) <= 0
    time = guarding_time(allowed_knowledge(KNOWLEDGE, rules(keep_out(disc, margin=0.01))))
    for before, plan in zip(way[:-1], plans, strict=True):
        aim = plan.aim
        while aim is not None:
            chosen = aim.subgoals[torch.arange(len(aim.step)), aim.step][aim.helps]
            assert not len(chosen) or disc.distance(chosen[:, :2]).min() >= 0.01 - 1e-6
            assert reachable(time, torch.tensor(before, dtype=torch.float32)[aim.helps], chosen).all()
            aim = aim.plan.aim


def test_levels_without_anybody_who_knows_the_ways_round_are_refused():
    blind = levelled_knowledge(times=False)
    with pytest.raises(GuardrailError, match="no critic of time knows the ways round") as error:
        agent(keep_out(WALL), how=replace(PLANNED, time_to_go=None), knowledge=blind)
    assert "telos time-to-go" in str(error.value)
    agent(keep_out(WALL), how=replace(PLANNED, time_to_go=None, levels=1), knowledge=blind)
    agent(how=replace(PLANNED, time_to_go=None), knowledge=blind)


def test_subgoals_that_are_only_imagined_are_refused_under_guardrails():
    with pytest.raises(GuardrailError, match="Subgoals are to be what is imagined"):
        agent(keep_out(WALL), how=replace(PLANNED, top_down=TopDown(snap=False)))


def test_a_level_that_knows_no_allowed_state_is_refused():
    everywhere = Box(low=(-1.0, -1.0), high=(2.0, 2.0))
    with pytest.raises(GuardrailError, match="Level 2 knows no state that keeps the guardrails"):
        agent(keep_out(everywhere))


def test_a_rule_that_the_task_brings_counts_for_levels_too_and_ends_with_it():
    acting = agent()
    task = ReachGoal(np.array([*GOAL, 0, 0], np.float32))
    acting.set_task(task + keep_out(WALL))
    acting.reset()
    first = acting.act(np.array([*START, 0, 0], np.float32))
    assert np.isfinite(first).all() and WALL.distance(acting.last_plan.aim.subgoals[0, :, :2]).min() >= 0.02 - 1e-6
    acting.set_task(task)
    acting.reset()
    acting.act(np.array([*START, 0, 0], np.float32))
    assert acting.last_plan.aim.helps.all()


def test_shortest_ways_are_found_once_for_each_set_of_rules(monkeypatch):
    from telos.agent.critics import LandmarkGraph

    counted, avoiding = [], LandmarkGraph.avoiding
    monkeypatch.setattr(LandmarkGraph, "avoiding", lambda self, forbidden: counted.append(1) or avoiding(self, forbidden))
    acting = agent(keep_out(MOAT, name="own"))
    task = ReachGoal(np.array([*START, 0, 0], np.float32))
    for _ in range(3):
        acting.set_task(task + keep_out(WALL))
        acting.act(np.array([*START, 0, 0], np.float32))
        acting.reset()
    assert len(counted) == 2


def test_a_critic_or_a_level_that_was_altered_is_noticed_before_the_next_action():
    knowledge = levelled_knowledge()
    acting = agent(keep_out(WALL), knowledge=knowledge)
    acting.set_task(ReachGoal(np.array([*GOAL, 0, 0], np.float32)))
    here = np.array([*START, 0, 0], np.float32)
    acting.act(here)
    knowledge.levels[0].landmarks.beliefs.zero_()
    acting.act(here), "what guardrails left of the levels is nobody else's"
    from telos.agent.loop import _SEALS

    allowed = _SEALS[acting].allowed
    allowed.times["landmarks"].critic.times.zero_()
    with pytest.raises(GuardrailError, match="A level, or a critic of time, was altered"):
        acting.act(here)
