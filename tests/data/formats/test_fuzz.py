"""Mutated files of every layout: imported or refused, never a traceback, a hang, or much memory."""

import json
import os
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


def test_what_a_reader_has_no_business_with_is_noticed(tmp_path):
    script = """
import pickle, sys
from pathlib import Path
from fuzz import Watch
root = Path(sys.argv[1])
(root / "cases").mkdir()
watch = Watch(root / "cases")
(root / "cases/fine").write_text("x")
assert watch.seen == [], watch.seen
(root / "cases/../out").write_text("x")
(root / "out").unlink()
open("/etc/passwd").close()
pickle.loads(pickle.dumps(Path))
print(len(watch.seen), *watch.seen)
"""
    call = [sys.executable, "-c", script, str(tmp_path)]
    answer = subprocess.run(call, capture_output=True, text=True, check=True, env={**os.environ, "PYTHONPATH": str(FUZZ.parent)})
    assert answer.stdout.startswith("4 opened") and "os.remove" in answer.stdout and "/etc/passwd" in answer.stdout and "pickle" in answer.stdout


@pytest.mark.slow
@pytest.mark.parametrize("layout", LAYOUTS)
def test_many_mutated_files_are_imported_or_refused(layout):
    counts = fuzz(layout, 3000, 10_000)
    assert counts["imported"] + counts["refused"] == 3000
