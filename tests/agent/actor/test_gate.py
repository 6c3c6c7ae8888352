"""Whatever a search finds: what runs is safe, or is the fallback and says so."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from telos.agent.actor import CEM, LBFGS, MPPI, CategoricalCEM, Collocation, GradientDescent, RandomShooting, make_plan
from telos.agent.actor.gate import check_plan
from telos.agent.actor.guard import Guard, SafeRest
from telos.agent.actor.pool import Pool
from telos.agent.cost import PathDistance
from telos.agent.guardrails import Box, Brake, Disc, Guardrail, Hold, Holds, KeepOut, LastSafePlan, Limit, NotBefore, StayInside
from telos.agent.loop import Agent, AgentSettings
from telos.agent.tasks import ReachGoal
from telos.core.contracts import AbstractPlanner
from telos.core.errors import GuardrailError
from telos.core.readouts import Knowledge
from telos.core.spaces import DiscreteSpace
from telos.core.types import Problem
from telos.testing import ConformanceError, TruePointMass, check_gate, true_knowledge

KNOWLEDGE = true_knowledge()
MODEL = KNOWLEDGE.world_model
BRAKE = Brake(quantity="velocity", gain=10.0, steps=6)
PILLAR = Guardrail(name="pillar", requirement=KeepOut(quantity="position", region=Disc(center=(0.5, 0.5), radius=0.15)), fallback=BRAKE)
SLOW = Guardrail(name="slow", requirement=Limit(quantity="velocity", most=0.4, of="size"), fallback=BRAKE)
PLANNER = MPPI(horizon=8, num_candidates=24, num_iterations=2)


def guard(*guardrails, committed=1):
    return Guard(guardrails=guardrails, readouts=KNOWLEDGE.readouts, committed=committed)


def state(*rows):
    return MODEL.observe(None, None, torch.tensor(rows, dtype=torch.float32))


def plan(planner, start, *guardrails, committed=1, goal=(0.9, 0.5, 0, 0), seed=0, model=MODEL, **more):
    problem = Problem(state=start, goal=state(*[goal] * start.num_rows), budget_ms=more.pop("budget_ms", None))
    generator = torch.Generator().manual_seed(seed)
    chosen = guard(*guardrails, committed=committed) if guardrails else None
    return make_plan(planner, world_model=model, cost=PathDistance(), problem=problem, generator=generator, guard=chosen, **more)


def walk(agent, start, goal, steps):
    """True states of an episode that the agent plays `[steps 4]`, and its verdicts."""
    world = MODEL.world
    now = {"position": np.array([start[:2]], float), "velocity": np.array([start[2:]], float)}
    agent.set_task(ReachGoal(np.array(goal, np.float32)))
    seen, verdicts = [], []
    for _ in range(steps):
        now = world.advance(now, agent.act(world.observe(now)))
        seen.append(np.concatenate([now["position"][0], now["velocity"][0]]))
        verdicts.append(agent.last_plan.verdict)
    return np.array(seen), verdicts


@settings(max_examples=12, deadline=None)
@given(
    y=st.floats(0.3, 0.7),
    center=st.tuples(st.floats(0.4, 0.6), st.floats(0.4, 0.6)),
    most=st.floats(0.15, 0.5),
    which=st.sampled_from(["mppi", "cem", "gradient", "lbfgs", "shooting", "collocation"]),
    interval=st.integers(1, 3),
    seed=st.integers(0, 1000),
)
def test_with_a_model_that_is_right_no_guardrail_is_ever_broken(y, center, most, which, interval, seed):
    planner = {
        "mppi": PLANNER,
        "cem": CEM(horizon=6, num_candidates=40, num_iterations=2, num_elites=8),
        "gradient": GradientDescent(horizon=6, num_starts=3, num_iterations=5),
        "lbfgs": LBFGS(horizon=6, num_starts=2, num_iterations=3),
        "shooting": RandomShooting(horizon=6, num_candidates=60),
        "collocation": Collocation(horizon=6, num_rounds=2, steps_per_round=3, num_iterations=2),
    }[which]
    pillar = replace(PILLAR, requirement=KeepOut(quantity="position", region=Disc(center=center, radius=0.15)))
    slow = replace(SLOW, requirement=Limit(quantity="velocity", most=most, of="size"))
    lane = Guardrail(name="lane", requirement=StayInside(quantity="position", region=Box(low=(0.02, 0.1), high=(0.98, 0.9))), fallback=BRAKE)
    how = AgentSettings(planner=planner, cost=PathDistance(), replan_every=interval)
    agent = Agent(KNOWLEDGE, how, guardrails=(pillar, slow, lane), seed=seed)
    seen, verdicts = walk(agent, (0.1, y, 0, 0), (0.9, y, 0, 0), 12)
    assert np.linalg.norm(seen[:, :2] - center, axis=1).min() >= 0.15 - 1e-5
    assert np.linalg.norm(seen[:, 2:], axis=1).max() <= most + 1e-5
    assert (seen[:, :2] >= (0.02 - 1e-5, 0.1 - 1e-5)).all() and (seen[:, :2] <= (0.98 + 1e-5, 0.9 + 1e-5)).all()
    assert all(verdict.feasible.all() for verdict in verdicts)


@settings(max_examples=6, deadline=None)
@given(y=st.floats(0.35, 0.65), seed=st.integers(0, 1000))
def test_choices_keep_guardrails_too(y, seed):
    knowledge = Knowledge(world_model=TruePointMass(action=DiscreteSpace(9)), readouts=KNOWLEDGE.readouts)
    # To coast is safe for as long as it is looked at; farther than anything moves meanwhile.
    pillar = replace(PILLAR, fallback=Hold(action=0, steps=1))
    chosen = Guard(guardrails=(pillar,), readouts=knowledge.readouts)
    start = state([0.2, y, 0.2, 0.0], [0.3, y, 0.0, 0.0])
    found = make_plan(
        CategoricalCEM(horizon=6),
        world_model=knowledge.world_model,
        cost=PathDistance(),
        problem=Problem(state=start, goal=state([0.9, y, 0, 0], [0.9, y, 0, 0])),
        generator=torch.Generator().manual_seed(seed),
        guard=chosen,
    )
    assert found.verdict is not None and (found.verdict.feasible | found.verdict.fallback).all()
    assert found.actions.dtype == torch.int64


def test_the_way_round_is_found():
    agent = Agent(KNOWLEDGE, AgentSettings(planner=MPPI(horizon=12), cost=PathDistance()), guardrails=(PILLAR,))
    seen, verdicts = walk(agent, (0.1, 0.5, 0, 0), (0.9, 0.5, 0, 0), 60)
    assert np.linalg.norm(seen[:, :2] - 0.5, axis=1).min() >= 0.15 - 1e-5
    assert np.linalg.norm(seen[-1, :2] - (0.9, 0.5)) < 0.05
    assert not any(verdict.fallback.any() for verdict in verdicts)


def test_without_guardrails_plans_are_those_of_before():
    start = state([0.1, 0.5, 0, 0])
    assert plan(PLANNER, start).verdict is None
    far = replace(PILLAR, requirement=KeepOut(quantity="position", region=Disc(center=(50.0, 50.0), radius=0.1)))
    guarded = plan(PLANNER, start, far)
    assert guarded.verdict.feasible.all() and not guarded.verdict.fallback.any()
    assert guarded.energy <= plan(PLANNER, start).energy + 1e-6


@dataclass(frozen=True, kw_only=True)
class Mean(AbstractPlanner):
    """Answers with the mean of the ways to the left and to the right, which leads straight through."""

    def search(self, evaluate, warm_start, generator):
        ways = torch.zeros(evaluate.num_problems, 2, self.horizon, 2)
        ways[..., 0], ways[:, 0, :, 1], ways[:, 1, :, 1] = 1, 1, -1
        evaluate.record(evaluate(ways).min(dim=1).values)
        return ways.mean(dim=1, keepdim=True)


def test_an_unchecked_mean_never_runs():
    fast = state([0.15, 0.5, 0.45, 0.0])
    assert plan(Mean(horizon=8), fast).actions[0, 0].tolist() == [1, 0]
    found = plan(Mean(horizon=8), fast, PILLAR)
    assert found.verdict.feasible.all() and found.actions[0, 0].tolist() != [1, 0]


@dataclass(frozen=True, kw_only=True)
class Mute(AbstractPlanner):
    """Judges nothing, and answers with what is forbidden."""

    def search(self, evaluate, warm_start, generator):
        forbidden = torch.zeros(evaluate.num_problems, 1, self.horizon, 2)
        forbidden[..., 0] = 1
        return forbidden


def test_a_planner_that_judges_nothing_is_guarded_too():
    found = plan(Mute(horizon=8), state([0.25, 0.5, 0.45, 0.0]), PILLAR)
    assert found.verdict.feasible.all() | found.verdict.fallback.all()
    assert found.actions[0, 0, 0] < 1


def test_where_nothing_is_safe_the_fallback_runs_and_says_so():
    nowhere = replace(PILLAR, name="nowhere", requirement=StayInside(quantity="position", region=Disc(center=(9.0, 9.0), radius=0.1)))
    # From rest the brake leads no way back, and from far away no push of one step is felt in single precision.
    found = plan(Mute(horizon=8), state([0.2, 0.5, 0.3, 0.0]), replace(nowhere, requirement=Limit(quantity="position", most=-9.0)), nowhere)
    assert found.verdict.fallback.all() and not found.verdict.feasible.any()
    assert found.actions[0, 0].tolist() == pytest.approx([-1, 0], abs=1e-6)
    assert found.verdict.worst["nowhere"][0] > 0


def test_from_inside_of_the_margin_a_way_leads_back():
    wide = replace(PILLAR, margin=0.1)
    start = state([0.3, 0.5, 0.0, 0.0])
    found = plan(PLANNER, start, wide, goal=(0.1, 0.5, 0, 0))
    assert found.verdict.feasible.all() and not found.verdict.fallback.any()
    assert found.verdict.worst["pillar"][0] > 0
    agent = Agent(KNOWLEDGE, AgentSettings(planner=PLANNER, cost=PathDistance()), guardrails=(wide,))
    seen, _ = walk(agent, (0.3, 0.5, 0, 0), (0.9, 0.5, 0, 0), 25)
    distances = np.linalg.norm(seen[:, :2] - 0.5, axis=1)
    assert distances.min() >= 0.2 - 1e-5
    assert distances[-1] >= 0.25 - 1e-3


def test_no_time_is_no_excuse():
    fast = state([0.22, 0.5, 0.45, 0.0])
    found = plan(PLANNER, fast, PILLAR, budget_ms=0.0)
    assert found.verdict is not None
    assert (found.verdict.feasible | found.verdict.fallback).all()
    straight = replace(found, actions=torch.tensor([1.0, 0.0]).expand(1, 8, 2).clone())
    found = plan(PLANNER, fast, PILLAR, budget_ms=0.0, warm_start=straight)
    assert found.actions[0, 0].tolist() != [1, 0]


def test_what_is_carried_out_between_plans_is_covered():
    """With three steps until the next plan, a plan that is safe for one may not be taken."""
    start = state([0.2, 0.5, 0.4, 0.0])
    for committed in (1, 2, 3):
        found = plan(PLANNER, start, PILLAR, committed=committed)
        now = start
        for step in range(committed):
            now = MODEL.step(now, found.actions[:, step])
        for _ in range(BRAKE.steps):
            now = MODEL.step(now, BRAKE.act(now, KNOWLEDGE.readouts, MODEL.spaces.action))
            assert torch.linalg.vector_norm(now.latent - 0.5) >= 0.15 - 1e-5


def test_a_yes_or_no_guards_without_guiding():
    left = Guardrail(name="left", requirement=Holds(function=lambda position: position[..., 0] < 0.3, reads=("position",)), fallback=BRAKE)
    agent = Agent(KNOWLEDGE, AgentSettings(planner=PLANNER, cost=PathDistance()), guardrails=(left,))
    seen, _ = walk(agent, (0.1, 0.5, 0, 0), (0.9, 0.5, 0, 0), 20)
    assert seen[:, 0].max() < 0.3
    assert seen[:, 0].max() > 0.15


def test_never_before_opens_once_the_first_thing_has_happened():
    door = NotBefore(quantity="position", forbidden=Box(low=(0.5, None), high=(None, None)), until=Disc(center=(0.2, 0.2), radius=0.1))
    rail = Guardrail(name="door", requirement=door, fallback=BRAKE)
    how = AgentSettings(planner=PLANNER, cost=PathDistance())
    agent = Agent(KNOWLEDGE, how, guardrails=(rail,))
    seen, _ = walk(agent, (0.3, 0.8, 0, 0), (0.9, 0.8, 0, 0), 25)
    assert seen[:, 0].max() <= 0.5
    agent.reset()
    seen, _ = walk(agent, (0.2, 0.2, 0, 0), (0.9, 0.2, 0, 0), 40)
    assert seen[-1, 0] > 0.8


def test_the_last_safe_plan_is_carried_out_to_its_end():
    rail = replace(PILLAR, fallback=LastSafePlan(then=Hold()))
    nothing_else = replace(rail, requirement=StayInside(quantity="position", region=Disc(center=(9.0, 9.0), radius=0.1)))
    rest = SafeRest(torch.full((2, 8, 2), 0.25), torch.tensor([2, 0]))
    found = plan(
        Mute(horizon=8),
        state([0.2, 0.5, 0.3, 0.0], [0.2, 0.5, 0.3, 0.0]),
        nothing_else,
        replace(nothing_else, name="b", requirement=Limit(quantity="position", most=-9.0)),
        safe_rest=rest,
    )
    assert found.verdict.fallback.all()
    assert found.actions[0, :, 0].tolist() == [0.25, 0.25, 0, 0, 0, 0, 0, 0]
    assert found.actions[1, :, 0].tolist() == [0] * 8


def test_a_plan_that_was_made_for_another_state_is_checked_again():
    found = plan(PLANNER, state([0.1, 0.5, 0, 0]), PILLAR, goal=(0.9, 0.5, 0, 0))
    onward = replace(found, actions=torch.tensor([1.0, 0.0]).expand(1, 8, 2).clone())
    near, problem = guard(PILLAR), Problem(state=state([0.3, 0.5, 0.3, 0]))
    assert check_plan(
        onward, world_model=MODEL, problem=Problem(state=state([0.1, 0.5, 0, 0]), watch=near.begin(state([0.1, 0.5, 0, 0]))), guard=near
    ).verdict.feasible.all()
    assert not check_plan(onward, world_model=MODEL, problem=replace(problem, watch=near.begin(problem.state)), guard=near).verdict.feasible.any()


@pytest.mark.parametrize("tolerance", [1e9, 0.0])
def test_an_agent_that_thinks_ahead_keeps_guardrails(tolerance):
    how = AgentSettings(planner=PLANNER, cost=PathDistance(), ahead_tolerance=tolerance)
    agent = Agent(KNOWLEDGE, how, guardrails=(PILLAR, SLOW))
    seen, verdicts = walk(agent, (0.1, 0.5, 0, 0), (0.9, 0.5, 0, 0), 30)
    assert np.linalg.norm(seen[:, :2] - 0.5, axis=1).min() >= 0.15 - 1e-5
    assert np.linalg.norm(seen[:, 2:], axis=1).max() <= 0.4 + 1e-5
    assert all(verdict is not None for verdict in verdicts)


def test_rows_that_are_dropped_leave_the_others_guarded():
    agent = Agent(KNOWLEDGE, AgentSettings(planner=PLANNER, cost=PathDistance(), replan_every=2), guardrails=(PILLAR,))
    agent.set_task(ReachGoal(np.array([[0.9, 0.5, 0, 0]] * 3, np.float32)))
    agent.act(np.array([[0.1, 0.5, 0, 0], [0.2, 0.4, 0, 0], [0.3, 0.2, 0, 0]], np.float32))
    agent.keep(torch.tensor([0, 2]))
    action = agent.act(np.array([[0.1, 0.5, 0, 0], [0.3, 0.2, 0, 0]], np.float32))
    assert action.shape == (2, 2) and len(agent.last_plan.verdict.feasible) == 2


def test_what_was_really_done_calls_for_a_new_plan():
    agent = Agent(KNOWLEDGE, AgentSettings(planner=PLANNER, cost=PathDistance(), replan_every=4), guardrails=(PILLAR,))
    agent.set_task(ReachGoal(np.array([0.9, 0.5, 0, 0], np.float32)))
    agent.act(np.array([0.1, 0.5, 0, 0], np.float32))
    before = agent.last_plan
    agent.did(np.array([1.0, 0.0], np.float32))
    agent.act(np.array([0.12, 0.5, 0.1, 0], np.float32))
    assert agent.last_plan is not before


def test_what_may_follow_is_the_checked_part_and_then_the_fallback():
    agent = Agent(KNOWLEDGE, AgentSettings(planner=PLANNER, cost=PathDistance(), replan_every=3), guardrails=(PILLAR,))
    agent.set_task(ReachGoal(np.array([0.9, 0.5, 0, 0], np.float32)))
    agent.act(np.array([0.1, 0.5, 0.2, 0], np.float32))
    found, planned = agent.continuation(3), agent.last_plan.actions
    assert torch.equal(found[:, :2], planned[:, 1:3])
    assert found.shape[1] >= 2 + BRAKE.steps
    now = state([0.1, 0.5, 0.2, 0])
    for action in torch.cat([planned[:, :1], found], dim=1).unbind(1):
        now = MODEL.step(now, action)
    assert now.memory["velocity"].abs().max() < 1e-3


@pytest.mark.parametrize("interval", [1, 3])
@pytest.mark.parametrize("x", [0.1, 0.33, 0.37, 0.5])
def test_candidates_and_their_shields_in_one_pass_are_judged_as_in_two(monkeypatch, x, interval):
    stays = replace(PILLAR, fallback=Hold(steps=4), margin=0.01)
    start = state((x, 0.5, 0.2, 0), (x, 0.4, 0.1, 0.1))
    made = {}
    for together in (0, 32):
        monkeypatch.setattr("telos.agent.actor.gate.TOGETHER", together)
        made[together] = plan(PLANNER, start, stays, committed=interval)
    torch.testing.assert_close(made[0].actions, made[32].actions)
    torch.testing.assert_close(made[0].energies, made[32].energies)
    assert made[0].verdict.feasible.equal(made[32].verdict.feasible)
    torch.testing.assert_close(made[0].verdict.worst["pillar"], made[32].verdict.worst["pillar"])


def test_a_policy_with_guardrails_is_not_captured():
    with pytest.raises(GuardrailError, match="graph"):
        plan(PLANNER, state([0.1, 0.5, 0, 0]), PILLAR, fixed_work=True)


def test_the_check_of_the_gate_finds_out_one_that_stands_open(monkeypatch):
    planner = RandomShooting(horizon=4, num_candidates=40)
    check_gate(planner)
    for module, name in (("gate", "leads_back"), ("candidates", "kept")):
        monkeypatch.setattr(f"telos.agent.actor.{module}.{name}", lambda values, allowance: torch.ones(values.shape[:-2], dtype=torch.bool))
    monkeypatch.setattr("telos.agent.actor.guide.WEIGHT", 0.0)
    with pytest.raises(ConformanceError, match="safe"):
        check_gate(planner)


def test_a_pool_keeps_the_best_in_bounded_memory(monkeypatch):
    monkeypatch.setattr("telos.agent.actor.pool.MEMORY", 2000)
    monkeypatch.setattr("telos.agent.actor.pool.KEPT", 8)
    pool, generator = Pool(2), torch.Generator().manual_seed(0)
    energies = torch.rand(50, 2, 20, generator=generator)
    for energy in energies:
        pool.add(energy[..., None, None].expand(-1, -1, 5, 2), energy)
    pool.add(torch.zeros(1, 1, 5, 2), torch.tensor([[-1.0]]), rows=torch.tensor([1]))
    actions, least = pool.best(4)
    everything = energies.permute(1, 0, 2).flatten(1).sort(dim=1).values
    assert torch.equal(least[0], everything[0, :4])
    assert torch.equal(least[1], torch.cat([torch.tensor([-1.0]), everything[1, :3]]))
    assert torch.equal(actions[0, :, 0, 0], least[0])
    assert sum(part.numel() for part, _ in pool._entries) < 4000
