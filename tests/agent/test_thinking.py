"""Fast and slow in the loop: which mode an agent acts in, why, and that guardrails bind both."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from torch import Tensor

from telos.agent.actor import MPPI
from telos.agent.cost import PathDistance
from telos.agent.guardrails import Brake, Disc, Guardrail, KeepOut, tie_of
from telos.agent.loop import Agent, AgentSettings
from telos.agent.tasks import ReachGoal, ReachValue
from telos.core.acting import AbstractArbiter, AbstractPolicy, AbstractSurprise
from telos.core.errors import ConfigError, GuardrailError
from telos.core.guarding import Calibration
from telos.core.tasks import AbstractConfigurator
from telos.core.types import Batched, Choice
from telos.envs import PointMass
from telos.testing import true_knowledge

WORLD = PointMass()
SETTINGS = AgentSettings(planner=MPPI(horizon=8, num_candidates=24, num_iterations=2), cost=PathDistance())
BRAKE = Brake(quantity="velocity", gain=10.0, steps=6)
PILLAR = Guardrail(name="pillar", requirement=KeepOut(quantity="position", region=Disc(center=(0.5, 0.5), radius=0.15)), fallback=BRAKE)
STARTS = np.array([[0.1, 0.5, 0, 0], [0.2, 0.2, 0, 0], [0.8, 0.6, 0, 0]], np.float32)
GOALS = np.array([[0.9, 0.5, 0, 0], [0.3, 0.8, 0, 0], [0.2, 0.5, 0, 0]], np.float32)


class Straight(AbstractPolicy):
    """Pushes towards the goal, with one weight that may be learned."""

    def __init__(self) -> None:
        super().__init__()
        self.gain = torch.nn.Parameter(torch.tensor(4.0), requires_grad=False)

    def knows(self, problem):
        return problem.goal is not None

    def act(self, problem, generator=None, num=1):
        push = self.gain * (problem.goal.latent - problem.state.latent) - 2 * problem.state.belief[:, 2:]
        if generator is not None:
            push = push + 0.3 * torch.randn(num, 2, generator=generator).repeat(len(push) // num, 1)
        return push.clamp(-1, 1)


@dataclass(frozen=True)
class Left(AbstractArbiter):
    """Lets nobody react who is in the left part, nor who was surprised or refused."""

    beyond: float = 0.5

    def decide(self, prospect):
        planned = prospect.problem.state.latent[:, 0] < self.beyond
        for rows in (prospect.refused, None if prospect.surprise is None else prospect.surprise < 0.01):
            planned = planned if rows is None else planned | rows
        return Choice(planned=planned, reason=planned.long(), reasons=("fine", "left"))


def agent(mode="plan", *guardrails, knowledge=None, arbiter: AbstractArbiter | None = None, goals=GOALS, **more):
    known = knowledge or replace(true_knowledge(), policy=Straight(), arbiter=arbiter or Left())
    made = Agent(known, replace(SETTINGS, mode=mode, **more), guardrails=guardrails)
    made.set_task(ReachGoal(goals))
    return made


def walk(made, starts=STARTS, steps=40):
    state = {"position": starts[:, :2].astype(float), "velocity": starts[:, 2:].astype(float)}
    positions, plans, planned = [], [], []
    for _ in range(steps):
        state = WORLD.advance(state, made.act(WORLD.observe(state)))
        positions.append(state["position"])
        plans.append(made.last_plan)
        planned.append(made.num_planned)
    return np.stack(positions), plans, planned


@pytest.mark.parametrize("mode", ["react", "auto"])
def test_each_mode_arrives(mode):
    positions, _, _ = walk(agent(mode), steps=60)
    assert (np.linalg.norm(positions[-1] - GOALS[:, :2], axis=1) < 0.05).all()


def test_each_plan_says_how_it_was_come_by_and_searches_are_counted():
    _, plans, planned = walk(agent("plan"), steps=3)
    assert planned == [3, 3, 3] and all(plan.choice is None for plan in plans)
    _, plans, planned = walk(agent("react"), steps=3)
    assert planned == [0, 0, 0]
    assert all(plan.trace.stopped == "reacted" and not plan.choice.planned.any() for plan in plans)
    _, plans, planned = walk(agent("auto"), steps=3)
    assert planned == [2, 2, 2]
    for plan in plans:
        assert plan.choice.planned.tolist() == [True, True, False]
        assert plan.trace.why == ("planned in 2 of 3 episodes: left 2, fine 1",)


def test_only_those_are_planned_for_who_need_it_and_the_others_do_what_they_would_alone():
    knowledge = replace(true_knowledge(), policy=Straight(), arbiter=Left())
    assert isinstance(knowledge.policy, Straight)
    knowledge.policy.gain.fill_(0.5)
    made, reacting = agent("auto", knowledge=knowledge), agent("react", knowledge=knowledge)
    made.act(STARTS), reacting.act(STARTS)
    assert torch.equal(made.last_plan.actions[2], reacting.last_plan.actions[2])
    assert (made.last_plan.energy[:2] < reacting.last_plan.energy[:2] - 1e-4).all()
    for row in range(3):
        alone = agent("auto", knowledge=knowledge, goals=GOALS[row : row + 1])
        alone.act(STARTS[row : row + 1])
        torch.testing.assert_close(alone.last_plan.actions[0], made.last_plan.actions[row])


def test_what_is_planned_in_auto_is_never_worse_than_reacting():
    made, reacting = agent("auto", arbiter=Left(2.0), planner=MPPI(horizon=8, num_candidates=2, num_iterations=1)), agent("react")
    made.act(STARTS), reacting.act(STARTS)
    assert (made.last_plan.energy <= reacting.last_plan.energy + 1e-6).all()


def test_proposals_make_a_tiny_search_as_good_as_the_policy():
    tiny = MPPI(horizon=8, num_candidates=2, num_iterations=1)
    without, with_them, reacting = agent(planner=tiny), agent(planner=tiny, proposals=3), agent("react")
    for made in (without, with_them, reacting):
        made.act(STARTS)
    assert (with_them.last_plan.energy <= reacting.last_plan.energy + 1e-6).all()
    assert with_them.last_plan.energy.sum() < without.last_plan.energy.sum()
    # A candidate, the mean and what is best of both: three proposals more.
    assert with_them.last_plan.trace.num_candidates == without.last_plan.trace.num_candidates + 3
    assert with_them.num_planned == 3


@pytest.mark.parametrize("taught", ["nothing", "a policy"])
@pytest.mark.parametrize(("mode", "proposals"), [("react", 0), ("auto", 0), ("plan", 2)])
def test_a_mode_that_nobody_has_taught_is_refused_when_the_agent_is_built(taught, mode, proposals):
    knowledge = true_knowledge() if taught == "nothing" else replace(true_knowledge(), policy=Straight())
    if taught == "a policy" and mode != "auto":
        agent(mode, knowledge=knowledge, proposals=proposals)
        return
    with pytest.raises(ConfigError, match="telos practise RUN"):
        agent(mode, knowledge=knowledge, proposals=proposals)
    made = agent(knowledge=knowledge)
    with pytest.raises(ConfigError, match="telos practise RUN"):
        made.settings = replace(SETTINGS, mode=mode, proposals=proposals)


def test_a_configurator_cannot_ask_for_what_was_not_taught():
    class Hasty(AbstractConfigurator):
        def configure(self, usual, task, problem, guardrails, knowledge):
            return replace(usual, mode="react")

    made = Agent(true_knowledge(), SETTINGS, configurator=Hasty())
    made.set_task(ReachGoal(GOALS))
    with pytest.raises(ConfigError, match="no policy"):
        made.act(STARTS)


def test_a_task_that_the_policy_does_not_know_is_planned_in_auto_and_refused_in_react():
    for mode in ("react", "auto"):
        made = agent(mode)
        made.set_task(ReachValue("position", (0.5, 0.5)))
        if mode == "react":
            with pytest.raises(ConfigError, match='mode="auto"'):
                made.act(STARTS)
        else:
            made.act(STARTS)
            assert made.num_planned == 3
            assert made.last_plan.trace.why == ("planned in 3 of 3 episodes: the policy does not know the task 3",)


@dataclass(frozen=True)
class Steps(Batched):
    count: Tensor


class EveryTenth(AbstractSurprise):
    """Surprised at every tenth step."""

    def begin(self, world_model, state):
        return Steps(torch.zeros(state.num_rows))

    def expect(self, world_model, expected, state, action):
        return Steps(expected.count + 1)

    def p_value(self, expected, state):
        return torch.where(expected.count % 10 == 4, 0.001, 0.5)


@pytest.mark.parametrize("stays_alert", [1, 3])
def test_a_surprise_makes_it_plan_and_keeps_it_planning_for_some_steps(stays_alert):
    knowledge = replace(true_knowledge(), policy=Straight(), arbiter=Left(-1.0), surprise=EveryTenth())
    _, _, planned = walk(agent("auto", knowledge=knowledge, stays_alert=stays_alert), steps=20)
    assert [step for step, num in enumerate(planned) if num] == [at + more for at in (4, 14) for more in range(stays_alert)]
    made = agent("auto", knowledge=knowledge, stays_alert=3)
    walk(made, steps=5)
    made.keep(torch.tensor([True, False, True]))
    made.act(STARTS[[0, 2]])
    assert made.num_planned == 2


@pytest.mark.parametrize("mode", ["react", "auto"])
@pytest.mark.parametrize("gain", [4.0, -3.0, 40.0])
def test_guardrails_bind_whatever_the_policy_does(mode, gain):
    """On a model that is right: also a policy that heads elsewhere, or pushes with all its might."""
    knowledge = replace(true_knowledge(), policy=Straight(), arbiter=Left(-1.0))
    assert isinstance(knowledge.policy, Straight)
    knowledge.policy.gain.fill_(gain)
    free, _, _ = walk(agent(mode, knowledge=knowledge), steps=30)
    guarded, plans, _ = walk(agent(mode, PILLAR, knowledge=knowledge), steps=30)
    inside = [np.linalg.norm(way - 0.5, axis=-1).min() for way in (free, guarded)]
    assert inside[1] >= 0.15 - 1e-6
    assert gain < 0 or inside[0] < 0.15
    assert all(plan.verdict is not None for plan in plans)


def test_a_reaction_that_the_gate_refuses_is_planned_for():
    made = agent("auto", PILLAR, arbiter=Left(-1.0))
    _, plans, planned = walk(made, steps=20)
    assert 0 < sum(planned) < 3 * 20
    assert {name for plan in plans for name in plan.choice.reasons} == {"fine", "left"}


def test_a_policy_may_go_on_learning_under_a_seal_and_a_world_model_may_not():
    made = agent("auto", PILLAR)
    made.act(STARTS)
    assert isinstance(made.knowledge.policy, Straight)
    made.knowledge.policy.gain.fill_(5.0)
    made.act(STARTS)
    made.knowledge.world_model.anchor.data.fill_(1.0)
    with pytest.raises(GuardrailError, match="world model"):
        made.act(STARTS)


def test_mode_risk_and_proposals_belong_to_a_calibration_where_they_are_not_as_always():
    knowledge = replace(true_knowledge(), policy=Straight(), arbiter=Left())
    plain = tie_of(knowledge, PILLAR, SETTINGS)
    assert not {"mode", "risk", "proposals"} & {part.partition("=")[0] for part in plain.split()}
    calibrated = replace(PILLAR, calibration=Calibration(alpha=0.01, confidence=0.95, episodes=300, violations=0, closed_loop=True, tie=plain))
    agent("plan", calibrated, knowledge=knowledge).act(STARTS)
    for changes, what in (({"mode": "auto"}, "the mode"), ({"proposals": 2}, "the number of proposals")):
        with pytest.raises(GuardrailError, match=what):
            Agent(knowledge, replace(SETTINGS, **changes), guardrails=(calibrated,))
        tie = tie_of(knowledge, PILLAR, replace(SETTINGS, **changes))
        assert calibrated.calibration is not None
        again = replace(calibrated, calibration=replace(calibrated.calibration, tie=tie))
        Agent(knowledge, replace(SETTINGS, **changes), guardrails=(again,))
    prints = {Agent(knowledge, replace(SETTINGS, mode=mode), guardrails=(PILLAR,)).fingerprint for mode in ("plan", "react", "auto")}
    assert len(prints) == 3


def test_a_configurator_cannot_change_the_mode_under_a_calibrated_guardrail():
    class Hasty(AbstractConfigurator):
        def configure(self, usual, task, problem, guardrails, knowledge):
            return replace(usual, mode="react")

    knowledge = replace(true_knowledge(), policy=Straight(), arbiter=Left())
    tie = tie_of(knowledge, PILLAR, SETTINGS)
    calibrated = replace(PILLAR, calibration=Calibration(alpha=0.01, confidence=0.95, episodes=300, violations=0, closed_loop=True, tie=tie))
    made = Agent(knowledge, SETTINGS, guardrails=(calibrated,), configurator=Hasty())
    made.set_task(ReachGoal(GOALS))
    with pytest.raises(GuardrailError, match="the mode"):
        made.act(STARTS)


@pytest.mark.parametrize("mode", ["react", "auto"])
def test_it_thinks_ahead_in_every_mode(mode):
    positions, plans, planned = walk(agent(mode, ahead_tolerance=0.1), steps=60)
    assert (np.linalg.norm(positions[-1] - GOALS[:, :2], axis=1) < 0.05).all()
    assert plans[5].choice is not None and plans[5].trace.made.startswith("ahead")
    assert sum(planned) == (0 if mode == "react" else sum(int(plan.choice.planned.sum()) for plan in plans))
