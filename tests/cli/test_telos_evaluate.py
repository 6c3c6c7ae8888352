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


def test_other_looks_are_played_on_the_same_starts_and_goals(folders, told):
    found = fine("evaluate", folders.run, "--episodes", 4, "--seed", 2, "--shifts", "size", "--json").json
    shifts = found.pop("shifts")
    assert {**found, "plan_cpu_seconds": 0} == {**told, "plan_cpu_seconds": 0}, "the rest of the evaluation is what it is without"
    assert [row["label"] for row in shifts["rows"]] == ["agent radius x 0.7", "agent radius x 1.4"]
    assert shifts["goals"] == "shifted" and shifts["left_out"] == []
    for row in shifts["rows"]:
        assert row["difference"] == pytest.approx(row["success"] - told["success"])
        assert row["difference_low"] <= row["difference"] <= row["difference_high"]


def test_people_get_a_table_of_looks(folders):
    shown = fine("evaluate", folders.run, "--episodes", 1, "--shifts", "size", "--plain-goals").out
    assert all(word in shown for word in ("less plain", "as it was learned", "agent radius x 0.7", "in the look that was learned"))


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
        (["--offset", 0], "offset 0"),
        (["--offset", -4], "offset -4"),
        (["--offset", 25, "--protocol", "anywhere"], "'anywhere' has the offset 25"),
        (["--protocol", "acros-rooms"], "did you mean 'across-rooms'"),
        (["--planner", "icen"], "did you mean 'icem'"),
        (["--planner", "telos.agent.loop:Agent"], "is not a planner"),
        (["--seed", -1], "The seed is -1"),
        (["--shifts", "colors"], "did you mean 'colours'"),
        (["--shifts", ""], "no group of shifts"),
        (["--plain-goals"], "add --shifts all"),
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


def test_logs_that_name_no_world_are_told(tmp_path):
    fine("train", tiny_runs.walk_logs(tmp_path / "logs", tiny_runs.DISCRETE), "--out", tmp_path / "run", "--recipe", RECIPE)
    assert "name no environment" in refusal("evaluate", tmp_path / "run", "--protocol", "offset")


@pytest.fixture(scope="module")
def poles(tmp_path_factory):
    """A run in an environment that nobody wrote an adapter for."""
    folder = tmp_path_factory.mktemp("poles")
    fine("data", "collect", "gym:CartPole-v1", "--episodes", 20, "--steps", 20, "--copies", 4, "--out", folder / "logs")
    fine("train", folder / "logs", "--out", folder / "run", "--recipe", RECIPE)
    return folder / "run"


def test_an_environment_without_an_adapter_is_restored_by_replay(poles):
    found = fine("evaluate", poles, "--offset", 3, "--episodes", 3, "--json").json
    assert found["pairs_from"] == "held-out episodes"
    assert found["protocol"]["steps"] is None and found["floors"]["scripted"] is None and found["floors"]["zero"] is None
    assert found["judge"]["source"] == "distance" and "reports success" in found["judge"]["says"]


def test_where_nothing_says_how_long_an_episode_may_take_it_must_be_said(poles):
    assert "say --steps" in refusal("evaluate", poles, "--protocol", "anywhere", "--episodes", 2)
    assert fine("evaluate", poles, "--protocol", "anywhere", "--episodes", 2, "--steps", 3, "--json").json["protocol"]["steps"] == 3


JUDGE = """
import numpy as np

def near(seen, goals):
    return np.abs(seen - goals).max(axis=1) < 0.2

def wrong(seen, goals):
    return 1.0
"""


def test_a_function_of_ones_own_or_the_latent_distance_may_judge(poles, tmp_path):
    (tmp_path / "judge.py").write_text(JUDGE)
    path = f"{tmp_path / 'judge.py'}:near"
    judge = fine("evaluate", poles, "--offset", 5, "--episodes", 3, "--success", path, "--json").json["judge"]
    assert judge == {"source": path, "says": "as near judges"}
    judge = fine("evaluate", poles, "--offset", 5, "--episodes", 2, "--success", "latent", "--json").json["judge"]
    assert judge["source"] == "latent" and judge["threshold"] > 0 and 0 <= judge["false_share"] < 1
    assert "truth values" in refusal("evaluate", poles, "--offset", 5, "--episodes", 2, "--success", f"{tmp_path / 'judge.py'}:wrong")
    assert "nearly" in refusal("evaluate", poles, "--offset", 5, "--episodes", 2, "--success", f"{tmp_path / 'judge.py'}:nearly")


def test_radius_and_time_may_be_asked_for(folders):
    found = fine("evaluate", folders.run, "--episodes", 2, "--radius", 0.2, "--steps", 7, "--json").json
    assert (found["protocol"]["radius"], found["protocol"]["steps"]) == (0.2, 7)
    assert found["judge"]["says"] == "within 0.2 (arena widths)"
    assert "radius of 0 or more" in refusal("evaluate", folders.run, "--radius", -1)
    assert "1 step or more" in refusal("evaluate", folders.run, "--steps", 0)


def test_without_its_logs_a_run_is_evaluated_as_far_as_possible(tmp_path):
    logs = tiny_runs.collect_logs(tmp_path / "logs")
    fine("train", logs, "--out", tmp_path / "run", "--recipe", RECIPE)
    shutil.rmtree(logs)
    found = fine("evaluate", tmp_path / "run", "--episodes", 2, "--json").json
    assert found["open_loop"] is None and found["probe"] is None and "logs" in found["notes"][0]
    tiny_runs.collect_logs(logs, seed=1)
    found = fine("evaluate", tmp_path / "run", "--episodes", 2, "--json").json
    assert found["open_loop"] is None and "not those that it was trained on" in found["notes"][0]


def test_plans_ahead_of_observations_on_the_same_starts_and_goals(folders, told):
    found = fine("evaluate", folders.run, "--episodes", 4, "--seed", 2, "--ahead", "--json").json
    assert told["ahead_tolerance"] is None and found["ahead_tolerance"] > 0
    assert found["floors"] == told["floors"] and found["protocol_hash"] == told["protocol_hash"]
    assert list(folders.run.glob(f"evaluations/across-rooms-default-ahead-{told['protocol_hash']}.json"))
    assert "leave out --ahead" in refusal("evaluate", folders.run, "--ahead", "--offline")
