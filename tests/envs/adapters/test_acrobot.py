import gymnasium
import numpy as np

from telos.envs import make_world
from telos.evaluation.closed_loop import play
from telos.evaluation.contestants import ScriptedContestant, ZeroContestant
from telos.evaluation.protocols import draw_pairs, make_protocol
from telos.testing import check_world


def test_keeps_every_promise_of_a_world():
    check_world(make_world("gym:Acrobot-v1"), num=6, steps=6)


def test_moves_looks_and_ends_as_the_environment_itself():
    world, env = make_world("gym:Acrobot-v1"), gymnasium.make("Acrobot-v1")
    seen, _ = env.reset(seed=0)
    state, ended = {"joints": np.array([env.unwrapped.state], np.float64), "over": np.array([False])}, False
    goal = world.sample_pairs(np.random.default_rng(0), 1, "upright")[1]
    for _ in range(200):
        np.testing.assert_allclose(world.observe(state)[0], seen, atol=1e-5)
        assert world.over(state)[0] == ended == (world.distance(state, goal)[0] == 0)
        if ended:
            break
        action = world.expert(state, goal)
        state = world.advance(state, action)
        seen, _, ended, *_ = env.step(int(action[0, 0]))
    assert ended


def test_the_expert_reaches_the_line_from_every_start_and_no_torque_never_does():
    world = make_world("gym:Acrobot-v1")
    protocol = make_protocol(world, None, episodes=50, offset=None, seed=3)
    pairs = draw_pairs(world, protocol, lambda starts, goals: np.zeros(50))
    assert set(pairs.limits) == {500}
    assert play(world, pairs, ScriptedContestant(), protocol).rate.value == 1
    assert play(world, pairs, ZeroContestant(), protocol).rate.value == 0
