import time

import numpy as np
import pytest

from telos.envs import make_world
from telos.envs.adapters.point_maze import PointMaze
from telos.evaluation.closed_loop import play
from telos.evaluation.contestants import ScriptedContestant, ZeroContestant
from telos.evaluation.protocols import draw_pairs, make_protocol
from telos.testing import check_world

U_MAZE = "gym:PointMaze_UMaze-v3"


@pytest.mark.parametrize("args", [{}, {"pixels": 16, "action_repeat": 1}], ids=["vector", "pixels"])
def test_keeps_every_promise_of_a_world(args):
    world = make_world(U_MAZE, **args)
    assert isinstance(world, PointMaze)
    check_world(world, num=4, steps=4)


def test_goes_on_as_the_environment_itself_from_the_same_state():
    world, rng = make_world(U_MAZE), np.random.default_rng(0)
    env = world.make().unwrapped
    for seed in range(5):
        env.reset(seed=seed)
        state = {"qpos": env.data.qpos[None].copy(), "qvel": env.data.qvel[None].copy(), "over": np.zeros(1, bool)}
        for time_ in range(50):
            # Held for long enough to run along walls.
            action = rng.uniform(-1, 1, 2).astype(np.float32) if time_ % 8 == 0 else action
            for _ in range(world.action_repeat):
                env.step(action)
            state = world.advance(state, action[None])
        np.testing.assert_allclose(state["qpos"][0], env.data.qpos, atol=1e-9)
        np.testing.assert_allclose(world.observe(state)[0], env.point_env._get_obs()[0], rtol=1e-6, atol=1e-6)


def test_success_is_what_the_environment_calls_so():
    world, rng = make_world(U_MAZE), np.random.default_rng(1)
    env = world.make().unwrapped
    env.reset(seed=0)
    goal = {"qpos": env.goal[None].copy(), "qvel": np.zeros((1, 2)), "over": np.zeros(1, bool)}
    verdicts = []
    for _ in range(200):
        place = env.goal + rng.uniform(-0.7, 0.7, 2)
        env.point_env.set_state(place, np.zeros(2))
        told = env.step(np.zeros(2))[4]["success"]
        state = {"qpos": env.data.qpos[None].copy(), "qvel": env.data.qvel[None].copy(), "over": np.zeros(1, bool)}
        verdicts.append(told)
        assert bool(world.distance(state, goal)[0] <= world.rules.radius) == told
    assert 20 < sum(verdicts) < 180


def test_starts_and_goals_are_the_environments_own():
    world = make_world("gym:PointMaze_Medium-v3")
    starts, goals = world.sample_pairs(np.random.default_rng(3), 20, "anywhere")
    (first, *_), env = np.random.default_rng(3).integers(2**31, size=20), world.make()
    seen, _ = env.reset(seed=int(first))
    np.testing.assert_array_equal(starts["qpos"][0], seen["achieved_goal"])
    np.testing.assert_array_equal(goals["qpos"][0], seen["desired_goal"])


@pytest.mark.parametrize(("name", "steps"), [("UMaze", 60), ("Medium", 120), ("Large", 160)])
def test_the_expert_finds_its_way_in_the_time_that_is_registered(name, steps):
    world = make_world(f"gym:PointMaze_{name}-v3")
    protocol = make_protocol(world, None, episodes=30, offset=None, seed=3)
    pairs = draw_pairs(world, protocol, lambda starts, goals: np.zeros(30))
    assert set(pairs.limits) == {steps}
    assert play(world, pairs, ScriptedContestant(), protocol).rate.value == 1
    assert play(world, pairs, ZeroContestant(), protocol).rate.value == 0


def test_pictures_show_the_ball_and_no_goal():
    world = make_world(U_MAZE, pixels=32)
    state = world.sample(np.random.default_rng(0), 2)
    before = world.observe(state)
    world.engine.reset(seed=7)
    np.testing.assert_array_equal(world.observe(state), before)
    assert (before[0] != before[1]).any()
    assert world.draw(state, 64).shape == (2, 64, 64, 3)


def test_makes_at_least_5_000_steps_a_second():
    world = make_world(U_MAZE)
    state = world.sample(np.random.default_rng(0), 50)

    def speed() -> float:
        started = time.process_time()
        after = world.advance(state, np.zeros((50, 2), np.float32))
        world.observe(after)
        return 50 * world.action_repeat / (time.process_time() - started)

    assert max(speed() for _ in range(5)) > 5000
