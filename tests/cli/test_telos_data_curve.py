import json

import pytest
import tiny_runs
from tiny_runs import RECIPE
from verbs import fine, refusal

ARGUMENTS = ("--recipe", RECIPE, "--shares", 0.25, 0.5, 1, "--threads", 1)


@pytest.fixture(scope="module")
def logs(tmp_path_factory):
    return tiny_runs.walk_logs(tmp_path_factory.mktemp("curve") / "logs", tiny_runs.DISCRETE, episodes=40)


@pytest.fixture(scope="module")
def curve(logs):
    out = logs.with_name("curve")
    return out, fine("data", "curve", logs, "--out", out, *ARGUMENTS, "--json").json


def test_says_what_more_episodes_would_do(curve):
    out, told = curve
    assert told["state"] in ("levelled off", "still falling", "cannot be told") and "twice the logs (72 episodes)" in told["says"]
    assert [(point["episodes"], point["seed"]) for point in told["points"]] == [(9, 0), (9, 1), (18, 0), (18, 1), (36, 0), (36, 1)]
    assert told["failed"] == [] and told["held_out_episodes"] == 4 and all("position" in point["probes"] for point in told["points"])
    assert json.loads((out / "curve.json").read_text())["says"] == told["says"]
    assert "<!doctype html>" in (out / "curve.html").read_text()


def test_repeated_it_trains_nothing_again_and_says_the_same(logs, curve):
    out, told = curve
    weights = {file: file.stat().st_mtime_ns for file in out.glob("points/*/model.safetensors")}
    assert len(weights) == 6
    shown = fine("data", "curve", logs, "--out", out, *ARGUMENTS).out
    assert told["says"] in shown and f"{told['points'][0]['error']:.3f}" in shown
    assert {file: file.stat().st_mtime_ns for file in weights} == weights


def test_an_evaluation_by_logs_alone_tells_it_too(logs, curve, tmp_path):
    out, told = curve
    fine("train", logs, "--out", tmp_path / "run", "--recipe", RECIPE, "--threads", 1)
    found = fine("evaluate", tmp_path / "run", "--episodes", 10, "--curve", out, "--json").json
    assert found["verdicts"][-1]["name"] == "enough-logs" and found["verdicts"][-1]["says"] == told["says"]
    others = tiny_runs.walk_logs(tmp_path / "others", tiny_runs.DISCRETE, seed=1)
    fine("train", others, "--out", tmp_path / "other-run", "--recipe", RECIPE, "--threads", 1)
    assert "is of other logs than the run" in refusal("evaluate", tmp_path / "other-run", "--curve", out)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--shares", 0.5, 1], "2 different numbers"),
        (["--shares", 0.25, 0.5, 1.5], "1.5 cannot be drawn"),
        (["--shares", 0, 0.5, 1], "cannot be drawn"),
        (["--seeds", 0], "0 seeds"),
        (["--horizon", 0], "0 steps ahead"),
        (["--held-out", 1], "cannot be held out"),
        (["--recipe", "pixel"], "did you mean 'pixels'"),
    ],
    ids=str,
)
def test_what_is_no_curve_is_refused_before_anything_is_trained(logs, tmp_path, arguments, words):
    assert words in refusal("data", "curve", logs, "--out", tmp_path / "curve", *arguments)
    assert not (tmp_path / "curve").exists()
