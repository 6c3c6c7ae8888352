import numpy as np
import pytest

from telos.core.errors import ConfigError
from telos.core.spaces import PixelSpace
from telos.envs import make_world
from telos.envs.adapters.minigrid import MiniGrid
from telos.evaluation.closed_loop import play
from telos.evaluation.contestants import RandomContestant, ScriptedContestant
from telos.evaluation.protocols import draw_pairs, make_protocol
from telos.testing import check_world

EMPTY, ROOMS, DOOR = "gym:MiniGrid-Empty-Random-6x6-v0", "gym:MiniGrid-FourRooms-v0", "gym:MiniGrid-DoorKey-6x6-v0"


@pytest.mark.parametrize(("name", "args"), [(EMPTY, {"view": "pixels"}), (ROOMS, {"actions": 3}), (DOOR, {}), (DOOR, {"pixels": 20})], ids=str)
def test_keeps_every_promise_of_a_world(name, args):
    world = make_world(name, **args)
    assert isinstance(world, MiniGrid)
    check_world(world, num=6, steps=6)


@pytest.mark.parametrize("name", [EMPTY, ROOMS, DOOR])
def test_goes_on_as_the_environment_itself_from_the_same_state(name):
    world, rng = make_world(name), np.random.default_rng(0)
    env = world.make().unwrapped
    for seed in range(4):
        env.reset(seed=seed)
        state = {part: value[None] for part, value in world.read(env).items()} | {"over": np.zeros(1, bool)}
        for _ in range(60):
            # The expert finds key and door, chance does the rest.
            action = world.expert(state, state)[0] if rng.random() < 0.6 else rng.integers(7, size=1)
            ended = env.step(int(action[0]))[2]
            state = world.advance(state, action[None])
            for part, value in world.read(env).items():
                np.testing.assert_array_equal(state[part][0], value, err_msg=part)
            assert state["over"][0] == ended
            if ended:
                break


def test_pictures_are_the_environments_own_without_the_highlight():
    world = make_world(DOOR, view="pixels")
    env = world.make().unwrapped
    env.reset(seed=1)
    state = {part: value[None] for part, value in world.read(env).items()} | {"over": np.zeros(1, bool)}
    assert world.spaces.observation == PixelSpace(48, 48)
    np.testing.assert_array_equal(world.observe(state)[0], env.get_frame(highlight=False, tile_size=8))


@pytest.mark.parametrize("name", [EMPTY, "gym:MiniGrid-Empty-8x8-v0", ROOMS, DOOR, "gym:MiniGrid-LavaGapS5-v0"])
def test_the_expert_finds_the_goal_tile(name):
    world = make_world(name)
    protocol = make_protocol(world, None, episodes=15, offset=None, seed=3)
    pairs = draw_pairs(world, protocol, lambda starts, goals: np.zeros(15))
    assert set(pairs.limits) == {world.engine.unwrapped.max_steps}
    assert play(world, pairs, ScriptedContestant(), protocol).rate.value == 1


def test_goals_are_on_the_goal_tile_in_a_state_that_can_be_reached():
    world = make_world(DOOR)
    starts, goals = world.sample_pairs(np.random.default_rng(0), 8, "anywhere")
    assert world.over(goals).all() and not world.over(starts).any()
    for row in range(8):
        assert goals["grid"][row][tuple(goals["agent_pos"][row])][0] == 8
        assert (goals["grid"][row][..., 0] != 5).all() and goals["carrying"][row][0] == 5


def test_success_is_the_environments_own_reward():
    world = make_world(EMPTY, actions=3)
    protocol = make_protocol(world, None, episodes=20, offset=None, seed=1, steps=60)
    pairs = draw_pairs(world, protocol, lambda starts, goals: np.zeros(20))
    found = np.zeros(20, dtype=bool)
    outcome = play(world, pairs, RandomContestant(0), protocol, record=lambda alive, _, states: found.__setitem__(alive, world.over(states)))
    np.testing.assert_array_equal(outcome.success, found)
    assert 0 < found.sum() < 20


def test_an_episode_that_is_over_stays_as_it_is():
    world = make_world(EMPTY)
    _, goals = world.sample_pairs(np.random.default_rng(0), 4, "anywhere")
    after = world.advance(goals, np.full((4, 1), 2))
    assert all(np.array_equal(after[part], goals[part]) for part in goals)


def test_wrong_fields_are_refused():
    for wrong in ({"view": "sideways"}, {"actions": 4}, {"tile": 0}):
        with pytest.raises(ConfigError, match=next(iter(wrong))):
            make_world(EMPTY, **wrong)


def test_doing_nothing_is_a_choice_among_seven_only():
    state = make_world(EMPTY).sample(np.random.default_rng(0), 3)
    world = make_world(EMPTY)
    after = world.advance(state, world.idle(state))
    assert all(np.array_equal(after[part], state[part]) for part in state)
    assert make_world(EMPTY, actions=3).idle(state) is None
