"""What collecting promises."""

import time

import gymnasium
import numpy as np
import pytest
from data_worlds import ACTION, PIXELS, Corridor, DriftingPoints
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from telos.core.errors import ConfigError, SpaceError
from telos.core.spaces import DiscreteSpace, Spaces, VectorSpace
from telos.data import HeldRandomActions, RandomActions, collect


def test_logs_as_many_episodes_as_asked_for_even_when_some_end_early(tmp_path):
    logs = collect(DriftingPoints(8, far=3.0), HeldRandomActions(), tmp_path / "logs", episodes=37, steps=10, seed=1, spaces=PIXELS)
    assert logs.num_episodes == 37
    assert logs.lengths.min() < 10
    assert logs.lengths.max() == 10


@pytest.mark.parametrize("far", [1e9, 3.0])
def test_obeys_the_time_law_and_keeps_the_true_state(tmp_path, far):
    logs = collect(DriftingPoints(4, far=far), RandomActions(), tmp_path / "logs", episodes=11, steps=9, seed=0, spaces=PIXELS)
    for index in range(logs.num_episodes):
        positions, episode = logs.info("position", index), logs.episode(index)
        np.testing.assert_allclose(positions[:-1] + episode.actions, positions[1:], atol=1e-6)
        shade = (np.abs(positions).sum(1) * 20 % 256).astype(np.uint8)
        np.testing.assert_array_equal(episode.observations[:, 0, 0, 0], shade)


@pytest.mark.parametrize("policy", [HeldRandomActions(), RandomActions()])
def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(tmp_path, policy):
    def fingerprint(name, seed):
        return collect(DriftingPoints(5, far=4.0), policy, tmp_path / name, episodes=12, steps=10, seed=seed, spaces=PIXELS).fingerprint

    assert fingerprint("a", 3) == fingerprint("b", 3)
    assert fingerprint("c", 4) != fingerprint("a2", 3)


def test_works_with_plain_gymnasium_environments(tmp_path):
    env = SyncVectorEnv([Corridor] * 3, autoreset_mode=AutoresetMode.DISABLED)
    spaces = Spaces(VectorSpace(3), DiscreteSpace(2))
    logs = collect(env, HeldRandomActions(), tmp_path / "logs", episodes=10, steps=12, seed=0, spaces=spaces)
    for index in range(10):
        cells, actions = logs.info("cell", index)[:, 0], logs.episode(index).actions[:, 0]
        np.testing.assert_array_equal(np.maximum(0, cells[:-1] + 2 * actions - 1), cells[1:])
        assert (cells[:-1] < 3).all()
        np.testing.assert_array_equal(logs.episode(index).observations[:, 0], cells)
    assert logs.behaviour["min_hold"] == 1


def test_the_store_knows_where_it_comes_from(tmp_path):
    environment = {"name": "drifting-points", "args": {"far": 2.0}}
    seen = []
    logs = collect(
        DriftingPoints(2),
        HeldRandomActions(max_hold=3),
        tmp_path / "logs",
        episodes=4,
        steps=5,
        seed=9,
        spaces=PIXELS,
        environment=environment,
        progress=lambda done, total: seen.append((done, total)),
    )
    assert logs.environment == environment
    assert logs.seed == 9
    assert logs.behaviour == {"class": "telos.data.behaviour:HeldRandomActions", "min_hold": 1, "max_hold": 3}
    assert seen[-1] == (20, 20)


def test_held_actions_are_held_and_fill_the_range():
    rng = np.random.default_rng(0)
    act = HeldRandomActions(min_hold=2, max_hold=5).start(ACTION, 50, rng)
    actions = np.stack([act(None, {}, np.full(50, step == 0)) for step in range(200)])
    runs = [np.diff(np.flatnonzero(np.r_[True, (np.diff(actions[:, row], axis=0) != 0).any(1)])) for row in range(50)]
    assert set(np.concatenate(runs)) == {2, 3, 4, 5}
    assert actions.min() < -0.95
    assert actions.max() > 0.95


def test_a_new_episode_begins_with_a_new_action():
    act = HeldRandomActions(min_hold=8).start(ACTION, 2, np.random.default_rng(0))
    before = act(None, {}, np.array([True, True]))
    after = act(None, {}, np.array([False, True]))
    np.testing.assert_array_equal(before[0], after[0])
    assert (before[1] != after[1]).all()


def test_refuses_unbounded_actions_and_says_so(tmp_path):
    spaces = Spaces(PIXELS.observation, VectorSpace(2))
    for policy in (HeldRandomActions(), RandomActions()):
        with pytest.raises(SpaceError, match="bounds"):
            collect(DriftingPoints(2), policy, tmp_path / "logs", episodes=1, steps=1, seed=0, spaces=spaces)
    assert not list(tmp_path.iterdir())


def test_refuses_an_environment_that_resets_by_itself(tmp_path):
    env = DriftingPoints(2, autoreset_mode=AutoresetMode.NEXT_STEP)
    with pytest.raises(ConfigError, match="resets by itself"):
        collect(env, RandomActions(), tmp_path / "logs", episodes=1, steps=1, seed=0, spaces=PIXELS)


def test_refuses_observations_that_do_not_fit(tmp_path):
    with pytest.raises(SpaceError):
        collect(DriftingPoints(2), RandomActions(), tmp_path / "logs", episodes=1, steps=1, seed=0, spaces=Spaces(VectorSpace(5), ACTION))
    with pytest.raises(ConfigError):
        HeldRandomActions(min_hold=4, max_hold=3)
    assert not list(tmp_path.iterdir())


def test_an_environment_that_breaks_leaves_nothing_behind(tmp_path):
    class Breaking(DriftingPoints):
        def step(self, actions):
            raise gymnasium.error.Error("broken")

    with pytest.raises(gymnasium.error.Error):
        collect(Breaking(2), RandomActions(), tmp_path / "logs", episodes=1, steps=3, seed=0, spaces=PIXELS)
    assert not list(tmp_path.iterdir())


def test_collects_at_least_15_000_steps_a_second(tmp_path):
    def speed(attempt):
        start = time.process_time()
        collect(DriftingPoints(64), HeldRandomActions(), tmp_path / str(attempt), episodes=128, steps=100, seed=0, spaces=PIXELS)
        return 12_800 / (time.process_time() - start)

    assert max(map(speed, range(4))) > 15_000
