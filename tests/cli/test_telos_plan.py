import pytest
import tiny_runs
from verbs import fine, refusal

ASK = ("--episode", 2, "--start", 1, "--goal", 9)


def test_plans_compares_with_what_was_logged_and_draws_it(folders, tmp_path):
    told = fine("plan", folders.run, "--data", folders.logs, *ASK, "--out", tmp_path / "plan.png", "--json").json
    assert len(told["planned"]["actions"]) == 5 and len(told["logged"]["actions"]) == 8
    assert told["zero"]["energy"] > 0 and 0 <= told["action_difference"] <= 1
    assert told["planner"] == "MPPI" and told["picture"] == str(tmp_path / "plan.png")
    assert (tmp_path / "plan.png").stat().st_size > 5000


def test_by_default_the_picture_goes_into_the_run(folders):
    assert fine("plan", folders.run, "--data", folders.logs, *ASK, "--json").json["picture"] == f"{folders.run}/plans/episode-2-from-1-to-9.png"


def test_people_get_a_small_table(folders, tmp_path):
    shown = fine("plan", folders.run, "--data", folders.logs, *ASK, "--out", tmp_path / "plan.png").out
    assert all(word in shown for word in ("planned", "logged", "nothing done", "least distance", f"picture   {tmp_path}/plan.png"))


def test_the_same_seed_plans_the_same(folders, tmp_path):
    first, again, other = (
        fine("plan", folders.run, "--data", folders.logs, *ASK, "--seed", seed, "--out", tmp_path / "plan.png", "--json").json for seed in (1, 1, 2)
    )
    assert first == again and first["planned"] != other["planned"]


@pytest.mark.parametrize("planner", ["random-shooting", "cem", "icem", "mppi", "gradient-descent"])
def test_every_planner_has_a_name(folders, tmp_path, planner):
    told = fine("plan", folders.run, "--data", folders.logs, *ASK, "--planner", planner, "--out", tmp_path / "plan.png", "--json").json
    assert told["planner"].lower() == planner.replace("-", "")


def test_a_planner_may_be_a_users_own(folders, tmp_path):
    (tmp_path / "own.py").write_text("from telos.agent.actor import RandomShooting\nclass Mine(RandomShooting):\n    pass\n")
    told = fine("plan", folders.run, "--data", folders.logs, *ASK, "--planner", f"{tmp_path}/own.py:Mine", "--out", tmp_path / "plan.png", "--json")
    assert told.json["planner"] == "Mine"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--start", 9, "--goal", 9], "from frame 9 to frame 9"),
        (["--start", 9, "--goal", 2], "0 <= start < goal <= 14"),
        (["--start", -1, "--goal", 2], "from frame -1"),
        (["--goal", 15], "to frame 15"),
        (["--episode", 30], "no episode 30"),
        (["--episode", -1], "no episode -1"),
        (["--planner", "mpi"], "did you mean 'mppi'"),
        (["--planner", "nowhere.py:Planner"], "no file"),
        (["--planner", "telos.agent.loop:Agent"], "is not a planner"),
        (["--seed", -5], "The seed is -5"),
    ],
    ids=str,
)
def test_what_cannot_be_planned_is_refused(folders, tmp_path, arguments, words):
    asked = dict(zip(ASK[::2], ASK[1::2], strict=True)) | dict(zip(arguments[::2], arguments[1::2], strict=True))
    assert words in refusal(
        "plan", folders.run, "--data", folders.logs, *(part for pair in asked.items() for part in pair), "--out", tmp_path / "x.png"
    )


def test_pictures_that_cannot_be_drawn_are_refused(folders, tmp_path):
    (tmp_path / "file").write_text("mine")
    for out, words in ((tmp_path / "plan.xyz", "cannot be drawn"), (tmp_path / "file" / "plan.png", "file")):
        assert words in refusal("plan", folders.run, "--data", folders.logs, *ASK, "--out", out)


def test_logs_of_another_kind_are_refused(folders, tmp_path):
    other = tiny_runs.collect_logs(tmp_path / "other")
    larger = tiny_runs.collect_logs(tmp_path / "larger", "two-rooms", size=32, episodes=2)
    assert "The logs hold a vector of 4 numbers" in refusal("plan", folders.run, "--data", other, *ASK)
    assert "a picture of 32 x 32" in refusal("plan", folders.run, "--data", larger, "--episode", 0, "--start", 0, "--goal", 3)
