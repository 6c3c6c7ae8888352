import numpy as np
import pytest
import torch

from telos.core.logs import map_tree
from telos.envs import Maze, PointMass, TwoRooms
from telos.evaluation.protocols import select_rows
from telos.evaluation.report.landscape import energy_landscape, free_places, has_position


def grid(size):
    middles = (np.arange(size) + 0.5) / size
    return np.stack(np.meshgrid(middles, middles), axis=-1).reshape(-1, 2)


def test_in_two_rooms_places_are_free_where_the_disc_does_not_touch_a_wall():
    world = TwoRooms(layout="random")
    state = world.sample(np.random.default_rng(1), 1)
    places = grid(70)
    free = free_places(world, state, places)
    x, y = places.T
    inside = (np.abs(places - 0.5) < 0.5 - world.agent_radius).all(axis=1)
    beside = np.abs(x - state["wall"]) > world.wall_thickness / 2 + world.agent_radius
    in_door = np.abs(y - state["door"]) < world.door_width / 2 - world.agent_radius
    expected = inside & (beside | in_door)
    assert (free == expected).mean() > 0.97
    assert not free[np.abs(x - state["wall"]) < 0.02][~in_door[np.abs(x - state["wall"]) < 0.02]].any()


def test_in_a_maze_no_place_in_a_wall_is_free_and_every_sampled_one_is():
    world = Maze(layout="random")
    state = world.sample(np.random.default_rng(2), 1)
    places = grid(60)
    free = free_places(world, state, places)
    cells = np.floor(places * world.side).astype(int)
    assert not (free & state["grid"][0][cells[:, 1], cells[:, 0]]).any()
    fixed = Maze()
    sampled = fixed.sample(np.random.default_rng(3), 200)
    assert free_places(fixed, select_rows(sampled, slice(0, 1)), sampled["position"]).all()


def test_every_place_of_an_empty_arena_is_free():
    world = PointMass()
    _, goals = world.sample_pairs(np.random.default_rng(0), 1, "anywhere")
    assert free_places(world, goals, grid(20)).all()


def test_energy_is_the_mean_squared_latent_distance_to_the_goal(rooms):
    sources = rooms.sources
    model, world = sources.agent.world_model, sources.world
    starts, goals = world.sample_pairs(np.random.default_rng(4), 1, "across-rooms")
    # The goal in the middle of a cell of the grid, where its energy must be 0.
    goals = {**goals, "position": (np.floor(goals["position"] * 40) + 0.5) / 40}
    landscape = energy_landscape(model, world, goals, size=40)
    column, row = np.floor(goals["position"][0] * 40).astype(int)
    assert landscape.energies[row, column] == np.nanmin(landscape.energies) == pytest.approx(0, abs=1e-9)

    def latent(state):
        return model.observe(None, None, map_tree(torch.from_numpy, world.observe(state))).latent

    x, y = np.floor(starts["position"][0] * 40).astype(int)
    there = {**goals, "position": (np.array([[x, y]]) + 0.5) / 40}
    with torch.no_grad():
        expected = (latent(there) - latent(goals)).square().mean().item()
    np.testing.assert_allclose(landscape.energies[y, x], expected, rtol=1e-4)


def test_worlds_without_places_have_no_map(dial, rooms):
    for small, expected in ((dial, False), (rooms, True)):
        world = small.sources.world
        assert has_position(world, world.sample(np.random.default_rng(0), 3)) is expected
