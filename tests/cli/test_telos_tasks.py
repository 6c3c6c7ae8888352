"""`--task FILE`: a task in the user's own words, planned for and played."""

import json
import shutil

import pytest
from tiny_runs import RECIPE
from verbs import fine, refusal

TASK = """
[reach]
quantity = "position"
value = [0.5, 0.5]
within = 0.2
hold = 1

[[drive]]
kind = "effort"
weight = 0.001
"""


@pytest.fixture(scope="module")
def taught(tmp_path_factory):
    """A tiny run in the arena that was taught to read the position, its logs, and a task."""
    folder = tmp_path_factory.mktemp("tasks")
    fine("data", "collect", "point-mass", "--episodes", 30, "--steps", 14, "--out", folder / "logs")
    fine("train", folder / "logs", "--out", folder / "run", "--recipe", RECIPE, "--threads", 1)
    fine("readout", folder / "run", "--column", "position", "--kind", "linear")
    (folder / "near.toml").write_text(TASK, encoding="utf-8")
    return folder


def test_plans_as_a_task_says_draws_it_and_tells_what_is_expected(taught):
    ask = ("plan", taught / "run", "--task", taught / "near.toml", "--data", taught / "logs", "--episode", 3, "--start", 2)
    told = fine(*ask, "--json").json
    assert len(told["actions"]) == 5
    assert len(told["expected"]["position"]) == 6
    assert told["picture"] == str(taught / "run" / "plans" / "episode-3-from-2-near.png")
    shown = fine(*ask, "--out", taught / "plan.svg").out
    assert "position" in shown and "expected at the end" in shown and str(taught / "plan.svg") in shown
    assert (taught / "plan.svg").stat().st_size > 5000


def test_a_deadline_is_told_as_the_reason_of_a_horizon(taught):
    (taught / "late.toml").write_text('[reach_by]\nquantity = "position"\nvalue = [0.5, 0.5]\nhold = 1\ndeadline = 8\neffort = 0\n', encoding="utf-8")
    ask = ("plan", taught / "run", "--task", taught / "late.toml", "--data", taught / "logs", "--episode", 3, "--start", 2)
    assert fine(*ask, "--json").json["why"] == ["horizon 8: the deadline is 8 steps away"]
    assert "why       horizon 8: the deadline is 8 steps away" in fine(*ask).out


def test_plays_a_task_beside_floors_and_keeps_the_result_with_the_run(taught):
    ask = ("evaluate", taught / "run", "--task", taught / "near.toml", "--episodes", 6, "--steps", 12, "--threads", 1)
    told = fine(*ask, "--json").json
    assert set(told["floors"]) == {"random", "zero", "scripted"}
    assert told["episodes"] == 6 and told["task"] == TASK
    (kept,) = (taught / "run" / "evaluations").glob("task-near-*.json")
    assert json.loads(kept.read_text(encoding="utf-8"))["success"] == told["success"]
    assert kept.with_suffix(".png").stat().st_size > 5000
    shown = fine(*ask).out
    assert all(word in shown for word in ("done", "random", "scripted expert", "on the true state", "12 steps allowed"))


@pytest.mark.parametrize(
    ("text", "arguments", "words"),
    [
        ('[reech]\nquantity = "position"', (), "did you mean 'reach'"),
        ('[reach]\nquantity = "positon"\nvalue = [0, 0]', (), "did you mean 'position'"),
        ('[reach]\nquantity = "position"\nvalue = [0, 0, 0]', (), "gives 3 numbers for 'position'"),
        ('[largest]\nquantity = "position"', (), "Nothing says how many steps"),
        ('[reach]\nimage = "no.png"', (), "There is no picture"),
        (TASK, ("--offset", 5), "--offset is about goals that are shown"),
        (TASK, ("--conflicts",), "--conflicts is about goals that are shown"),
        (TASK, ("--critic", "calm"), "no critic"),
        (TASK, ("--without-guardrails",), "keeps no guardrails"),
        (TASK, ("--steps", 0), "0 steps"),
        (TASK, ("--planner", "mpi"), "did you mean 'mppi'"),
    ],
    ids=lambda value: str(value).replace("\n", " ")[:40],
)
def test_what_cannot_be_played_is_refused(taught, text, arguments, words):
    (taught / "wrong.toml").write_text(text, encoding="utf-8")
    assert words in refusal("evaluate", taught / "run", "--task", taught / "wrong.toml", "--episodes", 2, "--threads", 1, *arguments)


def test_a_task_that_is_not_there_and_a_run_that_reads_nothing_are_refused(taught, tmp_path):
    assert "no.toml" in refusal("evaluate", taught / "run", "--task", taught / "no.toml")
    shutil.copytree(taught / "run", tmp_path / "untaught")
    shutil.rmtree(tmp_path / "untaught" / "readouts")
    assert "telos readout" in refusal("evaluate", tmp_path / "untaught", "--task", taught / "near.toml", "--episodes", 2, "--threads", 1)


def test_a_plan_leads_to_a_frame_or_does_what_a_task_says(taught):
    ask = ("plan", taught / "run", "--data", taught / "logs", "--episode", 3, "--start", 2)
    assert "either --goal or --task" in refusal(*ask)
    assert "either --goal or --task" in refusal(*ask, "--goal", 5, "--task", taught / "near.toml")
    assert "no episode 99" in refusal(*ask, "--episode", 99, "--task", taught / "near.toml")
    assert "no frame 15" in refusal(*ask, "--start", 15, "--task", taught / "near.toml")
