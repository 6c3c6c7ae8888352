"""Promises of the four rooms."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telos.core.config import from_json, to_json
from telos.core.errors import ConfigError
from telos.envs import FourRooms, WorldEnv, make_world
from telos.envs.ring import PLACES
from telos.testing import check_env, check_world
from telos.testing.examples import example_actions

WORLDS = {"usual": FourRooms(), "alone, all open": FourRooms(most=0, shut=0.0), "action repeated": FourRooms(action_repeat=3, size=48, most=2)}
every_world = pytest.mark.parametrize("world", WORLDS.values(), ids=WORLDS.keys())


def inside_wall(world, position, shut):
    """Whether the disc overlaps a wall, a shut door or the border by more than a hair."""
    hair, radius = 1e-5, world.agent_radius
    reach = world.wall_thickness / 2 + radius - hair
    inside = ((position < radius - hair) | (position > 1 - radius + hair)).any(axis=1)
    for axis, doors in ((0, (1, 2)), (1, (3, 4))):
        along = position[:, 1 - axis]
        in_band = np.abs(position[:, axis] - 0.5) < reach
        in_door = np.zeros(len(position), bool)
        for door in doors:
            middle = PLACES[door][1 - axis]
            in_door |= (np.abs(along - middle) <= world.door_width / 2 - radius + hair) & (shut != door)
        inside |= in_band & ~in_door
    return inside


@every_world
def test_keeps_every_promise_of_a_world(world):
    check_world(world)


@every_world
def test_keeps_every_promise_of_an_environment(world):
    check_env(WorldEnv(world, render_mode="rgb_array"))


@every_world
def test_survives_its_own_json(world):
    assert from_json(to_json(world)) == world


def test_is_made_by_its_name():
    assert make_world("four-rooms", most=2) == FourRooms(most=2)


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 10_000), repeat=st.integers(1, 3), max_step=st.floats(0.005, 0.5), most=st.integers(0, 5))
def test_nobody_is_ever_inside_a_wall_or_a_shut_door(seed, repeat, max_step, most):
    world = FourRooms(action_repeat=repeat, max_step=max_step, most=most, shut=0.8)
    rng = np.random.default_rng(seed)
    state = world.sample(rng, 32)
    for _ in range(25):
        state = world.advance(state, rng.uniform(-max_step, max_step, (32, 2)))
        assert not inside_wall(world, state["position"], state["shut"]).any()
        assert not inside_wall(world, state["others"].reshape(-1, 2), np.repeat(state["shut"], most)).any()


@pytest.mark.parametrize("door", [1, 2, 3, 4])
def test_who_heads_through_a_door_gets_into_the_next_room_unless_it_is_shut(door):
    world = FourRooms()
    axis = 0 if door <= 2 else 1
    start = PLACES[door].copy()
    start[axis] = 0.3
    for shut, comes_through in ((0, True), (door, False), (door % 4 + 1, True)):
        state = {name: part.copy() for name, part in world.sample(np.random.default_rng(0), 1).items()}
        state["position"][0], state["shut"][0] = start, shut
        push = np.zeros((1, 2))
        push[0, axis] = world.max_step
        for _ in range(40):
            state = world.advance(state, push)
        assert (state["position"][0, axis] > 0.6) == comes_through


@pytest.mark.parametrize("kind", FourRooms.pair_kinds)
def test_expert_reaches_every_goal_about_as_fast_as_the_way_is_long(kind):
    world = FourRooms()
    state, goal = world.sample_pairs(np.random.default_rng(1), 400, kind)
    promised = world.path_length(state, goal) / world.max_step
    assert promised.max() <= world.farthest
    taken = np.full(400, np.inf)
    for step in range(110):
        taken = np.where(np.isinf(taken) & (world.distance(state, goal) < 0.01), step, taken)
        state = world.advance(state, world.expert(state, goal))
    assert (taken <= 1.15 * promised + 6).all(), taken.max()
    assert (world.distance(state, goal) < 0.01).all()


def test_expert_is_stuck_nowhere_that_a_random_walk_leads_to():
    world = FourRooms(shut=1.0)
    rng = np.random.default_rng(2)
    state, goal = world.sample_pairs(rng, 1000, "anywhere")
    for push in example_actions(world.spaces.action, rng, 8, 1000):
        for _ in range(10):
            state = world.advance(state, 5 * push)
    for _ in range(200):
        state = world.advance(state, world.expert(state, goal))
    assert (world.distance(state, goal) < 0.01).all()


def test_pairs_lie_as_many_doors_apart_as_their_kind_says():
    world = FourRooms()
    rng = np.random.default_rng(3)
    for kind, doors in (("two-doors", 2), ("one-door", 1)):
        start, goal = world.sample_pairs(rng, 300, kind)
        found, _ = world.ring.way(start["position"], goal["position"], start["shut"])
        assert (found == doors).all()
        np.testing.assert_array_equal(start["shut"], goal["shut"])
        np.testing.assert_array_equal(start["present"], goal["present"])
        if world.most:
            assert not np.allclose(start["others"], goal["others"])


def test_a_door_is_shut_in_half_of_the_episodes_and_any_number_of_others_is_as_likely():
    state = FourRooms().sample(np.random.default_rng(4), 6000)
    shares = np.bincount(state["shut"], minlength=5) / 6000
    np.testing.assert_allclose(shares, [0.5, 0.125, 0.125, 0.125, 0.125], atol=0.03)
    np.testing.assert_allclose(np.bincount(state["present"].sum(axis=1)) / 6000, np.full(6, 1 / 6), atol=0.03)


def test_the_others_do_the_same_whatever_the_agent_does():
    world, rng = FourRooms(), np.random.default_rng(5)
    one = other = world.sample(rng, 64)
    for _ in range(30):
        one = world.advance(one, np.full((64, 2), world.max_step))
        other = world.advance(other, np.full((64, 2), -world.max_step))
    for name in ("others", "heading", "luck"):
        np.testing.assert_array_equal(one[name], other[name])
    assert not np.allclose(one["position"], other["position"])


def test_the_others_are_suddenly_elsewhere_as_often_as_is_said():
    world = FourRooms(elsewhere=0.1)
    state = world.sample(np.random.default_rng(6), 400)
    jumps = 0
    for _ in range(50):
        after = world.advance(state, np.zeros((400, 2)))
        jumps += (np.abs(after["others"] - state["others"]).max(axis=-1) > 1.5 * world.max_step).sum()
        state = after
    # A few land next to where they were.
    assert 0.09 < jumps / (50 * 400 * world.most) < 0.105


def test_the_picture_shows_agent_others_walls_and_a_shut_door():
    world = FourRooms(size=100)
    state = {name: part.copy() for name, part in world.sample(np.random.default_rng(7), 2).items()}
    state["position"][:], state["others"][:] = (0.2, 0.8), (0.8, 0.2)
    state["present"][:] = np.eye(2, world.most, dtype=bool)
    state["shut"][:] = (0, 1)
    open_, shut = world.observe(state)
    assert tuple(open_[80, 20]) == world.agent_colour
    assert tuple(open_[10, 50]) == tuple(shut[25, 50]) == world.wall_colour
    assert tuple(open_[25, 50]) == tuple(open_[75, 50]) == tuple(open_[50, 25]) == tuple(open_[50, 75]) == world.floor_colour
    assert tuple(open_[20, 80]) == (0, 114, 178)
    assert tuple(shut[20, 80]) == (230, 159, 0)


@pytest.mark.parametrize(
    "wrong", [{"most": -1}, {"shut": 1.5}, {"door_width": 0.05}, {"agent_radius": 0.2}, {"farthest": 0}, {"elsewhere": float("nan")}], ids=str
)
def test_refuses_a_field_out_of_range_by_name(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))) as error:
        FourRooms(**wrong)
    assert error.value.expected


def test_says_so_where_no_pairs_are_near_enough():
    with pytest.raises(ConfigError, match="two-doors"):
        FourRooms(farthest=2).sample_pairs(np.random.default_rng(0), 4, "two-doors")
