import gymnasium
import numpy as np
import pytest

from telos.envs import make_world
from telos.evaluation.closed_loop import play
from telos.evaluation.contestants import ScriptedContestant, ZeroContestant
from telos.evaluation.protocols import draw_pairs, make_protocol
from telos.testing import check_world


@pytest.mark.parametrize("args", [{}, {"pixels": 16}, {"pixels": 16, "frames": 2}], ids=["vector", "pixels", "clips"])
def test_keeps_every_promise_of_a_world(args):
    check_world(make_world("gym:Pendulum-v1", **args), num=6, steps=6)


def test_moves_and_looks_as_the_environment_itself():
    world, env = make_world("gym:Pendulum-v1"), gymnasium.make("Pendulum-v1")
    seen, _ = env.reset(seed=0)
    angle, velocity = env.unwrapped.state
    state = {"angle": np.array([angle]), "velocity": np.array([velocity]), "over": np.array([False])}
    for action in np.random.default_rng(0).uniform(-2, 2, (50, 1)).astype(np.float32):
        np.testing.assert_array_equal(world.observe(state)[0], seen)
        state, seen = world.advance(state, action[None]), env.step(action)[0]


def test_swinging_up_needs_skill_and_the_expert_has_it():
    world = make_world("gym:Pendulum-v1")
    protocol = make_protocol(world, None, episodes=50, offset=None, seed=3)
    pairs = draw_pairs(world, protocol, lambda starts, goals: np.zeros(50))
    assert (protocol.hold, protocol.at_end, protocol.radius, set(pairs.limits)) == (20, True, 0.2, {200})
    assert play(world, pairs, ScriptedContestant(), protocol).rate.value == 1
    assert play(world, pairs, ZeroContestant(), protocol).rate.value == 0


def test_angles_are_compared_the_short_way_round():
    world = make_world("gym:Pendulum-v1")
    state, goal = ({"angle": np.array([angle]), "velocity": np.zeros(1), "over": np.zeros(1, bool)} for angle in (np.pi - 0.1, 0.1 - np.pi))
    np.testing.assert_allclose(world.distance(state, goal), 0.2)


def test_pictures_show_the_state_and_not_the_last_action():
    world = make_world("gym:Pendulum-v1", pixels=32)
    state = world.sample(np.random.default_rng(0), 1)
    before = world.observe(state)
    world.advance(state, np.array([[2.0]]))
    np.testing.assert_array_equal(world.observe(state), before)
    world.draw(state, 64)
    np.testing.assert_array_equal(world.observe(state), before)
