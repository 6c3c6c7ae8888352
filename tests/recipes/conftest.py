"""Logs of every kind that the standard recipes are for."""

import pytest
import tiny_runs

from telos.data import Episodes

KINDS = ("vector", "pixels", "scenery", "tree", "choices")


@pytest.fixture(scope="session")
def stores(tmp_path_factory) -> dict[str, Episodes]:
    """A tiny store by kind."""
    folder = tmp_path_factory.mktemp("stores")
    paths = {
        "vector": tiny_runs.collect_logs(folder / "vector"),
        "pixels": tiny_runs.collect_logs(folder / "pixels", "two-rooms", size=16),
        "clips": tiny_runs.walk_logs(folder / "clips", tiny_runs.CLIPS),
        "scenery": tiny_runs.collect_logs(folder / "scenery", "two-rooms", size=16, layout="random"),
        "tree": tiny_runs.walk_logs(folder / "tree", tiny_runs.TREE),
        "choices": tiny_runs.walk_logs(folder / "choices", tiny_runs.DISCRETE),
    }
    return {kind: Episodes.open(path) for kind, path in paths.items()}
