"""`telos evaluate` by logs alone."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
import tiny_runs
from tiny_runs import RECIPE
from verbs import fine, refusal

SMALL = ("--episodes", 20, "--threads", 1)


@dataclass(frozen=True)
class Walks:
    logs: Path
    run: Path


@pytest.fixture(scope="module")
def walks(tmp_path_factory) -> Walks:
    """A run on logs that name no environment."""
    folder = tmp_path_factory.mktemp("offline")
    logs = tiny_runs.walk_logs(folder / "logs", tiny_runs.DISCRETE, episodes=40)
    fine("train", logs, "--out", folder / "run", "--recipe", RECIPE, "--threads", 1)
    return Walks(logs, folder / "run")


@pytest.fixture(scope="module")
def told(walks):
    return fine("evaluate", walks.run, *SMALL, "--json").json


def test_logs_without_an_environment_are_judged_by_themselves(walks, told):
    assert told["kind"] == "offline" and told["overall"] in ("go", "caution", "no-go")
    assert (told["pairs"], told["seed"], told["held_out_episodes"], told["training_episodes"]) == (20, 0, 4, 36)
    for verdict in told["verdicts"]:
        assert {"name", "question", "level", "says", "rule", "numbers"} == set(verdict)
    assert "was judged by its logs alone" in fine("evaluate", walks.run, *SMALL).err


def test_the_result_stays_with_the_run_and_is_the_same_when_it_is_run_again(walks, told):
    again = fine("evaluate", walks.run, *SMALL, "--json").json
    (file,) = walks.run.glob("evaluations/offline-default-*.json")
    for other in (again, json.loads(file.read_text())):
        assert {**other, "plan_cpu_seconds": 0} == {**told, "plan_cpu_seconds": 0}


def test_people_get_the_verdicts_the_floors_and_what_is_not_shown(walks, told):
    shown = fine("evaluate", walks.run, *SMALL).out
    for verdict in told["verdicts"]:
        assert verdict["question"].split()[0] in shown and verdict["level"] in shown
    for words in ("overall", "the plan", "done elsewhere", "What this does not show", "telos data curve"):
        assert words in shown


def test_show_names_what_is_not_a_go(walks, told):
    (entry,) = fine("show", walks.run, "--json").json["evaluations"]
    assert (entry["protocol"], entry["overall"]) == ("offline", told["overall"])
    assert entry["levels"] == {verdict["name"]: verdict["level"] for verdict in told["verdicts"]}
    assert f"offline · CategoricalCEM · {told['overall']}" in fine("show", walks.run).out


def test_where_there_is_an_environment_it_has_to_be_asked_for(folders, tmp_path):
    run = shutil.copytree(folders.run, tmp_path / "run", ignore=shutil.ignore_patterns("evaluations"))
    assert "kind" not in fine("evaluate", run, "--episodes", 2, "--json").json
    offline = fine("evaluate", run, *SMALL, "--offline", "--planner", "cem", "--json").json
    assert offline["kind"] == "offline" and offline["planner"]["class"].endswith("CEM")
    summaries = fine("show", run, "--json").json["evaluations"]
    assert sorted(entry["protocol"] for entry in summaries) == ["across-rooms", "offline"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--offline", "--protocol", "offset"], "--offline and --protocol exclude each other"),
        (["--offline", "--offset", 3], "--offline and --offset exclude each other"),
        (["--offline", "--success", "latent"], "--offline and --success exclude each other"),
        (["--offline", "--shifts", "all"], "--offline and --shifts exclude each other"),
        (["--offset", 3], "name no environment"),
        (["--episodes", 0], "0 pairs of frames"),
        (["--planner", "icen"], "did you mean 'icem'"),
        (["--curve", "nowhere"], "no learning curve at nowhere"),
    ],
    ids=str,
)
def test_what_cannot_be_judged_is_refused(walks, arguments, words):
    before = sorted(walks.run.glob("evaluations/*"))
    assert words in refusal("evaluate", walks.run, *arguments)
    assert sorted(walks.run.glob("evaluations/*")) == before


def test_a_planner_that_cannot_search_the_actions_leaves_a_gap_and_the_page_says_so(walks, tmp_path):
    run = shutil.copytree(walks.run, tmp_path / "run")
    found = fine("evaluate", run, *SMALL, "--planner", "gradient-descent", "--json").json
    assert found["action_recovery"] == [] and any("cannot search" in sentence for sentence in found["not_shown"])


def test_a_curve_needs_logs_alone(folders):
    assert "--curve belongs to an evaluation from logs alone" in refusal("evaluate", folders.run, "--curve", "anywhere")


def test_a_run_whose_logs_have_moved_cannot_be_judged(walks, tmp_path):
    logs = tiny_runs.walk_logs(tmp_path / "logs", tiny_runs.DISCRETE)
    fine("train", logs, "--out", tmp_path / "run", "--recipe", RECIPE)
    shutil.rmtree(logs)
    assert "logs" in refusal("evaluate", tmp_path / "run")


def test_a_damaged_result_is_named(walks, tmp_path, told):
    run = shutil.copytree(walks.run, tmp_path / "run")
    (file,) = run.glob("evaluations/offline-default-*.json")
    file.write_text(json.dumps({"kind": "offline", "planner": told["planner"]}))
    assert "does not hold an evaluation" in refusal("show", run)
