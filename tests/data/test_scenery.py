"""What the measure of scenery promises, on discs that move over walls."""

import numpy as np
import pytest
from data_worlds import ACTION, VECTOR, write_store

from telos.core.spaces import PixelSpace, Spaces, TreeSpace, VectorSpace
from telos.data import Episodes, EpisodeWriter, Selection, scenery_share

SIZE = 48


def fixed_walls(rng):
    walls = np.zeros((SIZE, SIZE), dtype=bool)
    walls[:, 23:26] = True
    walls[10:18, 23:26] = False
    return walls


def moving_wall(rng):
    return np.roll(fixed_walls(rng), (rng.integers(-20, 20), rng.integers(-20, 20)), axis=(0, 1))


def random_maze(rng):
    return np.kron(rng.random((8, 8)) < 0.35, np.ones((6, 6), dtype=bool))


def film(walls, rng, *, speed, radius=2.5, steps=40, noise=0):
    """Frames `[steps+1 height width 3]` of a disc that wanders over walls."""
    rows, columns = np.mgrid[:SIZE, :SIZE]
    frames = np.where(walls[..., None], np.array([60, 60, 80]), np.array([235, 230, 220]))
    frames = np.repeat(frames[None], steps + 1, axis=0)
    place, heading = rng.uniform(4, SIZE - 4, 2), rng.uniform(0, 2 * np.pi)
    for frame in frames:
        frame[(rows - place[0]) ** 2 + (columns - place[1]) ** 2 < radius**2] = (200, 30, 30)
        heading += rng.normal() * 0.3
        place = np.clip(place + speed * np.array([np.sin(heading), np.cos(heading)]), 3, SIZE - 3)
    return np.clip(frames + rng.normal(size=frames.shape) * noise, 0, 255).astype(np.uint8)


def share_of(path, layout, *, episodes=40, **how):
    rng = np.random.default_rng(0)
    with EpisodeWriter(path, Spaces(PixelSpace(SIZE, SIZE), ACTION)) as writer:
        for _ in range(episodes):
            frames = film(layout(rng), rng, **how)
            writer.add(frames, np.zeros((len(frames) - 1, 2)))
    return scenery_share(Episodes.open(path), np.random.default_rng(1))


@pytest.mark.parametrize("episodes", [2, 3, 8, 40, 100])
@pytest.mark.parametrize("how", [{"speed": 2.0}, {"speed": 0.05}, {"speed": 0.0}, {"speed": 0.1, "radius": 4.0}, {"speed": 1.0, "noise": 5}])
def test_a_fixed_scene_has_none_even_when_the_agent_is_slow(tmp_path, episodes, how):
    assert share_of(tmp_path / "store", fixed_walls, episodes=episodes, **how) < (0.03 if episodes >= 8 else 0.08)


@pytest.mark.parametrize("episodes", [3, 8, 40, 100])
@pytest.mark.parametrize("speed", [2.0, 0.05])
def test_a_maze_drawn_anew_is_nearly_all_scenery(tmp_path, episodes, speed):
    assert share_of(tmp_path / "store", random_maze, episodes=episodes, speed=speed) > 0.15


def test_a_wall_that_moves_is_told_from_one_that_does_not(tmp_path):
    still = share_of(tmp_path / "still", fixed_walls, speed=0.5)
    assert share_of(tmp_path / "moving", moving_wall, speed=0.5) > max(0.1, 10 * still)


def test_vectors_have_no_scenery_and_of_a_tree_the_pictures_count(tmp_path):
    rng = np.random.default_rng(0)
    assert scenery_share(write_store(tmp_path / "vector", VECTOR), rng) == 0
    spaces = Spaces(TreeSpace({"camera": PixelSpace(SIZE, SIZE), "proprio": VectorSpace(2)}), ACTION)
    with EpisodeWriter(tmp_path / "tree", spaces) as writer:
        for _ in range(12):
            frames = film(random_maze(rng), rng, speed=1.0)
            writer.add({"camera": frames, "proprio": np.zeros((len(frames), 2))}, np.zeros((len(frames) - 1, 2)))
    store = Episodes.open(tmp_path / "tree")
    assert scenery_share(store, rng) > 0.3
    assert scenery_share(Selection(store, [3]), rng) == 0
