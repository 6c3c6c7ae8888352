"""Promises of worlds seen in clips."""

import numpy as np
import pytest

from telos.core.errors import ConfigError
from telos.core.spaces import PixelSpace
from telos.data import HeldRandomActions, collect
from telos.envs import make_env, make_vector_env, make_world, parse_args
from telos.envs.clip import Clip
from telos.evaluation.protocols import draw_pairs, make_protocol
from telos.testing import check_env
from telos.testing.worlds import roll

PENDULUM = "gym:Pendulum-v1"


def wander(world, num=3, steps=7):
    rng = np.random.default_rng(0)
    return roll(world, world.sample(rng, num), rng.uniform(-2, 2, (steps, num, 1)).astype(np.float32))


def test_shows_what_was_seen_before_the_newest_first():
    plain, clip = make_world(PENDULUM, pixels=16), make_world(PENDULUM, pixels=16, frames=3, spacing=2)
    assert clip.spaces.observation == PixelSpace(16, 16, 9)
    path, seen = wander(plain), clip.observe(wander(clip)[-1])
    for number, lag in enumerate((0, 2, 4)):
        np.testing.assert_array_equal(seen[..., 3 * number : 3 * number + 3], plain.observe(path[-1 - lag]))


def test_what_an_episode_begins_with_has_stood_still():
    clip = make_world(PENDULUM, frames=2)
    for state in (clip.sample(np.random.default_rng(0), 4), *clip.sample_pairs(np.random.default_rng(0), 4, "swing-up")):
        first, second = np.split(clip.observe(state), 2, axis=1)
        np.testing.assert_array_equal(first, second)


def test_the_same_rules_and_the_same_distances_hold():
    plain, clip = make_world(PENDULUM), make_world(PENDULUM, frames=2)
    assert (clip.rules, clip.pair_kinds, clip.has_expert) == (plain.rules, plain.pair_kinds, True)
    for ours, theirs in zip(wander(clip), wander(plain), strict=True):
        np.testing.assert_array_equal(clip.distance(ours, wander(clip)[0]), plain.distance(theirs, wander(plain)[0]))
        np.testing.assert_array_equal(clip.idle(ours), plain.idle(theirs))


def test_is_made_by_name_and_keeps_the_promises_of_an_environment():
    args = parse_args(PENDULUM, ["pixels=16", "frames=2", "spacing=1"])
    assert isinstance(make_world(PENDULUM, **args), Clip)
    check_env(make_env(PENDULUM, **args))


def test_goals_cut_from_logs_bring_their_motion_along(tmp_path):
    args = {"frames": 2, "spacing": 2}
    env = make_vector_env(PENDULUM, 4, max_steps=30, **args)
    about = {"spaces": env.world.spaces, "environment": {"name": PENDULUM, "args": args}}
    logs = collect(env, HeldRandomActions(), tmp_path / "logs", episodes=4, steps=30, seed=0, **about)
    protocol = make_protocol(env.world, "offset", episodes=20, offset=10, seed=0)
    goals = draw_pairs(env.world, protocol, lambda starts, goals: np.full(20, 5), logs).goals
    rows = np.concatenate([logs.episode(index).observations for index in range(4)])
    nearest = np.abs(rows[None] - env.world.observe(goals)[:, None]).max(axis=2).min(axis=1)
    np.testing.assert_allclose(nearest, 0, atol=1e-5)


@pytest.mark.parametrize("wrong", [{"frames": 0}, {"spacing": 0}, {"frames": 1.5}])
def test_refuses_clips_that_make_no_sense(wrong):
    with pytest.raises(ConfigError):
        make_world(PENDULUM, **wrong)


def test_is_refused_where_going_back_takes_all_steps_again():
    with pytest.raises(ConfigError, match="clips"):
        make_world("gym:CartPole-v1", frames=2)
