"""Promises of worlds that change, and of what is measured in them."""

from dataclasses import replace

import numpy as np
import pytest

from telos.agent.actor import MPPI
from telos.agent.cost import PathDistance
from telos.agent.loop import Agent, AgentSettings
from telos.agent.surprise import SurpriseConfig
from telos.core.errors import ConfigError
from telos.envs import PointMass, TwoRooms, make_world
from telos.evaluation.changes import ChangedWorld, Drag, Mirrored, Wind, measure_noticing
from telos.evaluation.protocols import Pairs, make_protocol
from telos.testing import check_world, true_knowledge

CHANGES = (Drag(), Mirrored(axis=1), Wind())
LEVEL = 0.05


def sense():
    """Knows errors of rounding only: the model of these tests is always right."""
    found = SurpriseConfig(latent_size=2, horizons=(1, 2, 4), num_ranks=64).build().eval()
    found.whitening.div_(1e-4)
    return found


def agent(**settings):
    planner = MPPI(horizon=8, num_candidates=32)
    knowledge = replace(true_knowledge(), surprise=sense())
    return Agent(knowledge, AgentSettings(planner=planner, cost=PathDistance(), **settings))


def pairs(num=6):
    world = PointMass()
    starts, goals = world.sample_pairs(np.random.default_rng(0), num, "anywhere")
    return world, Pairs(starts, goals, np.full(num, 24)), make_protocol(world, None, episodes=num, offset=None, seed=0)


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.label)
def test_a_changed_world_keeps_the_promises_of_a_world(change):
    check_world(ChangedWorld(world=TwoRooms(), change=change, after=3))


def test_it_is_the_usual_world_until_it_changes():
    usual, changed = TwoRooms(), ChangedWorld(world=TwoRooms(), change=Drag(share=0.5), after=2)
    state = changed.sample(np.random.default_rng(0), 1)
    state["position"][:] = 0.2
    inside = {name: part for name, part in state.items() if name != "clock"}
    push = np.array([[0.04, 0.02]], np.float32)
    moved = []
    for _ in range(4):
        state, inside = changed.advance(state, push), usual.advance(inside, push)
        moved.append(np.round(state["position"][0] - inside["position"][0], 6).tolist())
    assert moved == [[0, 0], [0, 0], [-0.02, -0.01], [-0.04, -0.02]]


@pytest.mark.parametrize(
    ("change", "expected"),
    [(Drag(share=0.25), (0.01, 0.01)), (Mirrored(axis=0), (-0.04, 0.04)), (Wind(push=(0.0, -0.03)), (0.04, 0.01))],
    ids=lambda part: getattr(part, "label", ""),
)
def test_each_change_does_what_it_says(change, expected):
    state = {**TwoRooms().sample(np.random.default_rng(0), 1), "position": np.array([[0.25, 0.5]])}
    after = change.advance(TwoRooms(), state, np.array([[0.04, 0.04]], np.float32))
    np.testing.assert_allclose(after["position"][0] - [0.25, 0.5], expected, atol=1e-7)


def test_a_change_is_noticed_at_once_by_an_agent_that_was_right_and_it_plans_anew():
    world, some, protocol = pairs()
    found = measure_noticing(agent(replan_every=6, surprise_level=LEVEL), world, some, protocol, Drag(share=0.2), after=8)
    assert found.judged().all()
    assert (found.delays(LEVEL) <= 2).all()
    assert found.within(LEVEL).value == 1
    assert np.nanmin(found.p_values[:, :9]) > LEVEL


def test_nothing_is_noticed_where_nothing_has_changed():
    world, some, protocol = pairs()
    found = measure_noticing(agent(surprise_level=LEVEL), world, some, protocol)
    assert found.alarms(LEVEL) == 0
    assert found.to_json(LEVEL)["delay"] is None


def test_who_was_never_taught_what_is_usual_cannot_be_measured():
    world, some, protocol = pairs()
    plain = Agent(true_knowledge(), AgentSettings(planner=MPPI(horizon=4), cost=PathDistance()))
    with pytest.raises(ConfigError, match="what is usual"):
        measure_noticing(plain, world, some, protocol)


def test_worlds_of_choices_and_changes_before_the_beginning_are_refused():
    with pytest.raises(ConfigError, match="choices"):
        ChangedWorld(world=make_world("gym:MountainCar-v0"), change=Drag())
    with pytest.raises(ConfigError, match="after -1"):
        ChangedWorld(world=TwoRooms(), change=Drag(), after=-1)
