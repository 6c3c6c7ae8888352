"""Small runs, each trained once for all tests of the report."""

from pathlib import Path

import pytest
from small_runs import SmallRun, small_run
from tiny_runs import TREE, collect_logs, walk_logs

from telos.recipes import pixels


@pytest.fixture(scope="session")
def rooms(tmp_path_factory) -> SmallRun:
    """Pictures, and a world that draws itself."""
    folder = tmp_path_factory.mktemp("rooms")
    return small_run(folder, collect_logs(folder / "logs", "two-rooms", episodes=80, steps=20, size=16))


@pytest.fixture(scope="session")
def mass(tmp_path_factory) -> SmallRun:
    """Vectors that determine the true state, and a world that draws it."""
    folder = tmp_path_factory.mktemp("mass")
    return small_run(folder, collect_logs(folder / "logs", "point-mass", episodes=60, steps=20))


@pytest.fixture(scope="session")
def dial(tmp_path_factory) -> SmallRun:
    """Vectors, and a user's world that nobody can draw."""
    folder = tmp_path_factory.mktemp("dial")
    return small_run(folder, collect_logs(folder / "logs", f"{Path(__file__).with_name('dial.py')}:Dial", episodes=60, steps=20))


@pytest.fixture(scope="session")
def walks(tmp_path_factory) -> SmallRun:
    """Logs of cameras and numbers that name no environment."""
    folder = tmp_path_factory.mktemp("walks")
    return small_run(folder, walk_logs(folder / "logs", TREE, episodes=30, steps=12), recipe=pixels, evaluated=False)
