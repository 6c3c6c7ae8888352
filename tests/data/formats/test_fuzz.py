"""Mutated files of every layout: imported or refused, never a traceback, a hang, or much memory."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from layouts import LAYOUTS

FUZZ = Path(__file__).with_name("fuzz.py")
SHORT = (
    "robomimic",
    "stable-worldmodel",
    "hdf5, a file an episode",
    "hdf5, a group an episode",
    "hdf5 with ends, packed",
    "ogbench",
    "zarr",
    "npz folder",
    "npz with dones",
    "minari arrow",
    "lerobot v2.1",
    "lerobot v3.0 with pictures",
    "videos",
)
"""One variant of each way to read."""


def fuzz(layout: str, num: int, seed: int) -> dict:
    answer = subprocess.run([sys.executable, str(FUZZ), layout, "--num", str(num), "--seed", str(seed)], capture_output=True, text=True, check=False)
    assert answer.returncode == 0, (answer.stdout, answer.stderr)
    return json.loads(answer.stdout.splitlines()[-1])


@pytest.mark.parametrize("layout", SHORT)
def test_mutated_files_are_imported_or_refused(layout):
    counts = fuzz(layout, 120, 0)
    assert counts["imported"] + counts["refused"] == 120 and min(counts["imported"], counts["refused"]) > 3


@pytest.mark.slow
@pytest.mark.parametrize("layout", LAYOUTS)
def test_many_mutated_files_are_imported_or_refused(layout):
    counts = fuzz(layout, 3000, 10_000)
    assert counts["imported"] + counts["refused"] == 3000
