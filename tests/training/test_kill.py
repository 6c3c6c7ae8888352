"""`kill -9` at any moment of a real `telos train`: what is saved is whole, and the same command goes on from there."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import tiny_runs
import torch
from safetensors.torch import load_file

from telos.core.run import Run
from telos.recipes.experiment import train

RECIPE = f"{Path(tiny_runs.__file__)}:longer"
NUM_LINES = 48
"""Of metrics that this recipe writes."""
TELOS = Path(sys.executable).with_name("telos")


TWO_PROCESSES = ("--devices", "2", "--accelerator", "cpu", "--strategy")


def start(logs, out, *options: str) -> subprocess.Popen:
    command = [str(TELOS), "train", str(logs), "--out", str(out), "--recipe", RECIPE, "--threads", "1", *options]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env={**os.environ, "OMP_NUM_THREADS": "1"})


def kill_when(process: subprocess.Popen, reached, more_seconds: float) -> None:
    """Kills the process some time after `reached()` is true for the first time."""
    deadline = time.monotonic() + 120
    while process.poll() is None and not reached():
        assert time.monotonic() < deadline, "nothing happened for two minutes"
        time.sleep(0.002)
    time.sleep(more_seconds)
    process.send_signal(signal.SIGKILL)
    _, errors = process.communicate()
    assert process.returncode in (-signal.SIGKILL, 0), errors.decode()


def kill_at_line(logs, out, num_lines: int, more_seconds: float, *options: str) -> None:
    """Kills a run some time after it has so many lines of metrics."""
    metrics = Run(out).metrics_file
    kill_when(start(logs, out, *options), lambda: metrics.is_file() and metrics.read_bytes().count(b"\n") >= num_lines, more_seconds)


def kill_at_a_random_moment(logs, out, rng: random.Random) -> None:
    kill_at_line(logs, out, rng.randrange(NUM_LINES - 4), rng.uniform(0, 0.05))


def assert_same_run(ours: Run, theirs: Run) -> None:
    assert ours.metrics_file.read_bytes() == theirs.metrics_file.read_bytes()
    left, right = load_file(ours.weights_file), load_file(theirs.weights_file)
    assert set(left) == set(right) and all(torch.equal(left[name], right[name]) for name in left)
    assert sorted(file.name for file in ours.path.iterdir()) == ["metrics.jsonl", "model.safetensors", "run.json"]


@pytest.fixture(scope="module")
def uninterrupted(logs, tmp_path_factory):
    torch.set_num_threads(1)
    return train(logs, tmp_path_factory.mktemp("whole") / "run", recipe=RECIPE)


@pytest.mark.parametrize("seed", range(3))
def test_a_killed_run_ends_as_the_uninterrupted_one(logs, uninterrupted, tmp_path, seed):
    kill_at_a_random_moment(logs, tmp_path / "run", random.Random(seed))
    assert_same_run(train(logs, tmp_path / "run", recipe=RECIPE), uninterrupted)


@pytest.mark.slow
def test_twenty_random_kills_each_resumed_by_the_same_command(logs, uninterrupted, tmp_path):
    rng, on_the_way = random.Random(time.time_ns()), 0
    for number in range(20):
        out = tmp_path / f"run-{number}"
        kill_at_a_random_moment(logs, out, rng)
        on_the_way += not Run(out).finished
        assert start(logs, out).wait(timeout=120) == 0
        assert_same_run(Run.open(out), uninterrupted)
    assert on_the_way > 10


@pytest.mark.slow
def test_kills_while_it_starts_up_never_leave_a_folder_that_refuses_to_go_on(logs, uninterrupted, tmp_path):
    rng = random.Random(time.time_ns())
    for number in range(10):
        out = tmp_path / f"run-{number}"
        kill_when(start(logs, out), out.exists, rng.choice([0, 0, 0.001, 0.003]))
        assert_same_run(train(logs, out, recipe=RECIPE), uninterrupted)


@pytest.mark.slow
def test_a_run_that_is_killed_over_and_over_still_ends_as_the_uninterrupted_one(logs, uninterrupted, tmp_path):
    rng, out = random.Random(time.time_ns()), tmp_path / "run"
    for num_lines in range(4, NUM_LINES - 4, 6):
        kill_at_line(logs, out, num_lines, rng.uniform(0, 0.05))
    assert_same_run(train(logs, out, recipe=RECIPE), uninterrupted)


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["ddp", "fsdp"])
def test_a_run_on_two_processes_that_lost_one_of_them_ends_as_the_uninterrupted_one(logs, tmp_path, strategy):
    assert start(logs, tmp_path / "whole", *TWO_PROCESSES, strategy).wait(timeout=120) == 0
    for num_lines in (5, 30):
        kill_at_line(logs, tmp_path / "run", num_lines, 0.01, *TWO_PROCESSES, strategy)
    assert start(logs, tmp_path / "run", *TWO_PROCESSES, strategy).wait(timeout=120) == 0
    assert_same_run(Run.open(tmp_path / "run"), Run.open(tmp_path / "whole"))
