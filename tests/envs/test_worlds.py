"""Promises of every world that ships with Telos."""

import time

import gymnasium
import numpy as np
import pytest

from telos.core.config import from_json, to_json
from telos.core.errors import ConfigError
from telos.envs import Maze, PointMass, Push, TwoRooms, WorldEnv
from telos.testing import check_env, check_world
from telos.testing.examples import example_actions

WORLDS = {
    "two rooms": TwoRooms(),
    "two rooms, random": TwoRooms(layout="random"),
    "two rooms, action repeated": TwoRooms(layout="random", action_repeat=3),
    "maze": Maze(),
    "maze, random": Maze(layout="random"),
    "maze, u": Maze(map="u-maze", action_repeat=2, size=48),
    "maze, oblong map": Maze(map="########\n#......#\n#.##.#.#\n########"),
    "maze, open rooms": Maze(map="four-rooms"),
    "point mass": PointMass(),
    "point mass, damped": PointMass(damping=0.5, action_repeat=2),
}
every_world = pytest.mark.parametrize("world", WORLDS.values(), ids=WORLDS.keys())


@every_world
def test_keeps_every_promise_of_a_world(world):
    check_world(world)


@every_world
def test_keeps_every_promise_of_an_environment(world):
    check_env(WorldEnv(world, render_mode="rgb_array"))


@every_world
def test_expert_reaches_every_goal_and_holds_it(world):
    for kind in world.pair_kinds:
        state, goal = world.sample_pairs(np.random.default_rng(1), 500, kind)
        held = np.zeros(500, int)
        for _ in range(220):
            state = world.advance(state, world.expert(state, goal))
            held = np.where(world.distance(state, goal) < 0.01, held + 1, 0)
            if (held >= 5).all():
                break
        assert (held >= 5).all(), f"{kind}: {(held < 5).sum()} of 500 goals missed"


@every_world
def test_expert_is_stuck_nowhere_that_a_random_walk_leads_to(world):
    rng = np.random.default_rng(2)
    state, goal = world.sample_pairs(rng, 2000, world.pair_kinds[0])
    # Held actions press the agent against walls and corners.
    for push in example_actions(world.spaces.action, rng, 6, 2000):
        for _ in range(4):
            state = world.advance(state, 5 * push)
    near = np.zeros(2000, bool)
    for _ in range(220):
        state = world.advance(state, world.expert(state, goal))
        near |= world.distance(state, goal) < 0.02
        if near.all():
            break
    assert near.all(), f"{(~near).sum()} of 2,000 goals missed"


@every_world
def test_survives_its_own_json(world):
    assert from_json(to_json(world)) == world


@every_world
def test_refuses_a_state_that_does_not_fit(world):
    with pytest.raises(ConfigError, match="1 row"):
        WorldEnv(world).reset(options={"state": world.sample(np.random.default_rng(0), 2)})


@pytest.mark.parametrize("world", [TwoRooms(), TwoRooms(layout="random"), Maze(), Maze(layout="random"), Push(size=64)])
def test_makes_twenty_thousand_frames_in_a_cpu_second(world):
    rng = np.random.default_rng(0)
    state, actions = world.sample(rng, 64), example_actions(world.spaces.action, rng, 1, 64)[0]
    best = 0.0
    for _ in range(6):
        begin = time.process_time()
        for _ in range(20):
            state = world.advance(state, actions)
            world.observe(state)
        best = max(best, 20 * 64 / (time.process_time() - begin))
    assert best >= 20_000


def test_gymnasium_knows_every_world():
    for name in ("TwoRooms", "Maze", "PointMass", "Push"):
        env = gymnasium.make(f"telos/{name}-v0", max_steps=2)
        env.reset(seed=0)
        assert [env.step(env.action_space.sample())[3] for _ in range(2)] == [False, True]
        many = gymnasium.make_vec(f"telos/{name}-v0", num_envs=3)
        assert len(many.reset(seed=0)[0]) == 3
