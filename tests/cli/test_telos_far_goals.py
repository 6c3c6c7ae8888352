"""What a run that was really taught levels and a critic of time says of itself, in its report and on the command line."""

import json
import re
import shutil
from xml.etree import ElementTree

import pytest
from verbs import fine

from telos.cli.acting import Acting
from telos.cli.evaluate import evaluate_run
from telos.cli.report import find_sources
from telos.core.run import Run
from telos.evaluation.report import DecoderConfig, write_report
from telos.teaching.levels import LevelRecipe, teach_levels
from telos.teaching.time_to_go.teach import teach_time_to_go

TINY = LevelRecipe(width=16, num_landmarks=40, num_steps=(30, 20, 20), latent_size=6, macro_size=2)


@pytest.fixture(scope="module")
def taught(folders, tmp_path_factory) -> Run:
    """The run in two rooms, with a level above it and a map of its logs."""
    folder = tmp_path_factory.mktemp("taught") / "run"
    shutil.copytree(folders.run, folder)
    run = Run.open(folder)
    teach_levels(run, (4,), recipe=TINY)
    teach_time_to_go(run)
    return run


@pytest.fixture(scope="module")
def report(taught) -> str:
    result = evaluate_run(taught, protocol="across-rooms", episodes=2, seed=3, acting=Acting(levels=2, time_to_go="landmarks"))
    assert result["conduct"]["levels"] == 2 and set(result["conduct"]["helped"]) == {"2"}
    return write_report(find_sources(taught, result, seed=0), result, decoder=DecoderConfig(num_frames=600, num_steps=60)).read_text(encoding="utf-8")


def test_the_report_draws_the_tree_the_times_and_how_levels_learned(report):
    headings = re.findall(r"<h2>([^<]+)</h2>", report)
    assert headings[-7:-4] == ["Far goals: one plan, level by level", "How long it takes", "How its levels learned"]
    assert ">level 2<" in report and "what it goes for" in report
    assert "--levels 2" in report and "--time-to-go landmarks" in report, "the command that gives the same again"


def test_show_says_which_levels_and_critics_there_are(taught):
    shown = fine("show", taught.path).out
    assert "level 2" in shown and "one step is 4 actions · 6 numbers · macro-actions of 2 · 40 landmarks" in shown
    assert "time to go" in shown and "states of the logs" in shown
    told = fine("show", taught.path, "--json").json
    assert [level["level"] for level in told["levels"]] == [2] and list(told["times"]) == ["landmarks"]
    assert told["times"]["landmarks"]["kind"] == "landmarks"


def test_a_plan_is_told_and_drawn_as_a_tree(taught, folders, tmp_path):
    ask = ("--data", folders.logs, "--episode", 2, "--start", 1, "--goal", 13, "--levels", 2)
    told = fine("plan", taught.path, *ask, "--out", tmp_path / "plan.png", "--json").json
    tree = told["tree"]
    assert (tree["level"], tree["aim"]["level"], tree["aim"]["plan"]["steps"]) == (1, 2, 4)
    ElementTree.parse(told["tree_picture"])
    json.dumps(told, allow_nan=False)
    shown = fine("plan", taught.path, *ask, "--out", tmp_path / "plan.png").out
    assert "level 2" in shown and f"tree      {tmp_path}/plan-tree.svg" in shown


def test_without_levels_there_is_no_tree(taught, folders, tmp_path):
    ask = ("--data", folders.logs, "--episode", 2, "--start", 1, "--goal", 9, "--out", tmp_path / "plan.png")
    told = fine("plan", taught.path, *ask, "--json").json
    assert told["tree"] is None and "tree_picture" not in told and not (tmp_path / "plan-tree.svg").exists()
