"""What keeps guardrails in force, whatever somebody does to an agent: refused, or noticed before an action leaves it."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch

from telos.agent.actor import CEM, MPPI
from telos.agent.cost import PathDistance
from telos.agent.guardrails import Brake, Calibration, Disc, Guardrail, Hold, KeepOut, LastSafePlan, Limit, tie_of
from telos.agent.loop import Agent, AgentSettings
from telos.agent.tasks import ReachGoal
from telos.core.contracts import AbstractCost
from telos.core.errors import ConfigError, GuardrailError, SpaceError, UnknownNameError
from telos.core.readouts import Fidelity
from telos.core.tasks import AbstractConfigurator
from telos.testing import true_knowledge

BRAKE = Brake(quantity="velocity", gain=10.0, steps=6)
PILLAR = Guardrail(name="pillar", requirement=KeepOut(quantity="position", region=Disc(center=(0.5, 0.5), radius=0.15)), fallback=BRAKE)
SLOW = Guardrail(name="slow", requirement=Limit(quantity="velocity", most=0.4, of="size"), fallback=BRAKE)
SETTINGS = AgentSettings(planner=MPPI(horizon=6, num_candidates=16, num_iterations=2), cost=PathDistance())
START = np.array([0.1, 0.5, 0.0, 0.0], np.float32)
GOAL = ReachGoal(np.array([0.9, 0.5, 0.0, 0.0], np.float32))


def make(*guardrails: Guardrail, knowledge=None, settings=SETTINGS, **more) -> Agent:
    agent = Agent(knowledge or weighty(), settings, guardrails=guardrails, **more)
    agent.set_task(GOAL)
    return agent


def weighty():
    """What is right, with weights that somebody may write into."""
    knowledge = true_knowledge()
    for readout in knowledge.readouts.values():
        readout.register_parameter("scale", torch.nn.Parameter(torch.ones(3), requires_grad=False))
    knowledge.world_model.register_parameter("more", torch.nn.Parameter(torch.ones(50), requires_grad=False))
    return knowledge


def set_numpy(tensor) -> None:
    tensor.detach().numpy()[0] = 7


def set_data(tensor) -> None:
    tensor.data[0] = 7


def swap_data(tensor) -> None:
    tensor.data = tensor.data + 1


def set_plainly(tensor) -> None:
    with torch.no_grad():
        tensor[0] = 7


WAYS = (set_numpy, set_data, swap_data, set_plainly)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("where", ["position", "velocity", "world model"])
def test_weights_that_were_written_into_are_noticed_before_the_next_action(way, where):
    agent = make(PILLAR)
    agent.act(START)
    way(agent.world_model.more if where == "world model" else agent.knowledge.readouts[where].scale)
    with pytest.raises(GuardrailError, match=where):
        agent.act(START)
    with pytest.raises(GuardrailError):
        agent.act(START)


@pytest.mark.parametrize("way", WAYS)
def test_weights_are_looked_at_between_plans_too(way):
    agent = make(PILLAR, settings=replace(SETTINGS, replan_every=3))
    agent.act(START)
    way(agent.world_model.more)
    with pytest.raises(GuardrailError):
        agent.act(START)


@pytest.mark.parametrize(
    ("target", "name", "value"),
    [
        ("guardrail", "alpha", 0.9),
        ("guardrail", "margin", -1.0),
        ("guardrail", "requirement", SLOW.requirement),
        ("guardrail", "fallback", Hold()),
        ("requirement", "quantity", "velocity"),
        ("requirement", "region", Disc(center=(9.0, 9.0), radius=0.1)),
        ("region", "radius", 0.001),
        ("region", "center", (9.0, 9.0)),
        ("region", "distance", lambda points: points[..., 0] * 0 + 1),
        ("requirement", "value", lambda now, ahead, memory: ahead["position"][..., 0] * 0 - 1),
        ("fallback", "gain", 0.001),
    ],
)
def test_values_that_were_forced_open_are_noticed(target, name, value):
    mine = replace(PILLAR, requirement=replace(PILLAR.requirement, region=Disc(center=(0.5, 0.5), radius=0.15)), fallback=replace(BRAKE))
    agent = make(mine)
    agent.act(START)
    held = {"guardrail": mine, "requirement": mine.requirement, "region": mine.requirement.region, "fallback": mine.fallback}[target]
    object.__setattr__(held, name, value)
    with pytest.raises(GuardrailError, match="altered"):
        agent.act(START)


@pytest.mark.parametrize("name", ["guardrails", "knowledge", "world_model", "drives", "fingerprint"])
def test_attributes_of_a_guarded_agent_stay(name):
    agent = make(PILLAR)
    with pytest.raises(GuardrailError):
        setattr(agent, name, ())
    assert agent.guardrails == (PILLAR,)


@pytest.mark.parametrize("name", ["guardrails", "_guardrails", "_gate", "_guard", "_seal", "seal"])
def test_what_is_written_beside_takes_no_guardrail_away(name):
    agent = make(PILLAR)
    vars(agent)[name] = ()
    agent.act(START)
    assert agent.last_plan is not None and agent.last_plan.verdict is not None
    assert agent.guardrails == (PILLAR,)


def test_knowledge_that_was_forced_in_is_noticed():
    agent = make(PILLAR)
    vars(agent)["knowledge"] = true_knowledge()
    with pytest.raises(GuardrailError):
        agent.act(START)


def test_readouts_cannot_be_swapped_in_what_an_agent_knows():
    knowledge = weighty()
    agent = make(PILLAR, knowledge=knowledge)
    with pytest.raises(TypeError):
        agent.knowledge.readouts["position"] = knowledge.readouts["velocity"]
    knowledge.readouts["position"] = knowledge.readouts["velocity"]
    assert agent.knowledge.readouts["position"].name == "position"


def test_a_method_put_in_front_of_a_readout_is_noticed():
    agent = make(PILLAR)
    agent.act(START)
    agent.knowledge.readouts["position"].forward = lambda belief: belief[..., :2] * 0 + 9
    with pytest.raises(GuardrailError):
        agent.act(START)


def test_a_hook_on_a_readout_is_noticed():
    agent = make(PILLAR)
    agent.knowledge.readouts["position"].register_forward_hook(lambda module, given, found: found * 0 + 9)
    with pytest.raises(GuardrailError):
        agent.act(START)


def test_a_method_put_in_front_of_the_world_model_is_noticed():
    agent = make(PILLAR)
    plain = agent.world_model.rollout
    agent.world_model.rollout = lambda state, actions: plain(state, actions * 0)
    with pytest.raises(GuardrailError):
        agent.act(START)


def test_a_method_put_in_front_of_the_agent_is_noticed():
    agent = make(PILLAR, settings=replace(SETTINGS, replan_every=2))
    agent.act(START)
    agent._current_plan = lambda: agent.last_plan
    with pytest.raises(GuardrailError):
        agent.act(START)


def test_what_is_left_of_a_plan_cannot_be_written_over():
    agent = make(PILLAR, settings=replace(SETTINGS, replan_every=3))
    agent.act(START)
    agent.last_plan.actions[:] = 1
    with pytest.raises(GuardrailError, match="plan"):
        agent.act(START)


def test_another_plan_cannot_be_slipped_in():
    agent = make(PILLAR, settings=replace(SETTINGS, replan_every=3))
    agent.act(START)
    agent._plan = replace(agent.last_plan, actions=torch.ones_like(agent.last_plan.actions))
    with pytest.raises(GuardrailError, match="plan"):
        agent.act(START)


def test_a_task_adds_guardrails_and_takes_them_along_when_it_goes():
    agent = make(PILLAR)
    agent.set_task(GOAL + SLOW)
    assert agent.guardrails == (PILLAR, SLOW)
    agent.act(START)
    assert set(agent.last_plan.verdict.worst) == {"pillar", "slow"}
    agent.set_task(GOAL)
    assert agent.guardrails == (PILLAR,)


def test_a_task_brings_guardrails_to_an_agent_without_any():
    agent = make()
    agent.act(START)
    assert agent.last_plan.verdict is None
    agent.set_task(GOAL + SLOW)
    agent.act(START)
    assert set(agent.last_plan.verdict.worst) == {"slow"}
    agent.set_task(GOAL)
    agent.act(START)
    assert agent.last_plan.verdict is None


@pytest.mark.parametrize("weaker", [replace(PILLAR, alpha=0.5), PILLAR, replace(PILLAR, requirement=SLOW.requirement)])
def test_a_task_replaces_no_guardrail(weaker):
    agent = make(PILLAR)
    with pytest.raises(GuardrailError, match="replaces none"):
        agent.set_task(GOAL + weaker)
    agent.act(START)
    assert agent.guardrails == (PILLAR,)


@dataclass(frozen=True, kw_only=True)
class Deceiver(AbstractConfigurator):
    horizon: int
    interval: int = 1

    def configure(self, usual, task, problem, guardrails, knowledge):
        return replace(usual, planner=CEM(horizon=self.horizon, num_candidates=32), replan_every=self.interval)


def calibrated(agent: Agent, guardrail: Guardrail, **changes) -> Guardrail:
    tie = tie_of(agent.knowledge, guardrail, SETTINGS)
    found = {"alpha": 0.01, "confidence": 0.95, "episodes": 300, "violations": 0, "closed_loop": True, "tried": (0.02,), "tie": tie}
    return replace(guardrail, margin=0.02, calibration=Calibration(**found | changes))


def test_a_configurator_cannot_plan_in_a_way_that_was_not_calibrated():
    knowledge = weighty()
    good = calibrated(make(knowledge=knowledge), PILLAR)
    make(good, knowledge=knowledge).act(START)
    agent = make(good, knowledge=knowledge, configurator=Deceiver(horizon=6))
    with pytest.raises(GuardrailError, match=r"the planner differ"):
        agent.act(START)


def test_a_configurator_without_calibration_is_obeyed_and_guarded():
    agent = make(PILLAR, configurator=Deceiver(horizon=4, interval=2))
    agent.act(START)
    assert agent.last_plan.actions.shape[1] == 4
    assert agent.last_plan.verdict is not None
    first = agent.last_plan
    agent.act(START)
    assert agent.last_plan is first
    agent.act(START)
    assert agent.last_plan is not first


def test_an_interval_longer_than_the_plan_is_refused():
    agent = make(PILLAR, configurator=Deceiver(horizon=4, interval=5))
    with pytest.raises(ConfigError, match="5"):
        agent.act(START)


@pytest.mark.parametrize(
    ("changes", "settings", "part"),
    [
        ({}, replace(SETTINGS, replan_every=2), "interval"),
        ({}, replace(SETTINGS, planner=replace(SETTINGS.planner, horizon=9)), "horizon"),
        ({}, replace(SETTINGS, planner=CEM(horizon=6)), "planner"),
        ({"alpha": 0.05}, SETTINGS, "0.05"),
        ({"tried": (0.02, 0.01)}, SETTINGS, "margin"),
    ],
)
def test_a_calibration_holds_for_what_it_was_made_for_alone(changes, settings, part):
    knowledge = weighty()
    rail = calibrated(make(knowledge=knowledge), PILLAR, **changes)
    with pytest.raises(GuardrailError, match=part):
        make(rail, knowledge=knowledge, settings=settings)


def test_a_calibration_for_other_weights_is_refused():
    knowledge = weighty()
    rail = calibrated(make(knowledge=knowledge), PILLAR)
    make(rail, knowledge=knowledge)
    set_numpy(knowledge.readouts["position"].scale)
    with pytest.raises(GuardrailError, match="readouts"):
        make(rail, knowledge=knowledge)


def test_settings_of_a_calibrated_agent_can_only_be_replaced_by_ones_that_are_covered():
    knowledge = weighty()
    agent = make(calibrated(make(knowledge=knowledge), PILLAR), knowledge=knowledge)
    with pytest.raises(GuardrailError, match="horizon"):
        agent.settings = replace(SETTINGS, planner=replace(SETTINGS.planner, horizon=3))
    object.__setattr__(agent, "settings", replace(SETTINGS, planner=replace(SETTINGS.planner, horizon=3)))
    with pytest.raises(GuardrailError, match="horizon"):
        agent.act(START)


def test_a_planner_that_was_forced_open_is_noticed():
    knowledge = weighty()
    planner = MPPI(horizon=6, num_candidates=16, num_iterations=2)
    agent = make(calibrated(make(knowledge=knowledge), PILLAR), knowledge=knowledge, settings=replace(SETTINGS, planner=planner))
    agent.act(START)
    object.__setattr__(planner, "horizon", 2)
    with pytest.raises(GuardrailError):
        agent.act(START)


def test_a_pinned_fingerprint_is_that_of_the_same_agent_alone():
    knowledge = weighty()
    pinned = make(PILLAR, knowledge=knowledge).fingerprint
    assert make(PILLAR, knowledge=knowledge, pinned=pinned).fingerprint == pinned
    for other in (SLOW, replace(PILLAR, alpha=0.02), replace(PILLAR, margin=0.01), replace(PILLAR, fallback=Hold())):
        with pytest.raises(GuardrailError, match="pinned"):
            make(other, knowledge=knowledge, pinned=pinned)
    with pytest.raises(GuardrailError, match="pinned"):
        make(knowledge=knowledge, pinned=pinned)
    with pytest.raises(GuardrailError, match="pinned"):
        make(PILLAR, knowledge=knowledge, pinned=pinned, settings=replace(SETTINGS, replan_every=2))
    set_numpy(knowledge.world_model.more)
    with pytest.raises(GuardrailError, match="pinned"):
        make(PILLAR, knowledge=knowledge, pinned=pinned)


def test_every_verdict_carries_the_fingerprint():
    agent = make(PILLAR)
    agent.act(START)
    own = agent.fingerprint
    assert agent.last_plan.verdict.fingerprint == own
    agent.set_task(GOAL + SLOW)
    agent.act(START)
    assert agent.last_plan.verdict.fingerprint == agent.fingerprint != own


@dataclass(frozen=True, kw_only=True)
class Tempting(AbstractCost):
    """A critic that wants nothing so much as the pillar."""

    about_goals = False
    weight: float = 1e9

    def energy(self, rollout, problem):
        return self.weight * (rollout.latent - 0.5).square().sum(dim=-1)


def test_no_weight_buys_a_way_through():
    agent = make(PILLAR, settings=replace(SETTINGS, cost=SETTINGS.cost + Tempting()))
    state = {"position": START[None, :2].astype(float), "velocity": START[None, 2:].astype(float)}
    world = agent.world_model.world
    for _ in range(30):
        state = world.advance(state, agent.act(world.observe(state)))
        assert np.linalg.norm(state["position"] - 0.5) >= 0.15 - 1e-6


def test_drives_count_in_every_task():
    plain, driven = make(), make(drives=Tempting(weight=3.0))
    plain.act(START), driven.act(START)
    assert driven.drives == Tempting(weight=3.0)
    assert not torch.equal(plain.last_plan.energies, driven.last_plan.energies)
    with pytest.raises(GuardrailError):
        driven.drives = None
    object.__setattr__(driven.drives, "weight", 0.0)
    with pytest.raises(GuardrailError, match="altered"):
        driven.act(START)


def test_a_guardrail_needs_a_quantity_that_can_be_read():
    with pytest.raises(UnknownNameError, match="speed"):
        make(replace(SLOW, requirement=Limit(quantity="speed", most=1.0)))
    knowledge = weighty()
    knowledge.readouts["velocity"].fidelity = Fidelity(error=0.3, floor=0.3, untrained=0.3, readable=False, why="One frame shows no speed.")
    with pytest.raises(GuardrailError, match="One frame shows no speed"):
        make(SLOW, knowledge=knowledge)


def test_a_region_of_another_size_is_refused_when_the_agent_is_built():
    with pytest.raises(SpaceError, match="3"):
        make(replace(PILLAR, requirement=KeepOut(quantity="position", region=Disc(center=(0.0, 0.0, 0.0), radius=1.0))))


def test_two_guardrails_of_one_name_are_refused():
    with pytest.raises(GuardrailError, match="pillar"):
        make(PILLAR, replace(SLOW, name="pillar"))


def test_going_on_with_a_safe_plan_does_not_mix_with_other_fallbacks():
    with pytest.raises(GuardrailError, match="last safe plan"):
        make(PILLAR, replace(SLOW, fallback=LastSafePlan()))
