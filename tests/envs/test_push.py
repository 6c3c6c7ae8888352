"""Promises of the world in which a block is pushed."""

import numpy as np
import pytest

from telos.core.config import from_json, to_json
from telos.core.errors import ConfigError, UnknownNameError
from telos.data import HeldRandomActions, WanderingExpert
from telos.envs import Push, WorldEnv, make_world
from telos.testing import check_behaviour, check_env, check_world
from telos.testing.examples import example_actions

WORLDS = {
    "as it comes": Push(),
    "vectors": Push(view="state"),
    "both judged, large, repeated": Push(judged="both", size=64, action_repeat=2),
    "slippery, thin": Push(friction=0.0, block_size=(0.06, 0.24), agent_radius=0.04),
    "no kerb": Push(kerb=0.0),
}
every_world = pytest.mark.parametrize("world", WORLDS.values(), ids=WORLDS.keys())


def state_of(position, block, angle):
    return {"position": np.array([position]), "block": np.array([block]), "angle": np.array([angle])}


@every_world
def test_keeps_every_promise_of_a_world_and_of_an_environment(world):
    check_world(world)
    check_env(WorldEnv(world, render_mode="rgb_array"))
    assert from_json(to_json(world)) == world


@pytest.mark.parametrize("kind", Push.pair_kinds)
def test_the_expert_brings_block_and_disc_to_every_goal_and_keeps_them_there(kind):
    world = Push(judged="both")
    state, goal = world.sample_pairs(np.random.default_rng(1), 100, kind)
    held, needed = np.zeros(100, int), np.zeros(100, int)
    for _ in range(150):
        state = world.advance(state, world.expert(state, goal))
        needed += held < 5
        held = np.where(world.distance(state, goal) < 0.02, held + 1, 0)
    assert (held >= 5).mean() >= 0.99
    assert np.median(needed) < (60 if kind == "anywhere" else 45)


def test_the_expert_is_stuck_nowhere_that_random_actions_lead_to():
    world, rng = Push(), np.random.default_rng(2)
    state, goal = world.sample_pairs(rng, 100, "anywhere")
    goals = world.sample(rng, 100)
    for _ in range(25):
        state = world.advance(state, world.expert(state, goals))
    for push in example_actions(world.spaces.action, rng, 6, 100):
        for _ in range(4):
            state = world.advance(state, 5 * push)
    near = np.zeros(100, bool)
    for _ in range(150):
        state = world.advance(state, world.expert(state, goal))
        near |= world.distance(state, goal) < 0.02
    assert near.mean() >= 0.99


def test_distance_is_the_way_of_the_farthest_corner():
    world = Push(block_size=(0.06, 0.08))
    here = state_of([0.1, 0.1], [0.5, 0.5], 0.0)
    assert world.distance(here, state_of([0.9, 0.9], [0.5, 0.5], 0.0)) == 0
    np.testing.assert_allclose(world.distance(here, state_of([0.1, 0.1], [0.53, 0.54], 0.0)), 0.05)
    # Half a turn takes each corner across the whole diagonal.
    np.testing.assert_allclose(world.distance(here, state_of([0.1, 0.1], [0.5, 0.5], np.pi)), 0.1)
    np.testing.assert_allclose(world.distance(here, state_of([0.1, 0.1], [0.5, 0.5], 2 * np.pi)), 0, atol=1e-12)
    both = Push(block_size=(0.06, 0.08), judged="both")
    np.testing.assert_allclose(both.distance(here, state_of([0.1, 0.3], [0.53, 0.54], 0.0)), 0.2)


def test_goals_near_by_are_near_and_no_goal_is_reached_at_the_start():
    world = Push()
    for kind, most in (("near", 0.4), ("anywhere", 1.5)):
        start, goal = world.sample_pairs(np.random.default_rng(0), 500, kind)
        assert world.min_distance <= world.distance(start, goal).min() <= world.distance(start, goal).max() < most
        for state in (start, goal):
            np.testing.assert_array_equal(world.advance(state, np.zeros((500, 2)))["block"], state["block"])
            assert world.table.touch(np.concatenate([state["position"].T, state["block"].T, state["angle"][None]])).gap.min() >= 0
    with pytest.raises(UnknownNameError, match="anywhere"):
        world.sample_pairs(np.random.default_rng(0), 1, "anywher")


def test_a_state_rounded_to_single_precision_is_not_thrown_about():
    world, rng = Push(), np.random.default_rng(0)
    state, goal = world.sample_pairs(rng, 200, "near")
    for _ in range(15):
        state = world.advance(state, world.expert(state, goal))
        rounded = {name: part.astype(np.float32) for name, part in state.items()}
        assert world.distance(world.advance(rounded, np.zeros((200, 2))), state).max() < 1e-6


def test_shows_disc_block_and_the_end_of_it_that_is_marked():
    world = Push(size=100)
    frame = world.observe(state_of([0.2, 0.7], [0.6, 0.4], 0.0))[0]
    assert tuple(frame[70, 20]) == world.agent_colour
    assert tuple(frame[40, 56]) == world.block_colour
    assert tuple(frame[40, 65]) == world.mark_colour
    assert tuple(frame[70, 60]) == world.floor_colour
    assert tuple(frame[5, 50]) == world.kerb_colour
    turned = world.observe(state_of([0.2, 0.7], [0.6, 0.4], np.pi / 2))[0]
    assert tuple(turned[45, 60]) == world.mark_colour
    assert tuple(turned[36, 60]) == world.block_colour


@pytest.mark.parametrize("size", [32, 64])
def test_pictures_have_soft_edges_so_that_small_motions_show(size):
    world = Push(size=size)
    states = world.sample(np.random.default_rng(3), 50)
    for part, by in (("position", 0.004), ("block", 0.004), ("angle", 0.04)):
        moved = {**states, part: states[part] + by}
        assert (world.observe(moved) != world.observe(states)).any((1, 2, 3)).all()
    # The share of the picture that is not floor: the disc where nothing hides it.
    alone = state_of([0.2, 0.2], [0.7, 0.7], 0.5)
    red = (world.observe(alone)[0, : size // 2, : size // 2, 2].astype(float) - world.floor_colour[2]) / (
        world.agent_colour[2] - world.floor_colour[2]
    )
    inside = slice(int(0.14 * size) + 1, size // 2)
    assert red[inside, inside].sum() / size**2 == pytest.approx(np.pi * world.agent_radius**2, rel=0.05)


def test_vectors_hold_disc_block_and_the_direction_of_its_angle():
    seen = Push(view="state").observe(state_of([0.2, 0.7], [0.6, 0.4], np.pi / 2))
    np.testing.assert_allclose(seen, [[0.2, 0.7, 0.6, 0.4, 0, 1]], atol=1e-6)


def share_of_contact(world, behaviour):
    """Share of steps in which the block moves."""
    rng = np.random.default_rng(0)
    state, act = world.sample(rng, 64), behaviour.start(world.spaces.action, 64, rng)
    moved = 0
    for step in range(60):
        before = state
        state = world.advance(state, act(world.observe(state), state, np.full(64, step == 0)))
        moved += (state["block"] != before["block"]).any(1).mean()
    return moved / 60


def test_the_wandering_expert_pushes_the_block_about_where_random_actions_hardly_touch_it():
    world = Push()
    check_behaviour(WanderingExpert(world=world), world)
    assert share_of_contact(world, HeldRandomActions()) < 0.1 < 0.2 < share_of_contact(world, WanderingExpert(world=world))


def test_knows_its_name_and_its_arguments():
    assert make_world("push", view="state", block_size=(0.1, 0.2)) == Push(view="state", block_size=(0.1, 0.2))


@pytest.mark.parametrize(
    "wrong",
    [
        {"view": "sound"},
        {"judged": "disc"},
        {"size": 2},
        {"max_step": 0},
        {"agent_radius": 0.5},
        {"block_size": (0.3, 0.1)},
        {"block_size": 0.2},
        {"friction": -1},
        {"kerb": 0.4},
        {"min_distance": 0},
        {"action_repeat": 0},
        {"mark_colour": (0, 0, 300)},
    ],
    ids=str,
)
def test_refuses_a_field_out_of_range_by_name(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))) as error:
        Push(**wrong)
    assert error.value.expected
