import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import tiny_runs
import torch
from tiny_runs import RECIPE
from tiny_weights import SIZES, write_weights
from verbs import fine, refusal, telos

from telos.core.run import Run
from telos.data import Episodes, EpisodeWriter

TELOS = Path(sys.executable).with_name("telos")


@pytest.fixture(scope="module")
def points(tmp_path_factory):
    """Logs of a point mass: the quickest to train on."""
    return tiny_runs.collect_logs(tmp_path_factory.mktemp("points") / "points")


def test_says_where_the_run_is_and_how_it_went(points, tmp_path):
    told = fine("train", points, "--out", tmp_path / "run", "--recipe", RECIPE, "--json").json
    assert told["run"] == str(tmp_path / "run") and told["recipe"] == "vector" and told["seconds"] > 0
    assert told["last"] == Run.open(tmp_path / "run").metrics()[-1]
    again = fine("train", points, "--out", tmp_path / "run", "--recipe", RECIPE)
    assert f"telos evaluate {tmp_path / 'run'}" in again.err and again.out == ""


def test_several_stores_and_a_seed_may_be_given(points, tmp_path):
    other = tiny_runs.collect_logs(tmp_path / "other", seed=1)
    fine("train", points, other, "--out", tmp_path / "run", "--recipe", RECIPE, "--seed", 3, "--held-out", 0.2)
    about = Run.open(tmp_path / "run").description
    assert (about["seed"], about["held_out"], len(about["data"])) == (3, 0.2, 2)


def test_fine_tunes_a_run_on_new_logs(points, tmp_path):
    other = tiny_runs.collect_logs(tmp_path / "other", seed=1)
    fine("train", points, "--out", tmp_path / "run", "--recipe", RECIPE)
    fine("train", other, "--out", tmp_path / "tuned", "--from", tmp_path / "run")
    assert Run.open(tmp_path / "tuned").description["from_run"] == str(tmp_path / "run")
    assert "--recipe has no place" in refusal("train", other, "--out", tmp_path / "x", "--from", tmp_path / "run", "--recipe", "vector")
    assert "no run" in refusal("train", other, "--out", tmp_path / "x", "--from", tmp_path / "nowhere")


def test_one_thread_is_enough(points, tmp_path):
    before = torch.get_num_threads()
    fine("train", points, "--out", tmp_path / "run", "--recipe", RECIPE, "--threads", 1)
    torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--recipe", "sigregg"], "did you mean 'sigreg'"),
        (["--recipe", "nowhere.py:x"], "no file"),
        (["--recipe", "nowhere:x"], "'nowhere' cannot be imported"),
        (["--held-out", 0], "cannot be held out"),
        (["--held-out", 1.5], "cannot be held out"),
        (["--seed", -1], "The seed is -1"),
        (["--threads", 0], "0 threads"),
        (["--threads", -2], "-2 threads"),
        (["--devices", 0], "cannot run like this"),
        (["--nodes", -1], "cannot run like this"),
        (["--strategy", "teamwork"], "no strategy called"),
        (["--accelerator", "abacus"], "cannot run like this"),
        (["--precision", "bf16"], "did you mean 'bf16-mixed'"),
        (["--from", "nowhere"], "no run at nowhere"),
    ],
    ids=str,
)
def test_what_cannot_be_trained_is_refused_and_leaves_nothing(points, tmp_path, arguments, words):
    assert words in refusal("train", points, "--out", tmp_path / "run", *arguments)
    assert list(tmp_path.iterdir()) == []


def test_no_logs_is_a_mistake(tmp_path):
    assert "No data" in refusal("train", "--out", tmp_path / "run")


def test_a_place_that_is_taken_or_cannot_be_written_is_left_alone(points, tmp_path):
    (tmp_path / "file").write_text("mine")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes").write_text("mine")
    for out, words in (("file", "is a file"), ("file/below", "cannot be written"), ("full", "not empty")):
        assert words in refusal("train", points, "--out", tmp_path / out, "--recipe", RECIPE)
    assert (tmp_path / "file").read_text() == (tmp_path / "full" / "notes").read_text() == "mine"


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to root")
def test_a_folder_that_is_forbidden_is_told(points, tmp_path):
    (tmp_path / "closed").mkdir(mode=0o500)
    assert "cannot be written" in refusal("train", points, "--out", tmp_path / "closed" / "run", "--recipe", RECIPE)


def test_a_folder_with_odd_letters_is_named_as_it_is(points, tmp_path):
    """Square brackets are markup to the terminal, and long names would be wrapped."""
    out = tmp_path / ("[red]run[/] " + "long " * 30)
    assert str(out) in fine("train", points, "--out", out, "--recipe", RECIPE).err
    assert str(out) in fine("show", out).out
    shutil.rmtree(out)
    assert str(out) in refusal("show", out)


def test_latents_that_collapse_stop_the_run_with_its_sentence(points, tmp_path):
    (tmp_path / "own.py").write_text(
        "from dataclasses import replace\n"
        "from telos.recipes import default\n"
        "from telos.training import CollapseWatch\n"
        "def strict(logs):\n"
        "    recipe = default(logs)\n"
        "    watch = CollapseWatch(least_deviation=100.0, grace=0, patience=2)\n"
        "    return replace(recipe, curriculum=replace(recipe.curriculum, watch=watch, log_every=2))\n"
    )
    answer = telos("train", points, "--out", tmp_path / "run", "--recipe", f"{tmp_path}/own.py:strict", "--json")
    assert answer.code == 2 and answer.out == ""
    assert "Training was stopped: the latents have collapsed." in answer.err and "Traceback" not in answer.err


def train_with_two_processes(logs, out, recipe, strategy="ddp"):
    command = [TELOS, "train", logs, "--out", out, "--recipe", recipe, "--devices", "2", "--strategy", strategy, "--accelerator", "cpu", "--json"]
    return subprocess.run(command, capture_output=True, text=True, timeout=200, env={**os.environ, "OMP_NUM_THREADS": "1"})


@pytest.mark.parametrize("strategy", ["ddp", "fsdp"])
def test_two_processes_train_one_run_and_speak_with_one_voice(points, tmp_path, strategy):
    found = train_with_two_processes(points, tmp_path / "run", RECIPE, strategy)
    assert found.returncode == 0, found.stderr
    assert found.stdout.count('{"run"') == 1 and found.stdout.splitlines()[-1].startswith('{"run"')
    assert "terminate called" not in found.stderr
    run = Run.open(tmp_path / "run")
    assert sorted(file.name for file in run.path.iterdir()) == ["metrics.jsonl", "model.safetensors", "run.json"]
    assert [line["step"] for line in run.metrics()] == [4, 8, 12, 16, 20, 24, 28]
    assert fine("show", run.path, "--json").json["finished"]


def test_two_processes_refuse_with_one_voice(points, tmp_path):
    (tmp_path / "own.py").write_text(
        f"import sys\nsys.path.insert(0, {str(Path(tiny_runs.__file__).parent)!r})\n"
        "from dataclasses import replace\nimport tiny_runs\n"
        "def odd(logs):\n"
        "    recipe = tiny_runs.tiny(logs)\n"
        "    phases = tuple(replace(phase, batch_size=25) for phase in recipe.curriculum.phases)\n"
        "    return replace(recipe, curriculum=replace(recipe.curriculum, phases=phases))\n"
    )
    found = train_with_two_processes(points, tmp_path / "run", f"{tmp_path}/own.py:odd")
    assert found.returncode == 2
    assert found.stderr.count("error: ") == 1 and "2 processes cannot share evenly" in found.stderr and "Traceback" not in found.stderr
    assert not (tmp_path / "run").exists()


def test_an_interruption_from_the_keyboard_says_that_nothing_is_lost_and_the_run_goes_on(points, tmp_path):
    recipe = RECIPE.replace(":tiny", ":longer")
    # A shell that runs the tests in the background has its children ignore interruptions.
    listen = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    command = [TELOS, "train", points, "--out", tmp_path / "run", "--recipe", recipe]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, preexec_fn=listen)
    metrics = tmp_path / "run" / "metrics.jsonl"
    while process.poll() is None and not (metrics.is_file() and metrics.read_text().count("\n") > 5):
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "error: stopped; what was saved is safe, and the same command goes on from there.\n" in said and "Traceback" not in said
    assert fine("train", points, "--out", tmp_path / "run", "--recipe", recipe, "--json").json["last"]["step"] == 480


def test_an_episode_that_is_shorter_than_a_window_does_no_harm(points, tmp_path):
    source = Episodes.open(points)
    with EpisodeWriter(tmp_path / "logs", source.spaces) as writer:
        for index in range(20):
            piece, length = source.episode(index), 14 if index % 2 else 1
            writer.add(piece.observations[: length + 1], piece.actions[:length])
    fine("train", tmp_path / "logs", "--out", tmp_path / "run", "--recipe", RECIPE)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--recipe", "pretrained"], "add --weights FILE.safetensors"),
        (["--weights", "w.safetensors", "--recipe", "pixels"], "brings a recipe of its own"),
        (["--weights", "absent.safetensors"], "absent.safetensors cannot be read"),
    ],
    ids=str,
)
def test_weights_and_the_recipe_that_needs_them_belong_together(folders, tmp_path, arguments, words):
    assert words in refusal("train", folders.logs, "--out", tmp_path / "run", *arguments)
    assert not (tmp_path / "run").exists()


def test_weights_of_something_else_are_refused_by_what_they_hold(folders, tmp_path):
    weights = folders.run / "model.safetensors"
    assert "has no cls_token, and holds " in refusal("train", folders.logs, "--out", tmp_path / "run", "--weights", weights)


@pytest.mark.slow
def test_a_run_on_top_of_somebody_elses_weights_is_trained_and_evaluated(tmp_path):
    logs = tiny_runs.collect_logs(tmp_path / "logs", "two-rooms", size=16)
    sizes = replace(SIZES, width=64, num_heads=1, depth=1, patch=14)
    weights = write_weights(tmp_path / "vit.safetensors", sizes, naming="hugging-face")
    told = fine("train", logs, "--out", tmp_path / "run", "--weights", weights, "--threads", 1, "--json").json
    assert told["recipe"] == "pixels-pretrained" and told["last"]["step"] == 2800
    assert fine("evaluate", tmp_path / "run", "--episodes", 2, "--json").json["floors"]["scripted"]["success"] == 1
