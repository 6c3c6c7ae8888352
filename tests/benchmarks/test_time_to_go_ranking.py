"""The ranking of critics of time: what it measures, on answers that are known."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks.time_to_go import measured, true_map
from telos.core.seeding import numpy_generator
from telos.envs import Maze

WORLD = Maze(map="zigzag")


def pairs(num: int = 500) -> tuple[np.ndarray, np.ndarray]:
    rng = numpy_generator(0, "pairs")
    starts, goals = WORLD.sample(rng, num), WORLD.sample(rng, num)
    return WORLD.path_length(starts, goals) * WORLD.side, WORLD.distance(starts, goals) * WORLD.side


def test_the_truth_ranks_perfectly_and_is_to_scale():
    way, straight = pairs()
    told = measured(way / WORLD.max_step, way, (straight < 2.3) & (way > 6), WORLD, in_steps=True)
    assert told == pytest.approx({"all": 1, "far": 1, "scale": 1, "through_walls": 0})


def test_straight_distance_ranks_badly_and_goes_through_walls():
    way, straight = pairs()
    told = measured(straight, way, (straight < 2.3) & (way > 6), WORLD, in_steps=True)
    assert told["all"] < 0.8
    assert told["through_walls"] > 0.9


def test_the_true_map_is_nothing_at_the_goal_and_empty_in_walls():
    goal = WORLD.sample_pairs(numpy_generator(0, "goal"), 1, "far")[1]
    times = true_map(WORLD, goal)
    column, row = (goal["position"][0] * len(times)).astype(int)
    assert times[row, column] == 0
    assert np.isnan(times[0, 0])
    assert np.nanmax(times) > 40
