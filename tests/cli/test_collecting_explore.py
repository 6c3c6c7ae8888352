"""Promises of `telos data collect --explore`."""

import pytest
from tiny_runs import RECIPE
from verbs import fine, refusal

from telos.data import Episodes


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("explore")
    fine("data", "collect", "point-mass", "--episodes", 30, "--steps", 12, "--out", folder / "logs")
    fine("train", folder / "logs", "--out", folder / "run", "--recipe", RECIPE)
    return folder / "run"


def test_a_run_explores_and_says_what_to_train_on_next(run, tmp_path):
    answer = fine("data", "collect", "point-mass", "--explore", run, "--episodes", 6, "--steps", 10, "--out", tmp_path / "new")
    assert "exploring" in answer.err
    assert f"telos train {run.parent / 'logs'} {tmp_path / 'new'} --out runs/new" in " ".join(answer.err.split())
    store = Episodes.open(tmp_path / "new", verify=True)
    assert store.num_steps == 60
    assert store.behaviour["policy"] == "explore" and store.behaviour["run"] == str(run)


def test_what_was_explored_can_be_trained_on_with_what_was_known(run, tmp_path):
    told = fine("data", "collect", "point-mass", "--explore", run, "--episodes", 8, "--steps", 12, "--out", tmp_path / "new", "--json").json
    assert told["policy"]["policy"] == "explore"
    fine("train", run.parent / "logs", tmp_path / "new", "--out", tmp_path / "run", "--recipe", RECIPE)


def test_any_environment_of_gymnasium_is_explored(tmp_path):
    args = ("gym:CartPole-v1", "--episodes", 20, "--steps", 12, "--seed", 1)
    fine("data", "collect", *args, "--out", tmp_path / "logs")
    fine("train", tmp_path / "logs", "--out", tmp_path / "run", "--recipe", RECIPE)
    told = fine("data", "collect", *args, "--explore", tmp_path / "run", "--out", tmp_path / "new", "--json").json
    assert told["episodes"] == 20


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(["--policy", "expert"], "acts by itself"), (["--policy", "random"], "acts by itself"), (["--noise", "0.5"], "acts by itself")],
)
def test_two_cannot_act_at_once(run, tmp_path, arguments, words):
    told = refusal("data", "collect", "point-mass", "--explore", run, "--episodes", 2, "--out", tmp_path / "new", *arguments)
    assert words in told
    assert not (tmp_path / "new").exists()


def test_another_world_is_refused_before_anything_is_written(run, tmp_path):
    assert "knows" in refusal("data", "collect", "two-rooms", "--explore", run, "--episodes", 2, "--out", tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_folder_that_is_no_run_is_named(tmp_path):
    told = refusal("data", "collect", "point-mass", "--explore", tmp_path / "nothing", "--episodes", 2, "--out", tmp_path / "new")
    assert "no run" in told
