import json
import shutil

import pytest
import torch
from tiny_runs import RECIPE, collect_logs
from verbs import fine, refusal, telos

RULES = """
[[guardrail]]
name = "box"
alpha = 0.2
stay_inside = { quantity = "position", box = { low = [-1.0, -1.0], high = [2.0, 2.0] } }
fallback = "hold"
"""
NARROW = """
[[guardrail]]
name = "box"
alpha = 0.2
stay_inside = { quantity = "position", box = { low = [0.2, 0.2], high = [0.8, 0.8] } }
fallback = "hold"
"""
"""Who holds does not stop, so that this is not kept."""


@pytest.fixture(scope="module")
def taught(tmp_path_factory):
    """A tiny run on a point mass, which observes what is read."""
    folder = tmp_path_factory.mktemp("taught")
    logs, run, threads = folder / "logs", folder / "run", torch.get_num_threads()
    collect_logs(logs, episodes=40, steps=14)
    fine("train", logs, "--out", run, "--recipe", RECIPE, "--threads", 1)
    fine("readout", run, "--column", "position", "--kind", "kernel-ridge", "--num-labels", 200, "--threads", 1)
    torch.set_num_threads(threads)
    return run


@pytest.fixture
def rules(tmp_path):
    file = tmp_path / "rules.toml"
    file.write_text(RULES)
    return file


def test_a_guardrail_that_holds_is_kept_with_the_run_and_evaluated_from_then_on(taught, rules, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(taught, run)
    told = fine("calibrate", run, "--guardrails", rules, "--episodes", 14, "--multiples", "1,0.5", "--steps", 20, "--json").json
    assert told["accepted"] and [trial["episodes"] for trial in told["trials"]] == [14, 14] and told["trials"][0]["violations"] == {"box": 0}
    kept = json.loads((run / "guardrails.json").read_text())
    assert kept["guardrails"][0]["calibration"]["closed_loop"] and (run / "calibration.json").is_file() and (run / "guardrails.png").is_file()
    shown = fine("evaluate", run, "--episodes", 3, "--steps", 20, "--json").json["guardrails"]
    assert shown["in_force"] and shown["rows"][0]["name"] == "box" and set(shown["rows"][0]["contestants"]) >= {"agent", "random", "zero", "scripted"}
    without = fine("evaluate", run, "--episodes", 3, "--steps", 20, "--without-guardrails", "--json").json["guardrails"]
    assert not without["in_force"] and without["rows"][0]["margin"] is None
    table = fine("evaluate", run, "--episodes", 3, "--steps", 20).out
    assert "guardrail 'box'" in table and "no plan was safe in" in table


def test_a_guardrail_that_cannot_be_kept_is_not_certified_and_the_verb_says_so(taught, tmp_path):
    rules, run = tmp_path / "rules.toml", tmp_path / "run"
    rules.write_text(NARROW)
    shutil.copytree(taught, run)
    answer = telos("calibrate", run, "--guardrails", rules, "--episodes", 14, "--margins", "0.001", "--conflicts")
    assert answer.code == 1 and "No margin was accepted" in answer.out and "rejected" in answer.out
    assert not (run / "guardrails.json").exists() and json.loads((run / "calibration.json").read_text())["accepted"] is False


def test_logs_alone_say_what_they_do_not_cover(taught, rules, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(taught, run)
    few = refusal("calibrate", run, "--guardrails", rules, "--open-loop", "--alpha", 0.01)
    assert "bound no error at alpha = 0.01" in few and "more held-out episodes" in few
    shown = fine("calibrate", run, "--guardrails", rules, "--open-loop", "--alpha", 0.5).out
    assert "rests on logs alone" in shown and "fallback's way to rest is not in the logs" in shown
    assert json.loads((run / "guardrails.json").read_text())["guardrails"][0]["calibration"]["closed_loop"] is False


def test_mistakes_are_named(taught, rules, folders):
    assert "99 more" in refusal("calibrate", taught, "--guardrails", rules, "--episodes", 200, "--alpha", 0.01)
    assert "cannot be read" in refusal("calibrate", taught, "--guardrails", "nowhere.toml")
    assert "leave out one of them" in refusal("calibrate", taught, "--guardrails", rules, "--margins", "0.1", "--multiples", "1")
    assert "numbers separated by commas" in refusal("calibrate", taught, "--guardrails", rules, "--episodes", 14, "--margins", "wide")
    assert "cannot be tested in this order" in refusal("calibrate", taught, "--guardrails", rules, "--episodes", 14, "--margins", "0.1,0.2")
    assert "keeps no guardrails" in refusal("evaluate", folders.run, "--without-guardrails")
    assert "keeps no guardrails" in refusal("evaluate", folders.run, "--conflicts")
