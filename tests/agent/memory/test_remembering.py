"""What was found otherwise than expected is expected from then on, for as long as it is remembered."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from telos.agent.actor import CEM, MPPI
from telos.agent.cost import LeastDistance
from telos.agent.guardrails import Brake, Disc, Guardrail, KeepOut
from telos.agent.loop import Agent, AgentSettings
from telos.agent.memory import EpisodicMemory, EpisodicMemoryConfig, RememberingModel, recollection
from telos.agent.perception import EncoderConfig
from telos.agent.tasks import ReachGoal
from telos.agent.world_model import FilteringJEPAConfig, JEPAConfig
from telos.core.errors import ConfigError, GuardrailError
from telos.core.readouts import Knowledge
from telos.core.spaces import Spaces, VectorSpace
from telos.testing import true_knowledge

SPACES = Spaces(VectorSpace(3), VectorSpace(2, (-1, -1), (1, 1)))
NOBODY = EpisodicMemoryConfig(threshold=1e6, latent_reach=1.0)


def memory(**changes) -> EpisodicMemory:
    return replace(EpisodicMemoryConfig(threshold=0.05, latent_reach=0.2), **changes).build()


def keys(store: EpisodicMemory, *places: float) -> torch.Tensor:
    return store.key(torch.tensor([[place] for place in places]), torch.zeros(len(places), 1))


def written(store: EpisodicMemory, *places: float):
    """One row, an entry at each place, of the value place + 1."""
    entries = store.begin(1, 2, 1, torch.zeros(1))
    for place in places:
        entries = store.write(store.age(entries), keys(store, place), torch.tensor([[place + 1]]), torch.ones(1, dtype=torch.bool))
    return entries


def test_within_reach_it_counts_fully_and_fades_beyond():
    store = memory()
    entries = written(store, 0.0)
    weights = [store.read(entries, keys(store, away)).weight.item() for away in (0.0, 0.19, 0.25, 0.35, 0.6)]
    assert weights[:2] == pytest.approx([1, 1])
    assert 0.5 < weights[2] < 1
    assert weights[3] < 0.2
    assert weights[4] < 1e-6


def test_what_says_the_same_replaces_and_what_says_something_else_stands_beside_it():
    store = memory()
    assert (written(store, 0.0, 0.05).strengths > 0).sum() == 1
    entries = written(store, 0.0, 5.0)
    assert (entries.strengths > 0).sum() == 2
    assert store.read(entries, keys(store, 5.0)).value.item() == pytest.approx(6)


def test_where_there_is_no_room_the_oldest_goes():
    store = memory(slots=3)
    entries = written(store, 0.0, 5.0, 10.0, 15.0)
    found = [store.read(entries, keys(store, place)).weight.item() for place in (0.0, 5.0, 10.0, 15.0)]
    assert found == pytest.approx([0, 1, 1, 1], abs=1e-6)


def test_what_is_believed_least_goes_before_what_is_older():
    store = memory(slots=2)
    entries = store.contradict(written(store, 0.0, 5.0), keys(store, 5.3), torch.ones(1, dtype=torch.bool))
    assert 0 < entries.strengths.min() < 1
    entries = store.write(entries, keys(store, 10.0), torch.ones(1, 1), torch.ones(1, dtype=torch.bool))
    assert store.read(entries, keys(store, 0.0)).weight.item() == pytest.approx(1)
    assert store.read(entries, keys(store, 5.0)).weight.item() < 1e-6


def test_it_fades_with_its_half_life_and_is_forgotten_in_the_end():
    store, entries = memory(half_life=10.0), written(memory(half_life=10.0), 0.0)
    for _ in range(10):
        entries = store.age(entries)
    assert entries.strengths.max().item() == pytest.approx(0.5)
    for _ in range(40):
        entries = store.age(entries)
    assert (entries.strengths == 0).all()


@pytest.fixture
def jepa() -> JEPAConfig:
    return JEPAConfig(encoder=EncoderConfig(), latent_size=6)


@pytest.mark.parametrize("config", [JEPAConfig, FilteringJEPAConfig])
def test_after_one_surprise_the_same_step_is_foreseen_as_it_went(config):
    torch.manual_seed(0)
    model = RememberingModel(config(encoder=EncoderConfig(), latent_size=6).build(SPACES), memory(threshold=1e-3, latent_reach=0.1)).eval()
    seen, action = torch.rand(3, 3), torch.rand(3, 2)
    with torch.no_grad():
        before = model.observe(None, None, seen)
        expected = model.step(before, action)
        after = model.observe(before, action, torch.rand(3, 3))
        again = replace(before, memory={**before.memory, **{name: part for name, part in after.memory.items() if name.startswith("remembered")}})
        foreseen = model.step(again, action)
        alone = model.rollout(again, action[:, None])
    assert not torch.allclose(expected.latent, after.latent, atol=1e-3)
    assert torch.allclose(foreseen.latent, after.latent, atol=1e-5)
    assert torch.allclose(alone.latent[:, 0], after.latent, atol=1e-5)
    assert recollection(after).stored.tolist() == [1, 1, 1]
    assert recollection(before).stored.tolist() == [0, 0, 0]


def test_a_row_remembers_its_own(jepa):
    torch.manual_seed(0)
    model = RememberingModel(jepa.build(SPACES), memory(threshold=1e-3)).eval()
    seen, action, ahead = torch.rand(4, 3), torch.rand(4, 2), torch.rand(4, 3)
    with torch.no_grad():
        state = model.observe(model.observe(None, None, seen), action, ahead)
        alone = model.observe(model.observe(None, None, seen[2:3]), action[2:3], ahead[2:3])
        actions = torch.rand(4, 5, 2)
        whole, one = model.rollout(state, actions), model.rollout(alone, actions[2:3])
        repeated = model.rollout(state, actions.repeat_interleave(3, dim=0))
    assert torch.allclose(whole.latent[2:3], one.latent, atol=1e-5)
    assert torch.allclose(repeated.latent[::3], whole.latent, atol=1e-5)


def test_nothing_is_written_while_all_is_as_expected_and_nothing_changes(jepa):
    torch.manual_seed(0)
    inside = jepa.build(SPACES).eval()
    model = RememberingModel(inside, NOBODY.build())
    seen, action, actions = torch.rand(2, 3), torch.rand(2, 2), torch.rand(2, 5, 2)
    with torch.no_grad():
        ours = model.observe(model.observe(None, None, seen), action, seen)
        theirs = inside.observe(inside.observe(None, None, seen), action, seen)
        assert torch.equal(model.rollout(ours, actions).latent, inside.rollout(theirs, actions).latent)
    assert recollection(ours).stored.tolist() == [0, 0]


def test_what_is_found_to_be_so_no_more_is_forgotten(jepa):
    torch.manual_seed(0)
    model = RememberingModel(jepa.build(SPACES), memory(threshold=1e-3)).eval()
    seen, action = torch.rand(1, 3), torch.rand(1, 2)
    with torch.no_grad():
        state = model.observe(None, None, seen)
        surprised = model.observe(state, action, torch.rand(1, 3))
        back = replace(state, memory=surprised.memory | {"hidden": state.memory["hidden"], "scenery": state.memory["scenery"]})
        expected = model.model.step(state, action)
        learned = model._learned(back, action, expected.latent, expected)
    assert recollection(surprised).stored.item() == 1
    assert recollection(learned).stored.item() == 0


def test_an_episode_forgets_and_one_that_is_shown_the_last_one_does_not(jepa):
    torch.manual_seed(0)
    model = RememberingModel(jepa.build(SPACES), memory(threshold=1e-3))
    settings = AgentSettings(planner=CEM(horizon=4, num_candidates=16, num_elites=4, num_iterations=1), cost=LeastDistance())
    for remembers, stored in ((False, 0), (True, 1)):
        agent = Agent(Knowledge(world_model=model.eval().requires_grad_(False)), replace(settings, remembers=remembers))
        agent.set_task(ReachGoal(np.zeros(3, np.float32)))
        for seen in ((0.1, 0.2, 0.3), (0.9, 0.1, 0.5)):
            agent.act(np.array(seen, np.float32))
        assert recollection(agent.state).stored.item() == 1
        agent.reset()
        agent.act(np.array((0.4, 0.4, 0.4), np.float32))
        assert recollection(agent.state).stored.item() == stored


@pytest.mark.parametrize("wrong", [{"threshold": 0.0}, {"latent_reach": -1.0}, {"slots": 0}, {"half_life": 0.0}, {"action_reach": float("inf")}])
def test_numbers_out_of_range_are_refused(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        memory(**wrong)


def test_one_memory_is_enough_and_other_things_are_none(jepa):
    model = RememberingModel(jepa.build(SPACES), memory())
    with pytest.raises(ConfigError, match="already"):
        RememberingModel(model, memory())
    with pytest.raises(ConfigError, match="no memory"):
        RememberingModel(jepa.build(SPACES), "episode")
    with pytest.raises(ConfigError, match="no episodic memory"):
        recollection(model.model.observe(None, None, torch.rand(1, 3)))


def test_guardrails_watch_the_model_inside_and_what_is_worth_remembering():
    brake = Brake(quantity="velocity", gain=10.0, steps=6)
    pillar = Guardrail(name="pillar", requirement=KeepOut(quantity="position", region=Disc(center=(0.5, 0.5), radius=0.15)), fallback=brake)
    start, goal = np.array([0.1, 0.5, 0.0, 0.0], np.float32), np.array([0.9, 0.5, 0.0, 0.0], np.float32)

    def agent() -> Agent:
        knowledge = true_knowledge()
        knowledge.world_model.register_parameter("more", torch.nn.Parameter(torch.ones(50), requires_grad=False))
        settings = AgentSettings(planner=MPPI(horizon=6, num_candidates=16, num_iterations=2), cost=LeastDistance())
        model = RememberingModel(knowledge.world_model, memory(threshold=1.0))
        made = Agent(replace(knowledge, world_model=model), settings, guardrails=(pillar,))
        made.set_task(ReachGoal(goal))
        made.act(start)
        return made

    assert agent().last_plan.verdict.feasible.all()

    def weight(model: RememberingModel) -> None:
        with torch.no_grad():
            model.model.more[0] = 7

    def settings(model: RememberingModel) -> None:
        model.memory.numbers[0] = 9.0

    def swap(model: RememberingModel) -> None:
        model.memory = memory(threshold=9.0)

    for tamper in (weight, settings, swap):
        altered = agent()
        tamper(altered.world_model)
        with pytest.raises(GuardrailError, match="world model"):
            altered.act(start)
