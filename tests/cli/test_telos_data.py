import json
import os
import random
import shutil

import numpy as np
import pytest
import tiny_runs
from verbs import fine, refusal, telos

from telos.data import Episodes, EpisodeWriter


@pytest.mark.parametrize("env", ["two-rooms", "maze", "point-mass", "gym:CartPole-v1", "gym:gymnasium.envs.classic_control:Pendulum-v1"])
def test_collects_from_every_kind_of_environment(tmp_path, env):
    told = fine("data", "collect", env, "--episodes", 3, "--steps", 5, "--out", tmp_path / "logs", "--seed", 1, "--json").json
    store = Episodes.open(tmp_path / "logs", verify=True)
    assert (told["episodes"], told["steps"], told["seed"]) == (3, store.num_steps, 1) == (store.num_episodes, store.num_steps, store.seed)
    assert store.environment["name"] == env


def test_collects_from_a_world_of_a_users_own(tmp_path):
    (tmp_path / "own.py").write_text(
        "from dataclasses import dataclass\nfrom telos.envs import PointMass\n"
        "@dataclass(frozen=True, kw_only=True)\nclass Heavy(PointMass):\n    weight: float = 2.0\n"
    )
    arguments = ("--episodes", 2, "--steps", 4, "--out", tmp_path / "logs", "--env-args", "weight=3.5", "dt=0.2")
    fine("data", "collect", f"{tmp_path}/own.py:Heavy", *arguments)
    assert Episodes.open(tmp_path / "logs").environment == {"name": f"{tmp_path}/own.py:Heavy", "args": {"weight": 3.5, "dt": 0.2}}


def test_the_same_seed_collects_the_same(tmp_path):
    prints = []
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        fine("data", "collect", "point-mass", "--episodes", 2, "--steps", 4, "--out", tmp_path / name, "--seed", seed)
        prints.append(Episodes.open(tmp_path / name).fingerprint)
    assert prints[0] == prints[1] != prints[2]


@pytest.mark.parametrize(
    ("env", "arguments", "words"),
    [
        ("two-roms", [], "did you mean 'two-rooms'"),
        ("gym:Nope-v0", [], "no environment called 'gym:Nope-v0'"),
        ("gym:CartPol-v1", [], "gym:CartPole-v1"),
        ("gym:no.such.module:Nope-v0", [], "'no.such.module'"),
        ("nowhere.py:World", [], "no file"),
        ("two-rooms", ["--env-args", "size=abc"], "'abc' is no value for 'size'"),
        ("two-rooms", ["--env-args", "size"], "'size' is no argument"),
        ("two-rooms", ["--env-args", "sizes=3"], "did you mean 'size'"),
        ("two-rooms", ["--env-args", "size=-4"], "size"),
        ("gym:CartPole-v1", ["--env-args", "colour=3"], "cannot be made"),
        ("two-rooms", ["--episodes", 0], "0 episodes"),
        ("two-rooms", ["--episodes", -3], "-3 episodes"),
        ("two-rooms", ["--steps", 0], "of 0 steps"),
        ("two-rooms", ["--seed", -1], "The seed is -1"),
        ("two-rooms", ["--copies", 0], "0 side by side"),
    ],
)
def test_what_cannot_be_collected_is_refused_and_leaves_nothing(tmp_path, env, arguments, words):
    sentence = refusal("data", "collect", env, *(["--episodes", 2] if "--episodes" not in arguments else []), "--out", tmp_path / "logs", *arguments)
    assert words in sentence
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_already_is_left_alone(tmp_path, folders):
    before = Episodes.open(folders.logs).fingerprint
    assert "not empty" in refusal("data", "collect", "point-mass", "--episodes", 2, "--out", folders.logs)
    assert Episodes.open(folders.logs, verify=True).fingerprint == before
    (tmp_path / "file").write_text("mine")
    for out in (tmp_path / "file", tmp_path / "file" / "below"):
        assert str(tmp_path / "file") in refusal("data", "collect", "point-mass", "--episodes", 2, "--out", out)
    assert (tmp_path / "file").read_text() == "mine"


def test_inspect_tells_what_is_there(folders, tmp_path):
    told = fine("data", "inspect", folders.logs, "--out", tmp_path / "sheet.png", "--json").json
    assert (told["episodes"], told["steps"], told["problems"]) == (30, 420, [])
    assert told["columns"]["observation"]["shape"] == [16, 16, 3] and told["columns"]["observation"]["dtype"] == "uint8"
    assert told["columns"]["action"]["shape"] == [2] and told["columns"]["action"]["dtype"] == "float32"
    assert (tmp_path / "sheet.png").stat().st_size > 1000
    shown = fine("data", "inspect", folders.logs, "--quick").out
    assert "30 episodes, 420 steps" in shown and "observation" in shown


def write_flawed(path, flaw: str):
    """A store whose numbers were altered after the writer had checked them, with the checksums made to fit."""
    store = Episodes.open(tiny_runs.collect_logs(path))
    (column,) = (column for column in store.manifest.columns if column.name == "observation")
    numbers = np.fromfile(path / column.file, dtype="<f4")
    numbers[40] = {"nan": np.nan, "infinity": np.inf}[flaw]
    numbers.tofile(path / column.file)
    return path


@pytest.mark.parametrize("flaw", ["nan", "infinity"])
def test_numbers_that_are_none_are_found_and_not_trained_on(tmp_path, flaw):
    logs = write_flawed(tmp_path / "logs", flaw)
    answer = telos("data", "inspect", logs, "--json")
    assert answer.code == 2
    assert any("not finite numbers" in problem for problem in answer.json["problems"])
    assert "'observation' holds values that are not finite" in refusal("train", logs, "--out", tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_missing_column_is_named(tmp_path, folders):
    logs = shutil.copytree(folders.logs, tmp_path / "logs")
    manifest = json.loads((logs / "manifest.json").read_text())
    manifest["columns"] = [column for column in manifest["columns"] if column["name"] != "action"]
    (logs / "manifest.json").write_text(json.dumps(manifest))
    for arguments in (("train", logs, "--out", tmp_path / "run"), ("plan", folders.run, "--data", logs, "--episode", 0, "--start", 0, "--goal", 3)):
        assert "manifest.json is damaged" in refusal(*arguments)


def test_no_store_and_an_empty_one_are_told_apart_from_damage(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("")
    for path, words in (
        (tmp_path / "nowhere", "There is no store at"),
        (tmp_path / "file", "There is no store at"),
        (tmp_path / "empty", "is missing"),
    ):
        assert words in refusal("train", path, "--out", tmp_path / "run")
    assert "no store" in refusal("data", "inspect", tmp_path / "nowhere")


def test_episodes_that_are_too_few_or_too_short_are_refused(tmp_path):
    space = Episodes.open(tiny_runs.collect_logs(tmp_path / "source", episodes=2)).spaces
    for name, lengths, words in (("one", [20], "One episode alone"), ("short", [3] * 9, "training needs windows of")):
        with EpisodeWriter(tmp_path / name, space) as writer:
            for length in lengths:
                writer.add(np.zeros((length + 1, 4), np.float32), np.zeros((length, 2), np.float32))
        assert words in refusal("train", tmp_path / name, "--out", tmp_path / "run")
    assert not (tmp_path / "run").exists()


def damages(store, rng):
    """Each file of a store cut, with a bit flipped, emptied, gone, and turned into a folder."""
    for file in sorted(store.iterdir()):
        content = file.read_bytes()
        place = rng.randrange(len(content))
        for name, damaged in (
            ("cut", content[:place]),
            ("flipped", content[:place] + bytes([content[place] ^ (1 << rng.randrange(8))]) + content[place + 1 :]),
            ("empty", b""),
            ("longer", content + b"\x00"),
        ):
            file.write_bytes(damaged)
            yield file.name, name
        file.unlink()
        yield file.name, "gone"
        file.mkdir()
        yield file.name, "a folder"
        file.rmdir()
        file.write_bytes(content)


@pytest.mark.parametrize("seed", range(3))
def test_any_file_of_a_store_that_is_damaged_is_found_by_inspect(folders, tmp_path, seed):
    logs = shutil.copytree(folders.logs, tmp_path / "logs")
    for file, how in damages(logs, random.Random(seed)):
        answer = telos("data", "inspect", logs, "--json")
        assert answer.code == 2, (file, how)
        assert "Traceback" not in answer.err
        found = answer.json["problems"] if answer.out else [answer.err]
        assert any(file in problem for problem in found), (file, how, found)


def test_a_damaged_store_is_never_trained_on_nor_planned_with_in_silence(folders, tmp_path):
    """What only a checksum can tell is told by inspect; whatever else is wrong stops every verb."""
    logs = shutil.copytree(folders.logs, tmp_path / "logs")
    for file, how in damages(logs, random.Random(9)):
        if how == "flipped" and file != "manifest.json":
            continue
        assert file in refusal("train", logs, "--out", tmp_path / "run"), (file, how)
        assert file in refusal("plan", folders.run, "--data", logs, "--episode", 0, "--start", 0, "--goal", 3), (file, how)
    assert not (tmp_path / "run").exists()


def test_a_picture_that_cannot_be_written_is_told(folders, tmp_path):
    (tmp_path / "file").write_text("")
    assert "file" in refusal("data", "inspect", folders.logs, "--out", tmp_path / "file" / "sheet.png")


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to root")
def test_a_folder_that_is_forbidden_is_told(tmp_path):
    (tmp_path / "closed").mkdir(mode=0o500)
    assert "cannot be written" in refusal("data", "collect", "point-mass", "--episodes", 2, "--out", tmp_path / "closed" / "logs")
