import time
from dataclasses import replace

import numpy as np
import pytest

from telos.core.errors import ConfigError
from telos.envs import make_world
from telos.envs.adapters.push_t import PushT
from telos.evaluation.closed_loop import play
from telos.evaluation.contestants import RandomContestant, ScriptedContestant, ZeroContestant
from telos.evaluation.protocols import draw_pairs, make_protocol
from telos.testing import check_world

PUSH_T = "gym:gym_pusht/PushT-v0"


def state_of(**parts) -> dict[str, np.ndarray]:
    zero = {"agent_velocity": np.zeros(2), "block_velocity": np.zeros(2), "angular_velocity": 0.0, "over": False}
    usual = {"agent": [100.0, 100.0], "block": [250.0, 250.0], "angle": 0.5}
    return {name: np.array(value)[None] for name, value in {**usual, **zero, **parts}.items()}


@pytest.mark.parametrize("args", [{}, {"relative": False, "view": "full", "judged": "coverage"}, {"pixels": 16}], ids=["state", "full", "pixels"])
def test_keeps_every_promise_of_a_world(args):
    world = make_world(PUSH_T, **args)
    assert isinstance(world, PushT)
    check_world(world, num=4, steps=4)


def test_moves_and_looks_as_the_environment_itself_while_nothing_is_touched():
    world = make_world(PUSH_T, relative=False)
    env, state = world.make().unwrapped, state_of()
    world.restore(env, {name: part[0] for name, part in state.items()})
    for target in ([150.0, 120.0], [80.0, 300.0], [100.0, 100.0]) * 5:
        seen = env.step(np.array(target))[0]
        state = world.advance(state, np.array([target], np.float32))
        np.testing.assert_allclose(world.observe(state)[0], seen, rtol=1e-5)
    assert np.abs(state["agent_velocity"]).max() > 1


def test_a_push_does_what_it_does_in_the_environment():
    """What the engine remembers of contacts is dropped; a step hardly shows it."""
    world = make_world(PUSH_T)
    env = world.make().unwrapped
    moved, off = [], []
    for seed in range(8):
        env.reset(seed=seed)
        _, goals = world.sample_pairs(np.random.default_rng(seed), 1, "goal-zone")
        for _ in range(40):
            state = {name: part[None] for name, part in world.read(env).items()} | {"over": np.zeros(1, bool)}
            action = world.expert(state, goals)
            after = world.advance(state, action)
            env.step(np.array(env.agent.position) + world.reach * action[0])
            off.append(np.linalg.norm(after["block"][0] - env.block.position))
            moved.append(np.linalg.norm(state["block"][0] - env.block.position))
    pushed = np.array(moved) > 1
    assert pushed.sum() > 50
    assert np.array(off)[pushed].mean() < 0.02 * np.array(moved)[pushed].mean()


def test_published_success_is_about_positions_together_and_the_angle():
    world, goal = make_world(PUSH_T), state_of()
    assert world.distance(state_of(agent=[100.0, 119.0]), goal) == pytest.approx(19 / 20)
    assert world.distance(state_of(agent=[112.0, 100.0], block=[250.0, 266.0]), goal) == pytest.approx(1)
    assert world.distance(state_of(angle=0.5 + np.pi / 9), goal) == pytest.approx(1)
    assert world.distance(state_of(angle=0.5 - 2 * np.pi), goal) == pytest.approx(0, abs=1e-9)
    assert world.rules.radius == 1 and world.rules.hold == 1


def test_coverage_is_what_the_environment_measures():
    world = make_world(PUSH_T, judged="coverage")
    env, verdicts = world.make().unwrapped, []
    _, goals = world.sample_pairs(np.random.default_rng(0), 1, "goal-zone")
    for number in range(40):
        pose = np.array([256, 256]) + number / 10, np.pi / 4 + number / 400
        state = state_of(block=pose[0], angle=pose[1])
        world.restore(env, {name: part[0] for name, part in state.items()})
        covered = env._get_coverage()
        assert world.distance(state, goals) == pytest.approx((1 - covered) / 0.05, abs=1e-6)
        verdicts.append(covered >= 0.95)
    assert 2 < sum(verdicts) < 38


def test_an_episode_ends_in_the_goal_zone_only_where_coverage_is_judged():
    """From there a published goal, which lies anywhere, can still be sought."""
    near = state_of(block=[256.0, 256.0], angle=np.pi / 4)
    stay = np.zeros((1, 2), np.float32)
    for judged, over in (("pose", False), ("coverage", True)):
        world = make_world(PUSH_T, judged=judged)
        assert world.over(world.advance(near, stay)).tolist() == [over]


@pytest.mark.parametrize("relative", [True, False])
def test_doing_nothing_leaves_everything_where_it_is(relative):
    world, state = make_world(PUSH_T, relative=relative), state_of()
    after = world.advance(state, world.idle(state))
    for name in ("agent", "block", "angle"):
        np.testing.assert_allclose(after[name], state[name], atol=1e-4)


@pytest.mark.parametrize("judged", ["pose", "coverage"])
def test_the_expert_brings_the_block_to_the_goal_zone(judged):
    world = make_world(PUSH_T, judged=judged)
    protocol = make_protocol(world, None, episodes=6, offset=None, seed=3)
    pairs = draw_pairs(world, protocol, lambda starts, goals: np.zeros(6))
    assert protocol.name == "goal-zone" and set(pairs.limits) == {300}
    assert play(world, pairs, ScriptedContestant(), protocol).rate.value == 1
    short = replace(pairs, limits=np.full(6, 20))
    assert all(play(world, short, floor, protocol).rate.value == 0 for floor in (ZeroContestant(), RandomContestant(0)))


def test_pictures_show_the_state_and_not_the_last_action():
    world = make_world(PUSH_T, pixels=32)
    state = state_of()
    before = world.observe(state)
    world.advance(state, np.ones((1, 2), np.float32))
    np.testing.assert_array_equal(world.observe(state), before)
    assert (world.observe(state_of(block=[300.0, 250.0])) != before).any()


def test_wrong_fields_are_refused():
    for wrong in ({"view": "sideways"}, {"judged": "luck"}, {"reach": 0}):
        with pytest.raises(ConfigError, match=next(iter(wrong))):
            make_world(PUSH_T, **wrong)


def test_makes_at_least_500_steps_a_second():
    world = make_world(PUSH_T)
    state = world.sample(np.random.default_rng(0), 20)

    def speed() -> float:
        started = time.process_time()
        world.observe(world.advance(state, np.zeros((20, 2), np.float32)))
        return 20 / (time.process_time() - started)

    assert max(speed() for _ in range(5)) > 500
