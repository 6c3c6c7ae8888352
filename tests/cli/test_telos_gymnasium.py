"""Environments of other people, from the first log to the last number, by the command line alone."""

from pathlib import Path

import pytest
from tiny_runs import RECIPE
from verbs import fine, refusal

ENVIRONMENTS = {
    "gym:PointMaze_UMaze-v3": ((), "anywhere", {"random", "scripted", "zero"}),
    "gym:gym_pusht/PushT-v0": (("view=full",), "goal-zone", {"random", "scripted", "zero"}),
    "gym:MiniGrid-Empty-Random-5x5-v0": (("actions=3",), "anywhere", {"random", "scripted"}),
}


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_is_collected_trained_on_and_evaluated(name, tmp_path):
    args, kind, floors = ENVIRONMENTS[name]
    more = ("--env-args", *args) if args else ()
    told = fine("data", "collect", name, "--episodes", 24, "--steps", 14, "--out", tmp_path / "logs", *more, "--json").json
    assert told["episodes"] == 24
    fine("train", tmp_path / "logs", "--out", tmp_path / "run", "--recipe", RECIPE)
    found = fine("evaluate", tmp_path / "run", "--episodes", 3, "--steps", 6, "--json").json
    assert found["protocol"]["name"] == kind and found["pairs_from"] == "the world's sampler"
    assert {floor for floor, outcome in found["floors"].items() if outcome is not None} == floors
    found = fine("evaluate", tmp_path / "run", "--episodes", 3, "--steps", 6, "--offset", 4, "--radius", 0.1, "--json").json
    assert found["pairs_from"] == "held-out episodes"


def test_pictures_that_show_nothing_or_hang_are_told_while_they_are_collected(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "envs"))
    collect = ("--episodes", 3, "--steps", 8, "--env-args", "pixels=8")
    assert "is black" in refusal("data", "collect", "gym:toy_environments:toys/Dark-v0", *collect, "--out", tmp_path / "dark")
    told = fine("data", "collect", "gym:toy_environments:toys/Stuck-v0", *collect, "--out", tmp_path / "stuck")
    assert "problem: 100 % of the steps that changed something left the picture as it was" in told.err
    assert "problem" not in fine("data", "collect", "two-rooms", "--episodes", 3, "--steps", 8, "--out", tmp_path / "rooms").err


@pytest.mark.slow
def test_highway_is_collected_and_trained_on(tmp_path):
    """Its bars come later."""
    told = fine("data", "collect", "gym:highway-fast-v0", "--episodes", 20, "--steps", 10, "--copies", 10, "--out", tmp_path / "logs", "--json").json
    assert told["problems"] == []
    run = fine("train", tmp_path / "logs", "--out", tmp_path / "run", "--recipe", RECIPE, "--json").json
    assert run["last"]["relative_error"] is not None
    found = fine("evaluate", tmp_path / "run", "--offset", 3, "--episodes", 2, "--steps", 2, "--success", "latent", "--json").json
    assert found["judge"]["source"] == "latent" and found["floors"]["random"] is not None
