import json
import shutil

import pytest
from verbs import fine, refusal

from telos.agent.actor import choose_planner
from telos.core.errors import ConfigError
from telos.core.run import Run
from telos.recipes.experiment import load_agent

ASK = ("--episodes", 2, "--seed", 2)
OWN = """
from dataclasses import dataclass
from telos.agent.actor import RandomShooting

@dataclass(frozen=True, kw_only=True)
class Mine(RandomShooting):
    num_candidates: int = 7
"""


@pytest.fixture(scope="module")
def run(folders, tmp_path_factory):
    """A copy of the run, so that what is measured here is not found elsewhere."""
    return shutil.copytree(folders.run, tmp_path_factory.mktemp("planners") / "run", ignore=shutil.ignore_patterns("evaluations"))


@pytest.fixture(scope="module")
def told(run):
    return fine("evaluate", run, *ASK, "--planners", "random-shooting", "--json").json


def test_every_planner_plays_the_same_episodes_with_several_budgets(run, told):
    curves = told["planners"]
    assert {row["name"] for row in curves["rows"]} == {"random-shooting", "mppi"}, "the run's own setting is among them"
    assert len({row["setting"] for row in curves["rows"]}) == len(curves["rows"]) >= 4
    assert curves["protocol_hash"] == told["protocol_hash"]
    for row in curves["rows"]:
        assert row["success_low"] <= row["success"] <= row["success_high"]
        assert row["cpu_seconds"] > 0 and row["cpu_seconds_together"] > 0


def test_the_rest_of_the_evaluation_is_what_it_is_without(run, told):
    plain = fine("evaluate", run, *ASK, "--json").json
    timeless = {"plan_cpu_seconds": 0, "planners": None}
    assert {**plain, **timeless} == {**told, **timeless}


def test_it_stays_with_the_run_and_auto_takes_it(run, told):
    kept = json.loads((run / "planners.json").read_text())
    assert kept == told["planners"]
    kept["knee"] = next(index for index, row in enumerate(kept["rows"]) if row["setting"] == "random-shooting 64 x 1")
    Run(run).write_json("planners.json", kept)
    answer = fine("evaluate", run, *ASK, "--planner", "auto", "--json")
    assert answer.json["planner"] == kept["rows"][kept["knee"]]["planner"]
    assert "planner auto: random-shooting 64 x 1" in answer.err and "measured for this run" in answer.err
    assert load_agent(run, planner="auto").settings.planner == load_agent(run, planner="auto", budget_ms=5.0).settings.planner


def test_auto_without_measurements_is_the_published_choice(folders):
    agent = load_agent(folders.run, planner="auto")
    assert agent.settings.planner == choose_planner(agent.world_model.spaces.action, horizon=5)
    answer = fine("evaluate", folders.run, *ASK, "--planner", "auto", "--json")
    assert "published curves" in answer.err


def test_a_single_plan_may_be_made_by_auto_too(folders, tmp_path):
    options = ("--data", folders.logs, "--episode", 0, "--start", 0, "--goal", 6, "--out", tmp_path / "plan.png")
    assert "planner auto: " in fine("plan", folders.run, *options, "--planner", "auto").err


def test_people_get_a_table_of_their_own_planner_beside_the_runs(run, tmp_path):
    (tmp_path / "own.py").write_text(OWN)
    shown = fine("evaluate", run, *ASK, "--planners", f"{tmp_path}/own.py:Mine").out
    assert all(word in shown for word in ("to the best", "ms of CPU", "mine 7 x 1", "mppi 24 x 4"))
    assert json.loads((run / "planners.json").read_text())["says"] in shown


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--planners", "mpi"], "did you mean 'mppi'"),
        (["--planners", "telos.agent.loop:Agent"], "is not a planner"),
        (["--planners", "categorical-cem"], "None of these planners can search"),
        (["--planners", "all", "--offline"], "--offline and --planners exclude each other"),
        (["--planner", "autto"], "did you mean 'auto'"),
    ],
    ids=str,
)
def test_what_cannot_be_measured_is_refused(folders, arguments, words):
    assert words in refusal("evaluate", folders.run, *arguments)
    assert not (folders.run / "planners.json").exists()


def test_a_name_is_not_enough_in_python_but_for_auto(folders):
    with pytest.raises(ConfigError, match="'mppi' is no planner"):
        load_agent(folders.run, planner="mppi")  # type: ignore[arg-type]


def test_damaged_measurements_are_named(run):
    whole = (run / "planners.json").read_bytes()
    (run / "planners.json").write_text('{"knee": 3}')
    try:
        assert "planners.json is damaged" in refusal("evaluate", run, "--planner", "auto", "--episodes", 1)
    finally:
        (run / "planners.json").write_bytes(whole)
