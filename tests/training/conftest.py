"""Logs of a point mass, and a run on them, for the tests of training."""

import pytest
import tiny_runs
import torch

from telos.data import Episodes, split
from telos.recipes.experiment import train


@pytest.fixture(autouse=True)
def one_thread():
    """Sums over several threads are not the same to the last bit."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def logs(tmp_path_factory):
    """A store of a point mass's episodes."""
    return tiny_runs.collect_logs(tmp_path_factory.mktemp("logs") / "point-mass")


@pytest.fixture(scope="session")
def episodes(logs):
    """The training and the held-out part of it."""
    return split(Episodes.open(logs))


@pytest.fixture(scope="session")
def finished_run(logs, tmp_path_factory):
    """A run that came to its end."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    run = train(logs, tmp_path_factory.mktemp("runs") / "finished", recipe=tiny_runs.tiny)
    torch.set_num_threads(before)
    return run
