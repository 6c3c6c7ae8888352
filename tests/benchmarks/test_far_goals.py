"""The benchmark of far goals: what its table counts, what it leaves out, and that it runs from end to end."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import tiny_runs

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from benchmarks.far_goals import __main__ as program  # noqa: E402
from benchmarks.far_goals.rows import ROWS, Metered  # noqa: E402
from benchmarks.far_goals.table import by_map, differences, lines_of, markdown  # noqa: E402
from telos.core.errors import TelosError  # noqa: E402
from telos.evaluation.intervals import paired_difference  # noqa: E402
from telos.recipes.experiment import load_agent, train  # noqa: E402


def result(row, success, *, run="a", kind="far", steps=30, cpu=0.5, **more):
    episodes = [{"shortest": 20, "success": bool(each), "steps": steps, "cpu_seconds": cpu} for each in success]
    return {"row": row, "run": run, "map": run, "cells": 9, "training_seed": 0, "kind": kind, "seed": 0, "episodes": episodes, **more}


def test_the_way_is_that_of_successes_alone():
    line = lines_of([result("flat", [1, 0, 0, 1])])["flat"]
    assert line.rate.value == 0.5
    np.testing.assert_allclose(line.ratio, [1.5, 1.5])
    assert line.cpu_seconds == 0.5, "failures are paid for too"


def test_rows_are_compared_on_the_same_episodes_whatever_the_order_they_were_played_in():
    results = [result("flat", [0, 0, 1], run="a"), result("flat", [1, 1, 1], run="b"), result("critic", [1, 1, 0], run="b")]
    results.append(result("critic", [1, 0, 1], run="a"))
    apart = differences(lines_of(results), "flat")["critic"]
    expected = paired_difference(np.array([1, 0, 1, 1, 1, 0], bool), np.array([0, 0, 1, 1, 1, 1], bool))
    assert (apart["difference"], apart["low"], apart["high"]) == pytest.approx(expected)


def test_a_row_that_did_not_play_everywhere_is_no_part_of_the_table_but_of_its_map():
    results = [result("flat", [0, 1], run="a"), result("flat", [1, 1], run="b"), result("critic", [1, 1], run="b")]
    assert list(lines_of(results)) == ["flat"]
    assert "critic" not in markdown(results, ["far"])
    line = next(line for line in by_map(results, "far").splitlines() if line.startswith("| critic"))
    assert line.startswith("| critic | – | 100.0 %")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("far")
    logs = tiny_runs.collect_logs(folder / "logs", "maze", episodes=20, steps=20, map="random-5-0")
    return train(logs, folder / "tiny", recipe=tiny_runs.tiny)


def test_the_bill_of_a_step_is_shared_by_those_under_way(run):
    world = program_world(run)
    contestant = Metered(load_agent(run), "flat")
    starts, goals = world.sample_pairs(np.random.default_rng(0), 3, "anywhere")
    contestant.begin(world, starts, goals)
    contestant.act(starts)
    first = contestant.cpu_seconds.copy()
    assert first.sum() == pytest.approx(contestant.plan_seconds)
    contestant.keep(np.array([True, False, True]))
    contestant.act({name: value[[0, 2]] for name, value in starts.items()})
    assert contestant.cpu_seconds[1] == first[1]
    assert contestant.cpu_seconds.sum() == pytest.approx(contestant.plan_seconds)


def program_world(run):
    from telos.cli.worlds import world_of

    return world_of(run)


def test_runs_from_end_to_end_and_does_not_play_again_what_was_played(run, tmp_path, monkeypatch, capsys):
    args = ["far_goals", str(run.path), "--rows", "zero", "scripted", "flat", "--kinds", "near", "far", "--episodes", "3", "--out", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", args)
    program.main()
    text = (tmp_path / "table.md").read_text(encoding="utf-8")
    assert "| zero | 0.0 %" in text and "| scripted | 100.0 %" in text and "| 1.00 |" in text
    table = json.loads((tmp_path / "table.json").read_text(encoding="utf-8"))
    assert table["far"]["differences"]["from flat"].keys() == {"zero", "scripted"}
    capsys.readouterr()
    monkeypatch.setattr(sys, "argv", [*args, "--only-read", "--figure", str(tmp_path / "rows.svg")])
    program.main()
    assert capsys.readouterr().out.strip() == text.strip()
    assert (tmp_path / "rows.svg").read_text(encoding="utf-8").startswith("<svg")


@pytest.mark.parametrize("row", ["flat + landmarks", "2 levels"])
def test_what_the_run_was_not_taught_is_refused(run, tmp_path, row):
    from benchmarks.far_goals.play import played

    with pytest.raises(TelosError):
        played(run, row, "near", tmp_path, episodes=2, seed=0)


def test_nobody_plays_twice_under_two_names():
    assert len(set(map(repr, ROWS.values()))) == len(ROWS)


def test_the_flat_contestant_imagines_as_much_as_those_that_are_led():
    flat, led = ROWS["flat"].planner, ROWS["flat + landmarks"].planner
    steps = [part.horizon * part.num_candidates * part.num_iterations for part in (flat, led)]
    assert steps[0] == pytest.approx(steps[1], rel=0.03)
