"""Promises of the benchmark of far goals in other worlds."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks.far_worlds.ceiling import reachable_share
from benchmarks.far_worlds.play import LooseJudge, protocol_of
from benchmarks.far_worlds.staying import StayInRoom, StayOutOfDoors
from telos.core.errors import UnknownNameError
from telos.data import HeldRandomActions, collect
from telos.envs import Push, TwoRooms, make_vector_env


def logs_of(policy, out, *, episodes, steps):
    env = make_vector_env("two-rooms", 32)
    return collect(env, policy, out, episodes=episodes, steps=steps, seed=0, spaces=TwoRooms().spaces)


@pytest.fixture(scope="module")
def stay(tmp_path_factory):
    return logs_of(StayInRoom(), tmp_path_factory.mktemp("logs") / "stay", episodes=300, steps=60)


@pytest.fixture(scope="module")
def pieces(tmp_path_factory):
    return logs_of(HeldRandomActions(), tmp_path_factory.mktemp("logs") / "pieces", episodes=1200, steps=15)


def test_nobody_who_stays_in_the_room_ever_leaves_it_and_all_come_into_the_door(stay):
    inside = []
    for episode in range(stay.num_episodes):
        x = stay.info("position", episode)[:, 0]
        assert (x < 0.5).all() or (x >= 0.5).all()
        inside.append(np.abs(x - 0.5) < 0.05)
    assert 0.005 < np.concatenate(inside).mean() < 0.2


def test_pieces_can_be_stitched_through_the_door_and_logs_of_single_rooms_cannot(stay, pieces):
    world = TwoRooms()
    across = world.sample_pairs(np.random.default_rng(0), 300, "across-rooms")
    assert reachable_share(pieces, *across) > 0.97
    assert reachable_share(stay, *across) == 0


def test_within_a_room_logs_that_stay_there_are_enough(stay):
    world = TwoRooms()
    starts, goals = world.sample_pairs(np.random.default_rng(1), 300, "anywhere")
    same = (starts["position"][:, 0] < 0.5) == (goals["position"][:, 0] < 0.5)
    starts, goals = ({name: part[same] for name, part in state.items()} for state in (starts, goals))
    assert reachable_share(stay, starts, goals) > 0.97


def test_who_stays_out_of_doors_never_is_in_one(tmp_path):
    world = TwoRooms()
    logs = logs_of(StayOutOfDoors(), tmp_path / "out", episodes=100, steps=60)
    for episode in range(logs.num_episodes):
        x = logs.info("position", episode)[:, 0]
        assert np.abs(x - world.wall_position).min() >= StayOutOfDoors.reach - 1e-6
        assert len(np.unique(np.sign(x - world.wall_position))) == 1


def test_kinds_of_pairs_are_the_worlds_own_or_offsets():
    far = protocol_of(Push(), "offset-75", episodes=9, seed=3)
    assert (far.name, far.offset, far.episodes, far.seed) == ("offset", 75, 9, 3)
    assert protocol_of(TwoRooms(), "across-rooms", episodes=9, seed=3).offset is None
    with pytest.raises(UnknownNameError, match="across-rooms"):
        protocol_of(TwoRooms(), "across-room", episodes=9, seed=3)


def test_a_block_that_has_ever_been_near_counts_whoever_is_still_playing():
    world = Push()
    goals = world.sample(np.random.default_rng(0), 3)
    judge = LooseJudge(world, goals, np.zeros(3, dtype=bool))
    away = {name: part.copy() for name, part in goals.items()}
    away["block"] = 1 - away["block"]
    judge(np.arange(3), np.zeros((3, 2)), away)
    assert not judge.near[np.abs(away["block"] - goals["block"]).max(axis=1) > 0.15].any()
    judge(np.array([2]), np.zeros((1, 2)), {name: part[2:] for name, part in goals.items()})
    judge(np.array([0]), np.zeros((1, 2)), {name: part[:1] for name, part in away.items()})
    assert judge.near[2]
