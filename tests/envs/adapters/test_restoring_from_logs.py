"""What logs keep of an environment's state is enough to start from any moment of them."""

import numpy as np
import pytest

from telos.core.logs import map_tree
from telos.data import HeldRandomActions, collect
from telos.envs import make_vector_env
from telos.evaluation.protocols import HELD_OUT, draw_pairs, make_protocol


@pytest.mark.parametrize("name", ["gym:PointMaze_UMaze-v3", "gym:gym_pusht/PushT-v0", "gym:MiniGrid-DoorKey-6x6-v0", "gym:Pendulum-v1"])
def test_offsets_are_cut_from_logs_of_any_adapter_and_go_on_as_logged(name, tmp_path):
    env = make_vector_env(name, 4, max_steps=16)
    world = env.world
    logs = collect(env, HeldRandomActions(), tmp_path / "logs", episodes=4, steps=16, seed=0, spaces=world.spaces)
    protocol = make_protocol(world, None, episodes=8, offset=5, seed=0)
    pairs = draw_pairs(world, protocol, lambda starts, goals: np.full(8, 10), logs, lambda states, goals: np.zeros(len(states["over"]), dtype=bool))
    assert pairs.source == HELD_OUT
    usual = world.sample(np.random.default_rng(0), 1)
    assert {part: value.dtype for part, value in pairs.starts.items()} == {part: value.dtype for part, value in usual.items()}
    frames = np.concatenate([logs.episode(index).observations.reshape(len(logs.episode(index).observations), -1) for index in range(4)])
    seen = map_tree(lambda leaf: leaf.reshape(len(leaf), -1), world.observe(pairs.goals))
    for row in seen:
        assert (np.abs(frames.astype(float) - row).max(axis=1) < 1e-3).any()
    episode = logs.episode(0)
    state = {part: logs.info(part, 0)[6:7] for part in usual}
    after = world.advance(world.recall(state, episode.actions[:6]), episode.actions[6:7])
    np.testing.assert_allclose(world.observe(after)[0], episode.observations[7], atol=1e-2)
