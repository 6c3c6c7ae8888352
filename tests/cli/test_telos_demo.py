import subprocess
import sys
from pathlib import Path

import pytest
from verbs import Answer, telos

TELOS = Path(sys.executable).with_name("telos")


@pytest.mark.slow
def test_the_demo_does_the_main_job_from_end_to_end(tmp_path):
    """In a process of its own, as a user would; the bar of the project is 95 % on average, this is a lower one for a single seed."""
    found = subprocess.run([TELOS, "demo", "--out", tmp_path / "demo", "--seed", "1", "--json"], capture_output=True, text=True)
    assert found.returncode == 0, found.stderr
    told = Answer(0, found.stdout, found.stderr).json
    assert told["success"] >= 0.9 and told["episodes"] == 200 and told["seed"] == 1
    assert told["floors"]["random"]["success"] <= 0.25 and told["floors"]["zero"]["success"] <= 0.25
    assert told["seconds"] > 0 and told["protocol_hash"]
    assert Path(told["report"]).stat().st_size > 100_000
    (position,) = (part for part in told["probe"] if part["quantity"] == "position")
    assert position["latent"] >= 0.95
    again = subprocess.run([TELOS, "demo", "--out", tmp_path / "demo", "--seed", "2"], capture_output=True, text=True)
    assert again.returncode == 2 and "was collected with the seed 1" in again.stderr


@pytest.mark.parametrize(
    ("arguments", "words"), [(["--seed", "-1"], "The seed is -1"), (["--out", "file"], "file"), (["--out", "file/below"], "file")]
)
def test_a_demo_that_cannot_begin_says_so_and_leaves_nothing(tmp_path, monkeypatch, arguments, words):
    monkeypatch.chdir(tmp_path)
    Path("file").write_text("mine")
    answer = telos("demo", *arguments)
    assert answer.code == 2 and answer.out == ""
    assert words in answer.err and answer.err.count("error: ") == 1 and "Traceback" not in answer.err
    assert Path("file").read_text() == "mine"
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [tmp_path / "file"]
