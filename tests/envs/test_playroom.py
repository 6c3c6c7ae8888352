"""Promises of the playroom."""

from dataclasses import replace

import numpy as np
import pytest

from telos.core.errors import ConfigError
from telos.envs import Playroom
from telos.envs.playroom import COLOURS, FLOOR, SHAPES, WALL_THICKNESS

WORLD = Playroom()


def roll(world, state, steps, action=0.0):
    """The states on the way, first included."""
    path = [state]
    for _ in range(steps):
        path.append(world.advance(path[-1], np.full((len(state["wall"]), 1), action)))
    return path


def one(**parts):
    """A room with one thing in it."""
    state = WORLD.sample(np.random.default_rng(0), 1)
    state["present"][:] = [[True, False]]
    for name, value in parts.items():
        if name in ("position", "velocity", "colour", "shape"):
            state[name][0, 0] = value
        else:
            state[name][0] = value
    return state


def test_things_fall_as_gravity_says_until_they_reach_the_floor():
    path = roll(WORLD, one(position=(0.3, 0.2), velocity=(0, 0)), 8)
    heights = [state["position"][0, 0, 1] for state in path]
    np.testing.assert_allclose(np.diff(heights, n=2), WORLD.gravity, atol=1e-12)


def test_a_bounce_off_the_floor_takes_speed_and_what_hardly_bounces_comes_to_rest():
    path = roll(WORLD, one(position=(0.3, 0.5), velocity=(0, 0)), 200)
    heights = np.array([FLOOR - WORLD.radius - state["position"][0, 0, 1] for state in path])
    assert (heights >= -1e-12).all()
    assert heights[12:].max() < heights[0]
    assert (heights[-20:] == 0).all()


@pytest.mark.parametrize(("start", "low", "high"), [(0.3, 0.0, WORLD.wall - WALL_THICKNESS / 2), (0.88, WORLD.wall + WALL_THICKNESS / 2, 1.0)])
def test_walls_throw_things_back_with_their_speed_and_nothing_gets_through(start, low, high):
    path = roll(WORLD, one(position=(start, 0.3), velocity=(0.04, 0)), 100)
    places = np.array([state["position"][0, 0, 0] for state in path])
    assert (places >= low + WORLD.radius - 1e-12).all()
    assert (places <= high - WORLD.radius + 1e-12).all()
    assert {round(abs(state["velocity"][0, 0, 0]), 9) for state in path} == {0.04}


def test_what_is_behind_the_screen_is_not_seen_and_goes_on():
    path = roll(WORLD, one(position=(0.11, 0.5), velocity=(0.03, 0)), 17)
    frames = [WORLD.observe(state)[0] for state in path]
    empty = WORLD.observe(replace_part(path[0], "present", False))[0]
    hidden = [bool(WORLD.hidden(state)[0, 0]) for state in path]
    assert any(hidden)
    assert not hidden[0]
    assert not hidden[-1]
    for frame, state, covered in zip(frames, path, hidden, strict=True):
        if covered:
            assert np.array_equal(frame, WORLD.observe(replace_part(state, "present", False))[0])
    assert np.array_equal(frames[hidden.index(True)], empty)


def replace_part(state, name, value):
    part = np.array(state[name])
    part[:, 0] = value
    return {**state, name: part}


def test_colours_and_shapes_can_be_told_apart_and_never_change():
    looks = {WORLD.observe(one(position=(0.88, 0.3), colour=c, shape=s)).tobytes() for c in range(len(COLOURS)) for s in range(len(SHAPES))}
    assert len(looks) == len(COLOURS) * len(SHAPES)
    state = WORLD.sample(np.random.default_rng(1), 50)
    for name in ("colour", "shape", "present", "wall"):
        assert np.array_equal(roll(WORLD, state, 30, 0.002)[-1][name], state[name])


def test_the_fan_blows_everything_sideways_and_never_too_fast():
    state = WORLD.sample(np.random.default_rng(2), 40)
    pushed = WORLD.advance(state, np.full((40, 1), WORLD.max_push))
    calm = WORLD.advance(state, np.zeros((40, 1)))
    free = np.abs(state["position"][..., 0] - 0.35) < 0.15
    np.testing.assert_allclose((pushed["velocity"] - calm["velocity"])[..., 0][free], WORLD.max_push, atol=1e-12)
    assert np.abs(roll(WORLD, state, 60, WORLD.max_push)[-1]["velocity"][..., 0]).max() <= 0.06


def test_the_expert_brings_the_first_thing_to_where_it_should_be():
    starts, goals = WORLD.sample_pairs(np.random.default_rng(0), 20, "anywhere")
    for _ in range(120):
        starts = WORLD.advance(starts, WORLD.expert(starts, goals))
    assert WORLD.distance(starts, goals).max() < 0.05


@pytest.mark.parametrize("wrong", [{"radius": 0.3}, {"wall": 0.1}, {"screen": 2}, {"second": 2}, {"size": 4}, {"gravity": -1}])
def test_parameters_that_cannot_be_are_refused(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        replace(WORLD, **wrong)
