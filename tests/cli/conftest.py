"""A tiny store and a finished run on it, for all verbs."""

from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from tiny_runs import RECIPE
from verbs import fine


@dataclass(frozen=True)
class Folders:
    logs: Path
    run: Path


@pytest.fixture(scope="session")
def folders(tmp_path_factory) -> Folders:
    """Logs of two rooms, collected and trained on by the command line itself."""
    folder = tmp_path_factory.mktemp("command-line")
    logs, run = folder / "logs", folder / "run"
    fine("data", "collect", "two-rooms", "--episodes", 30, "--steps", 14, "--out", logs, "--env-args", "size=16")
    threads = torch.get_num_threads()
    fine("train", logs, "--out", run, "--recipe", RECIPE, "--threads", 1)
    torch.set_num_threads(threads)
    return Folders(logs, run)
