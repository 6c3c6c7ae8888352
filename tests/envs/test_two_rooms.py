"""Promises of the two rooms."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telos.core.errors import ConfigError, UnknownNameError
from telos.envs import TwoRooms


def inside_wall(world, state):
    """Whether the square around the disc overlaps wall or border by more than a hair."""
    x, y = state["position"].T
    hair, radius = 1e-5, world.agent_radius
    in_band = np.abs(x - state["wall"]) < world.wall_thickness / 2 + radius - hair
    in_door = np.abs(y - state["door"]) < world.door_width / 2 - radius + hair
    outside = ((state["position"] < radius - hair) | (state["position"] > 1 - radius + hair)).any(1)
    return (in_band & ~in_door) | outside


@settings(deadline=None, max_examples=40)
@given(
    seed=st.integers(0, 10_000),
    repeat=st.integers(1, 4),
    max_step=st.floats(0.01, 1),
    thickness=st.floats(0.005, 0.1),
    layout=st.sampled_from(["fixed", "random"]),
)
def test_never_is_inside_a_wall_and_never_tunnels(seed, repeat, max_step, thickness, layout):
    world = TwoRooms(action_repeat=repeat, max_step=max_step, wall_thickness=thickness, layout=layout)
    rng = np.random.default_rng(seed)
    state = world.sample(rng, 32)
    shut = {**state, "door": np.full(32, 5.0)}
    side = np.sign(state["position"][:, 0] - state["wall"])
    for _ in range(20):
        actions = rng.uniform(-max_step, max_step, (32, 2))
        state, shut = world.advance(state, actions), world.advance(shut, actions)
        assert not inside_wall(world, state).any()
        assert (np.sign(shut["position"][:, 0] - shut["wall"]) == side).all()


def test_slides_along_the_wall():
    world = TwoRooms()
    state = {"position": np.array([[0.41, 0.2]]), "wall": np.array([0.5]), "door": np.array([0.8])}
    after = world.advance(state, np.array([[0.08, 0.05]]))
    np.testing.assert_allclose(after["position"], [[0.42, 0.25]])


def test_a_state_rounded_to_single_precision_is_not_thrown_about():
    world = TwoRooms(layout="random")
    rng = np.random.default_rng(0)
    state = world.sample(rng, 500)
    for _ in range(10):
        state = world.advance(state, rng.uniform(-0.08, 0.08, (500, 2)))
        rounded = {name: part.astype(np.float32) for name, part in state.items()}
        np.testing.assert_allclose(world.advance(rounded, np.zeros((500, 2)))["position"], state["position"], atol=1e-6)


def test_random_layouts_differ_and_fixed_ones_do_not():
    rng = np.random.default_rng(0)
    for layout, num in (("fixed", 1), ("random", 50)):
        state = TwoRooms(layout=layout).sample(rng, 50)
        assert len(np.unique(state["wall"])) == len(np.unique(state["door"])) == num


@pytest.mark.parametrize("layout", ["fixed", "random"])
def test_pairs_across_rooms_are_on_both_sides_of_one_wall(layout):
    start, goal = TwoRooms(layout=layout).sample_pairs(np.random.default_rng(0), 300, "across-rooms")
    np.testing.assert_array_equal(start["wall"], goal["wall"])
    np.testing.assert_array_equal(start["door"], goal["door"])
    assert ((start["position"][:, 0] < start["wall"]) != (goal["position"][:, 0] < goal["wall"])).all()


def test_starts_are_never_inside_a_wall():
    world = TwoRooms(layout="random")
    start, goal = world.sample_pairs(np.random.default_rng(0), 500, "anywhere")
    assert not (inside_wall(world, start) | inside_wall(world, goal)).any()
    assert world.distance(start, goal).min() >= world.min_distance


def test_shows_agent_wall_and_door_where_they_are():
    world = TwoRooms(size=100)
    frame = world.observe({"position": np.array([[0.2, 0.7]]), "wall": np.array([0.5]), "door": np.array([0.3])})[0]
    assert tuple(frame[70, 20]) == world.agent_colour
    assert tuple(frame[80, 50]) == world.wall_colour
    assert tuple(frame[30, 50]) == tuple(frame[20, 70]) == world.floor_colour


@pytest.mark.parametrize(
    "wrong",
    [
        {"layout": "circle"},
        {"size": 2},
        {"size": 32.5},
        {"max_step": 0},
        {"door_width": 0.1},
        {"wall_position": 0.05},
        {"wall_range": (0.7, 0.3)},
        {"action_repeat": 0},
        {"agent_colour": (0, 0, 300)},
        {"agent_radius": float("nan")},
        {"wall_range": 0.5},
    ],
    ids=str,
)
def test_refuses_a_field_out_of_range_by_name(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))) as error:
        TwoRooms(**wrong)
    assert error.value.expected


def test_refuses_an_unknown_kind_of_pair():
    with pytest.raises(UnknownNameError, match="across-rooms"):
        TwoRooms().sample_pairs(np.random.default_rng(0), 1, "across-room")
