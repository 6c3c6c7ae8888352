import gymnasium
import numpy as np
import pytest
from toy_environments import Climber

from telos.core.errors import ConfigError
from telos.core.spaces import DiscreteSpace
from telos.data import HeldRandomActions, collect
from telos.envs import make_vector_env, make_world
from telos.envs.replay import KEPT_OPEN, ReplayWorld
from telos.evaluation.protocols import HELD_OUT, draw_pairs, make_protocol
from telos.testing import check_world
from telos.testing.trees import rows, same

TOY = "gym:toy_environments:toys/"


def world_of(name: str, **args) -> ReplayWorld:
    world = make_world(f"{TOY}{name}-v0", **args)
    assert isinstance(world, ReplayWorld)
    return world


def walk(world: ReplayWorld, num: int = 3, steps: int = 6, seed: int = 0) -> list:
    rng = np.random.default_rng(seed)
    space = world.spaces.action
    states = [world.sample(rng, num)]
    for _ in range(steps):
        actions = rng.integers(space.num, size=(num, 1)) if isinstance(space, DiscreteSpace) else rng.uniform(-1, 1, (num, space.size))
        states.append(world.advance(states[-1], actions.astype(space.dtype)))
    return states


@pytest.mark.parametrize(("name", "args"), [("Climber", {}), ("Climber", {"pixels": 4}), ("Chooser", {"action_repeat": 2})], ids=str)
def test_keeps_the_promises_of_a_world_but_for_goals_of_its_own(name, args):
    """Whether it has succeeded, the environment alone knows: a start that serves as a goal has not, compared with itself neither."""
    world = world_of(name, max_steps=40, **args)
    with pytest.raises(AssertionError, match="no distance from itself"):
        check_world(world, num=4, steps=6)


def test_shows_what_an_environment_of_the_same_seed_shows():
    world, env = world_of("Climber", max_steps=30), gymnasium.make("toys/Climber-v0")
    state = world.sample(np.random.default_rng(0), 2)
    seen, _ = env.reset(seed=int(state["seed"][1]))
    for action in np.random.default_rng(1).uniform(-1, 1, (20, 1)).astype(np.float32):
        np.testing.assert_allclose(world.observe(state)[1], seen, rtol=1e-6)
        seen = env.step(action)[0]
        state = world.advance(state, np.stack([-action, action]))


def test_going_back_replays_and_going_on_takes_a_single_step():
    world = world_of("Climber", max_steps=30)
    states = walk(world, num=1, steps=10)
    seen = [world.observe(state) for state in states]
    before = Climber.stepped
    world.advance(states[-1], np.zeros((1, 1), np.float32))
    assert Climber.stepped == before + 1
    assert all(np.array_equal(world.observe(state), kept) for state, kept in zip(states, seen, strict=True))
    assert np.array_equal(world.observe(states[3]), seen[3])


def test_no_more_environments_are_open_than_are_worth_it():
    world = world_of("Climber", max_steps=5)
    state = world.sample(np.random.default_rng(0), KEPT_OPEN + 20)
    first = world.observe(state)
    assert len(world._open) == KEPT_OPEN
    assert np.array_equal(world.observe(rows(state, slice(0, 3))), first[:3])


def test_an_environment_that_does_not_keep_to_its_seed_is_refused():
    with pytest.raises(ConfigError, match="not deterministic: step 1"):
        world_of("Moody").sample(np.random.default_rng(0), 1)


def test_success_is_what_the_environment_says_and_its_end_is_an_end():
    world = world_of("Climber", max_steps=30)
    up = down = world.sample(np.random.default_rng(0), 1)
    assert world.distance(up, up).tolist() == [1.0]
    for _ in range(4):
        up, down = world.advance(up, np.ones((1, 1), np.float32)), world.advance(down, -np.ones((1, 1), np.float32))
    assert world.distance(up, down).tolist() == [0.0] and not world.over(up)[0]
    assert world.distance(down, up).tolist() == [1.0] and world.over(down)[0]
    after = world.advance(down, np.ones((1, 1), np.float32))
    assert np.array_equal(world.observe(after), world.observe(down))
    assert world.rules.radius < 1 and world.rules.hold == 1


def test_time_runs_out_where_the_history_does():
    world = world_of("Climber", max_steps=4)
    states = walk(world, steps=6)
    assert [int(state["time"][0]) for state in states] == [0, 1, 2, 3, 4, 4, 4]
    assert same(states[-1], states[-2])


def test_logs_hold_enough_to_restore_a_state(tmp_path):
    name = f"{TOY}Climber-v0"
    env = make_vector_env(name, 4, max_steps=12)
    logs = collect(env, HeldRandomActions(), tmp_path / "logs", episodes=8, steps=12, seed=0, spaces=env.world.spaces)
    assert set(logs.info_names) == {"seed", "time"}
    world = world_of("Climber", max_steps=12)
    protocol = make_protocol(world, None, episodes=10, offset=5, seed=1)
    pairs = draw_pairs(world, protocol, lambda starts, goals: np.zeros(10), logs)
    assert pairs.source == HELD_OUT and set(pairs.limits) == {15}
    assert np.array_equal(pairs.goals["time"], pairs.starts["time"] + 5)
    shown = np.concatenate([logs.episode(index).observations for index in range(8)])
    for state in (pairs.starts, pairs.goals):
        for seen in world.observe(state):
            assert (np.abs(shown - seen).max(axis=1) < 1e-6).any()


def test_what_cannot_be_restored_from_logs_is_told():
    world = world_of("Climber", max_steps=5)
    truth = {"seed": np.array([3]), "time": np.array([6])}
    with pytest.raises(ConfigError, match="larger max_steps"):
        world.recall(truth, np.zeros((6, 1)))
    with pytest.raises(ConfigError, match="actions that led there"):
        world.recall(truth, np.zeros((4, 1)))


def test_pictures_are_rendered_and_averaged():
    world = world_of("Climber", pixels=4, max_steps=5)
    first, *_, last = walk(world)
    assert world.observe(first).shape == (3, 4, 4, 3)
    assert (world.observe(first) != world.observe(last)).any()
    assert world.draw(first, 6).shape == (3, 6, 6, 3)


def test_starts_are_drawn_for_both_ends_of_a_pair():
    world = world_of("Climber")
    starts, goals = world.sample_pairs(np.random.default_rng(0), 3, "anywhere")
    assert (starts["seed"] != goals["seed"]).all()
    with pytest.raises(ConfigError, match="expert"):
        world.expert(starts, goals)


def test_highway_loads_and_is_deterministic():
    """Its bars come later; here it must be read, stepped and seen the same twice."""
    world = make_world("gym:highway-fast-v0", max_steps=5)
    assert isinstance(world, ReplayWorld)
    state = world.sample(np.random.default_rng(0), 1)
    for _ in range(2):
        state = world.advance(state, np.array([[1]]))
    again = make_world("gym:highway-fast-v0", max_steps=5)
    np.testing.assert_array_equal(world.observe(state), again.observe(state))
    assert world.observe(state).shape == (1, 25) and not world.over(state)[0]
