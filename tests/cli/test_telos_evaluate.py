import json
import shutil

import pytest
import tiny_runs
from tiny_runs import RECIPE
from verbs import fine, refusal

from telos.core.run import Run

KEYS = {"success", "success_low", "success_high", "success_any", "episodes", "floors", "plan_cpu_seconds", "protocol_hash", "seed"}


@pytest.fixture(scope="module")
def told(folders):
    return fine("evaluate", folders.run, "--episodes", 4, "--seed", 2, "--json").json


def test_tells_success_beside_its_floors(told):
    assert set(told) >= KEYS and (told["episodes"], told["seed"]) == (4, 2)
    assert set(told["floors"]) == {"random", "zero", "scripted"}
    for floor in told["floors"].values():
        assert {"success", "success_low", "success_high", "success_any"} <= set(floor)
    assert told["floors"]["scripted"]["success"] == 1 and told["floors"]["zero"]["success"] == 0
    assert 0 <= told["success_low"] <= told["success"] <= told["success_high"] <= 1


def test_tells_open_loop_errors_and_probes_beside_theirs(told):
    assert len(told["open_loop"]["prediction"]) == len(told["open_loop"]["nothing_moves"]) == 14
    (position,) = (part for part in told["probe"] if part["quantity"] == "position")
    assert {"latent", "untrained", "pca", "linear"} <= set(position)


def test_run_again_it_gives_the_same_but_for_the_time_that_plans_took(folders, told):
    again = fine("evaluate", folders.run, "--episodes", 4, "--seed", 2, "--json").json
    assert {**again, "plan_cpu_seconds": 0} == {**told, "plan_cpu_seconds": 0}


def test_the_result_stays_with_the_run(folders, told):
    (file,) = folders.run.glob(f"evaluations/across-rooms-default-{told['protocol_hash']}.json")
    assert {**json.loads(file.read_text()), "plan_cpu_seconds": 0} == {**told, "plan_cpu_seconds": 0}


def test_people_get_a_table(folders):
    shown = fine("evaluate", folders.run, "--episodes", 2).out
    assert all(
        word in shown
        for word in ("success", "95 % interval", "Telos, MPPI", "random", "zero action", "scripted expert", "2 episodes of 'across-rooms'")
    )


@pytest.mark.parametrize(
    ("arguments", "protocol", "source"),
    [
        (["--offset", 6], "offset", "held-out episodes"),
        (["--offset", 40], "offset", "fresh random wandering"),
        (["--protocol", "anywhere"], "anywhere", "the world's sampler"),
        (["--protocol", "offset"], "offset", "fresh random wandering"),
        (["--planner", "cem"], "across-rooms", "the world's sampler"),
    ],
    ids=str,
)
def test_other_goals_and_planners_may_be_asked_for(folders, arguments, protocol, source):
    found = fine("evaluate", folders.run, "--episodes", 2, *arguments, "--json").json
    assert (found["protocol"]["name"], found["pairs_from"]) == (protocol, source)
    assert found["planner"]["class"].endswith("CEM" if "cem" in arguments else "MPPI")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--episodes", 0], "0 episodes"),
        (["--episodes", -2], "-2 episodes"),
        (["--offset", 0], "The offset is 0"),
        (["--offset", -4], "The offset is -4"),
        (["--offset", 25, "--protocol", "anywhere"], "'anywhere' has the offset 25"),
        (["--protocol", "acros-rooms"], "did you mean 'across-rooms'"),
        (["--planner", "icen"], "did you mean 'icem'"),
        (["--planner", "telos.agent.loop:Agent"], "is not a planner"),
        (["--seed", -1], "The seed is -1"),
        (["--threads", 0], "0 threads"),
    ],
    ids=str,
)
def test_what_cannot_be_evaluated_is_refused(folders, arguments, words):
    before = sorted(folders.run.glob("evaluations/*"))
    assert words in refusal("evaluate", folders.run, *arguments)
    assert sorted(folders.run.glob("evaluations/*")) == before


def test_an_unfinished_run_is_refused(folders, tmp_path):
    run = Run.create(tmp_path / "run", Run.open(folders.run).description)
    assert "has not been trained to its end" in refusal("evaluate", run.path)
    assert "has not been trained to its end" in refusal("plan", run.path, "--data", folders.logs, "--episode", 0, "--start", 0, "--goal", 2)


def test_logs_that_name_no_world_or_one_that_cannot_be_restored_are_told(tmp_path):
    fine("train", tiny_runs.walk_logs(tmp_path / "logs", tiny_runs.DISCRETE), "--out", tmp_path / "run", "--recipe", RECIPE)
    assert "name no environment" in refusal("evaluate", tmp_path / "run")
    fine("data", "collect", "gym:CartPole-v1", "--episodes", 20, "--steps", 20, "--out", tmp_path / "poles")
    fine("train", tmp_path / "poles", "--out", tmp_path / "poles-run", "--recipe", RECIPE)
    assert "gym:CartPole-v1, whose starts and goals cannot be restored" in refusal("evaluate", tmp_path / "poles-run")


def test_without_its_logs_a_run_is_evaluated_as_far_as_possible(tmp_path):
    logs = tiny_runs.collect_logs(tmp_path / "logs")
    fine("train", logs, "--out", tmp_path / "run", "--recipe", RECIPE)
    shutil.rmtree(logs)
    found = fine("evaluate", tmp_path / "run", "--episodes", 2, "--json").json
    assert found["open_loop"] is None and found["probe"] is None and "logs" in found["notes"][0]
    tiny_runs.collect_logs(logs, seed=1)
    found = fine("evaluate", tmp_path / "run", "--episodes", 2, "--json").json
    assert found["open_loop"] is None and "not those that it was trained on" in found["notes"][0]
