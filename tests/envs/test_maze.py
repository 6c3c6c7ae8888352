"""Promises of the maze."""

import numpy as np
import pytest

from telos.core.errors import ConfigError
from telos.envs import Maze
from telos.envs.grids import MAPS, distances_from, named_map, random_maze, read_map

MAZES = [Maze(map=name) for name in (*MAPS, "zigzag", "zigzag-6", "random-9-0")] + [
    Maze(layout="random"),
    Maze(layout="random", cells=15, agent_radius=0.45, action_repeat=5),
    Maze(layout="random", max_step=1.0, agent_radius=0.05),
]


def inside_wall(world, state):
    """Whether a corner of the square around the disc lies in a cell of wall."""
    reach = (world.agent_radius - 1e-4) / world.side
    hit = np.zeros(len(state["position"]), bool)
    for dx in (-reach, reach):
        for dy in (-reach, reach):
            column, row = np.floor((state["position"] + [dx, dy]) * world.side).astype(int).T
            hit |= state["grid"][np.arange(len(hit)), row, column]
    return hit


@pytest.mark.parametrize("world", MAZES, ids=lambda world: f"{world.layout}-{world.map}-{world.side}")
def test_never_is_inside_a_wall_and_never_tunnels(world):
    rng = np.random.default_rng(0)
    state = world.sample(rng, 200)
    assert not inside_wall(world, state).any()
    bound = world.max_step / world.side
    for _ in range(40):
        action = rng.choice([-bound, 0, bound, bound / 3], (200, 2))
        after = world.advance(state, action)
        assert not inside_wall(world, after).any()
        # The way on foot between the two cells is no longer than the steps taken could lead: nothing was jumped.
        assert (world.path_length(state, after) * world.side <= 2 * np.ceil(world.max_step * world.action_repeat) + 1e-9).all()
        state = after


def test_a_state_rounded_to_single_precision_is_not_thrown_about():
    world = Maze(layout="random", cells=15)
    rng = np.random.default_rng(0)
    state = world.sample(rng, 200)
    for _ in range(10):
        state = world.advance(state, rng.choice([-1, 0, 1], (200, 2)))
        rounded = {**state, "position": state["position"].astype(np.float32)}
        np.testing.assert_allclose(world.advance(rounded, np.full((200, 2), 1e-9))["position"], state["position"], atol=2e-6)


@pytest.mark.parametrize("side", [5, 9, 13])
def test_a_random_maze_is_perfect(side):
    for seed in range(20):
        grid = random_maze(np.random.default_rng(seed), side)
        floor = ~grid
        joints = (floor[1:] & floor[:-1]).sum() + (floor[:, 1:] & floor[:, :-1]).sum()
        assert joints == floor.sum() - 1
        assert (distances_from(grid, np.array([1, 1]))[floor] < side**2).all()
        assert grid[[0, -1]].all()
        assert grid[:, [0, -1]].all()


def test_a_random_map_has_a_name_and_stays_the_same_maze():
    rows = "#########/#.#.....#/#.#.#.#.#/#...#.#.#/#.###.###/#...#...#/###.###.#/#.....#.#/#########"
    by_name, by_hand = Maze(map="random-9-100"), Maze(map=rows)
    np.testing.assert_array_equal(by_name.sample(np.random.default_rng(0), 1)["grid"], by_hand.sample(np.random.default_rng(0), 1)["grid"])
    assert Maze(map="random-15-0").side == 15
    grids = {named_map(f"random-9-{seed}").tobytes() for seed in range(20)}
    assert len(grids) == 20


def test_every_sampled_state_has_a_maze_of_its_own():
    state = Maze(layout="random").sample(np.random.default_rng(0), 20)
    assert len({grid.tobytes() for grid in state["grid"]}) == 20


def test_the_shortest_way_is_counted_around_the_walls():
    world = Maze(map="u-maze")
    grid = np.repeat(read_map(MAPS["u-maze"])[None], 2, axis=0)
    start = {"position": np.array([[0.3, 0.3], [0.3, 0.3]]), "grid": grid}
    goal = {"position": np.array([[0.3, 0.7], [0.5, 0.3]]), "grid": grid}
    np.testing.assert_allclose(world.path_length(start, goal), [6 / 5, 1 / 5])
    np.testing.assert_allclose(world.distance(start, goal), [0.4, 0.2])


@pytest.mark.parametrize("world", [Maze(), Maze(layout="random")])
def test_pairs_are_as_far_apart_as_their_kind_says(world):
    for kind, low, high in (("near", 0, 0.3), ("middle", 0.3, 0.6), ("far", 0.6, 1)):
        start, goal = world.sample_pairs(np.random.default_rng(0), 60, kind)
        for i, way in enumerate(world.path_length(start, goal) * world.side):
            floor = np.argwhere(~start["grid"][i])
            longest = max(distances_from(start["grid"][i], cell)[tuple(floor.T)].max() for cell in floor)
            assert low <= way / longest <= high
            assert way > 0


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("###\n#x#\n###", "Row 2 of the map, '#x#', holds 'x'"),
        ("####\n#..#\n###", "Row 3 of the map, '###', has 3 cells"),
        ("###\n...\n###", "Row 2 of the map, '...', is open"),
        ("###\n#.#\n#.#", "Row 3 .*is open"),
        ("###\n#.#\n###", "at least 2"),
        ("#####\n#.#.#\n#####", "cannot be reached"),
        ("\n", "at least 2"),
        ("spirall", "one of u-maze"),
        ("zigzag-1", "'zigzag-1' cannot have 1 corridors"),
        ("zigzag-50", "50 corridors.*\n.*from 2 to 49"),
        ("zigzag-six", "one of u-maze.*zigzag-N"),
        ("random-8-0", "8 cells per side.*\n.*odd.*\n.*random-9-0"),
        ("random-3-0", "from 5 to 99"),
        ("random-9", "random-SIDE-SEED"),
    ],
)
def test_refuses_a_map_and_says_why(text, says):
    with pytest.raises(ConfigError, match=says):
        Maze(map=text)


def test_reads_rows_between_slashes_and_spaces_as_floor():
    assert Maze(map="#####/#   #/#####").sample(np.random.default_rng(0), 1)["grid"].shape == (1, 5, 5)


@pytest.mark.parametrize(
    "wrong", [{"cells": 8}, {"cells": 3}, {"agent_radius": 0.5}, {"max_step": 1.5}, {"layout": "spiral"}, {"size": "32"}], ids=str
)
def test_refuses_a_field_out_of_range_by_name(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        Maze(**wrong)


def test_episodes_may_all_begin_in_one_cell_while_pairs_lie_everywhere():
    world = Maze(start=(1, 2))
    cells = np.floor(world.sample(np.random.default_rng(0), 50)["position"] * world.side)
    assert (cells == [2, 1]).all(), "x is the column"
    starts, _ = world.sample_pairs(np.random.default_rng(0), 50, "anywhere")
    assert len(np.unique(np.floor(starts["position"] * world.side), axis=0)) > 10


@pytest.mark.parametrize(
    ("wrong", "says"), [({"start": (0, 0)}, "1,1"), ({"start": (1, 99)}, "1,1"), ({"start": (1, 1), "layout": "random"}, "Random")]
)
def test_refuses_to_begin_in_a_wall(wrong, says):
    with pytest.raises(ConfigError, match=says):
        Maze(**wrong)


def test_the_zigzags_are_one_corridor_bent():
    for name, corridors in (("zigzag", 4), ("zigzag-2", 2), ("zigzag-6", 6), ("zigzag-7", 7)):
        grid = named_map(name)
        side = 2 * corridors + 1
        assert grid.shape == (side, side)
        # From the first cell to the last, every cell of floor is on the way.
        assert distances_from(grid, np.array([1, 1]))[~grid].max() == (~grid).sum() - 1


def test_refuses_a_kind_of_pair_that_the_map_does_not_have():
    with pytest.raises(ConfigError, match="near"):
        Maze(map="####/#..#/####").sample_pairs(np.random.default_rng(0), 1, "near")
