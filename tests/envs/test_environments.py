"""Promises of the environments around the worlds, and of the names they are made by."""

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

from telos.core.errors import ConfigError, SpaceError, UnknownNameError
from telos.envs import TwoRooms, foreign, make_env, make_vector_env, make_world, parse_args
from telos.testing.trees import rows, same

USER_WORLD = """
from dataclasses import dataclass
from telos.envs import TwoRooms

@dataclass(frozen=True, kw_only=True)
class Slippery(TwoRooms):
    grip: float = 0.5
"""


def test_a_restored_state_goes_on_as_before():
    env = make_env("two-rooms", layout="random")
    env.reset(seed=3)
    middle = env.step(np.array([0.05, 0.02]))[4]["state"]
    first = [env.step(np.array([0.01, 0.08]))[0] for _ in range(5)]
    env.reset(options={"state": middle})
    assert same(first, [env.step(np.array([0.01, 0.08]))[0] for _ in range(5)])


def test_true_state_in_info_is_a_copy():
    env = make_env("two-rooms")
    before, info = env.reset(seed=0)
    info["state"]["position"][:] = 0.3
    assert same(env.unwrapped._observe(), before)


def test_a_batch_moves_like_its_rows():
    many, one = make_vector_env("maze", 4, layout="random"), make_env("maze", layout="random")
    _, info = many.reset(seed=0)
    actions = np.random.default_rng(0).uniform(-0.05, 0.05, (6, 4, 2))
    seen = [many.step(step)[0] for step in actions]
    one.reset(options={"state": rows(info["state"], slice(2, 3))})
    for step, frames in zip(actions, seen, strict=True):
        assert same(one.step(step[2])[0], frames[2])


def test_a_batch_never_resets_by_itself_and_truncates_on_time():
    many = make_vector_env("two-rooms", 3, max_steps=2)
    assert many.metadata["autoreset_mode"] is AutoresetMode.DISABLED
    many.reset(seed=0)
    truncated = [many.step(np.zeros((3, 2)))[3].all() for _ in range(3)]
    assert truncated == [False, True, True]


def test_a_mask_resets_its_rows_only():
    many = make_vector_env("two-rooms", 3, max_steps=2)
    _, before = many.reset(seed=0)
    many.step(np.zeros((3, 2)))
    _, after = many.reset(options={"reset_mask": np.array([True, False, False])})
    moved = (before["state"]["position"] != after["state"]["position"]).any(1)
    assert moved.tolist() == [True, False, False]
    assert many.step(np.zeros((3, 2)))[3].tolist() == [False, True, True]


@pytest.mark.parametrize("name", ["two-rooms", "maze", "point-mass", "push"])
def test_a_goal_can_be_set_and_its_distance_is_told(name):
    env, world = make_env(name), make_world(name)
    start, goal = world.sample_pairs(np.random.default_rng(0), 1, "anywhere")
    seen, info = env.reset(options={"state": start, "goal_state": goal})
    assert same(seen, world.observe(start)[0])
    assert same(info["goal"], world.observe(goal)[0])
    assert same(info["distance"], world.distance(start, goal))
    after = env.step(np.full(2, 0.02))[4]
    assert same(after["goal_state"], dict(goal))
    assert same(after["distance"], world.distance(after["state"], goal))
    assert "goal_state" not in env.reset(seed=0)[1]


def test_a_batch_can_start_from_pairs_and_replace_some():
    many = make_vector_env("two-rooms", 3, layout="random")
    _, before = many.reset(seed=0, options={"pairs": "across-rooms"})
    assert before["goal"].shape == (3, 32, 32, 3)
    start, goal = (before[part]["position"][:, 0] < before["state"]["wall"] for part in ("state", "goal_state"))
    assert (start != goal).all()
    _, after = many.reset(options={"pairs": "across-rooms", "reset_mask": np.array([False, True, False])})
    assert (before["goal_state"]["wall"] != after["goal_state"]["wall"]).tolist() == [False, True, False]
    with pytest.raises(ConfigError, match="every row"):
        many.reset(options={"reset_mask": np.array([False, True, False])})


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"state": {"position": np.zeros((1, 2))}}, "door"),
        ({"state": np.zeros(2)}, "ndarray"),
        ({"goal_state": {"position": np.zeros((1, 3)), "wall": np.zeros(1), "door": np.zeros(1)}}, "'position' has shape"),
        ({"pairs": "across-rooms", "state": {}}, "as well as"),
    ],
)
def test_refuses_a_state_of_another_world(options, says):
    with pytest.raises(ConfigError, match=says):
        make_env("two-rooms").reset(options=options)


def test_one_seed_gives_one_episode():
    env = make_env("maze", layout="random")
    first, second, other = (env.reset(seed=seed)[0] for seed in (5, 5, 6))
    assert same(first, second)
    assert not same(first, other)


@pytest.mark.parametrize("name", ["two-rooms", "maze", "point-mass", "push"])
def test_renders_pictures(name):
    env = make_env(name, render_mode="rgb_array")
    env.reset(seed=0)
    assert env.render().shape == (256, 256, 3)
    many = make_vector_env(name, 2)
    many.reset(seed=0)
    assert many.render()[1].dtype == np.uint8


def test_an_environment_of_gymnasium_by_its_id():
    assert make_env("gym:CartPole-v1", max_steps=3).reset(seed=0)[0].shape == (4,)
    assert make_env("gym:telos.envs:telos/TwoRooms-v0").reset(seed=0)[0].shape == (32, 32, 3)
    many = make_vector_env("gym:Pendulum-v1", 2)
    assert many.reset(seed=0)[0].shape == (2, 3)
    assert many.metadata["autoreset_mode"] is AutoresetMode.DISABLED


def test_pixels_are_the_rendered_frame_averaged_over_areas():
    plain = make_env("gym:telos/TwoRooms-v0", render_mode="rgb_array")
    small = make_env("gym:telos/TwoRooms-v0", pixels=32)
    plain.reset(seed=1)
    expected = plain.render().reshape(32, 8, 32, 8, 3).mean((1, 3))
    np.testing.assert_allclose(small.reset(seed=1)[0], expected, atol=0.51)
    many = make_vector_env("gym:telos/TwoRooms-v0", 2, pixels=20)
    assert many.reset(seed=0)[0].shape == (2, 20, 20, 3)


def test_a_world_of_ones_own_from_a_file(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(USER_WORLD)
    name = f"{file}:Slippery"
    args = parse_args(name, ["grip=0.25", "size=16"])
    assert make_world(name, **args).grip == 0.25
    assert make_env(name, **args).reset(seed=0)[0].shape == (16, 16, 3)
    assert make_world("telos.envs:TwoRooms") == TwoRooms()


def test_arguments_have_the_types_of_the_fields():
    items = ["size=64", "layout=random", "wall_range=0.4,0.6", "max_steps=10", "agent_colour=1,2,3", "max_step=1"]
    args = parse_args("two-rooms", items)
    assert args == {"size": 64, "layout": "random", "wall_range": (0.4, 0.6), "max_steps": 10, "agent_colour": (1, 2, 3), "max_step": 1.0}
    assert type(args["max_step"]) is float
    assert parse_args("gym:Any-v0", ["a=1", "b=true", "c=word"]) == {"a": 1, "b": True, "c": "word"}


@pytest.mark.parametrize(
    ("item", "says"),
    [
        ("size", "key=value"),
        ("size=x", "a whole number"),
        ("siz=3", "did you mean 'size'"),
        ("layout=round", "one of fixed, random"),
        ("wall_range=1", "commas"),
    ],
)
def test_refuses_an_argument_and_says_what_is_legal(item, says):
    with pytest.raises(ConfigError, match=says):
        parse_args("two-rooms", [item])


@pytest.mark.parametrize(
    ("make", "kind", "says"),
    [
        (lambda: make_world("two-room"), UnknownNameError, "did you mean 'two-rooms'"),
        (lambda: make_world("two-rooms", colour=1), ConfigError, "agent_colour"),
        (lambda: make_env("two-rooms", max_steps=0), ConfigError, "max_steps"),
        (lambda: make_env("two-rooms", render_mode="human"), ConfigError, "rgb_array"),
        (lambda: make_vector_env("maze", 0), ConfigError, "at least 1"),
        (lambda: make_world("gym:CartPole-v1", colour=1), ConfigError, "sutton_barto_reward"),
        (lambda: make_world("gym:CartPole-v1", max_steps=0), ConfigError, "max_steps"),
        (lambda: make_world("pathlib:Path"), ConfigError, "not a world"),
        (lambda: make_env("gym:CartPol-v1"), UnknownNameError, "gym:CartPole-v1"),
        (lambda: make_env("gym:CartPole-v1", colour=1), ConfigError, "sutton_barto_reward"),
        (lambda: make_env("gym:no_such_module:Thing-v0"), ConfigError, "cannot be imported"),
        (lambda: make_env("two-rooms").reset(options={"sate": {}}), ConfigError, "state"),
    ],
)
def test_a_mistake_is_met_with_a_way_out(make, kind, says):
    with pytest.raises(kind, match=says):
        make()


@pytest.mark.parametrize(
    ("action", "says"), [(np.zeros(3), "shape"), (np.zeros((4, 2)), "shape"), (np.array([np.nan, 0]), "NaN"), ("left", "numbers")]
)
def test_refuses_an_action_that_does_not_fit(action, says):
    for env in (make_env("two-rooms"), make_vector_env("two-rooms", 1)):
        env.reset(seed=0)
        with pytest.raises(SpaceError, match=says):
            env.step(action)


def test_stepping_before_reset_is_refused():
    with pytest.raises(gymnasium.error.ResetNeeded):
        make_env("two-rooms").step(np.zeros(2))


class NeedsAnotherPackage(gymnasium.Env):
    observation_space = action_space = gymnasium.spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        return 0, {}

    def render(self):
        raise gymnasium.error.DependencyNotInstalled("a package is not installed")


def test_an_environment_that_cannot_draw_for_want_of_a_package_says_so_in_a_sentence():
    with pytest.raises(ConfigError, match="needs a package that is not installed"):
        foreign.RenderedFrames(NeedsAnotherPackage(), 16).reset()
