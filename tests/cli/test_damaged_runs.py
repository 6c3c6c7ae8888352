"""A damaged file is named in one sentence, nothing is lost, and no wrong number is ever told in silence."""

import json
import random
import shutil

import pytest
import tiny_runs
from tiny_runs import RECIPE
from verbs import fine, refusal, telos

from telos.core.run import Run
from telos.recipes.experiment import train


class Interruption(BaseException):
    pass


@pytest.fixture
def run(folders, tmp_path):
    """A copy of the finished run, with an evaluation."""
    path = shutil.copytree(folders.run, tmp_path / "run")
    shutil.rmtree(path / "evaluations", ignore_errors=True)
    return path


def damaged(content: bytes, rng: random.Random, num: int):
    """The content cut, with a bit flipped, partly overwritten with random bytes, empty, doubled, and replaced by other things."""
    yield from (b"", content * 2, b"\x00" * len(content), b"[1, 2]", b"null", b'{"a": 1}', b"[" * 100_000, rng.randbytes(len(content)))
    for number in range(num):
        place, changed = rng.randrange(len(content)), bytearray(content)
        match number % 3:
            case 0:
                changed = changed[:place]
            case 1:
                changed[place] ^= 1 << rng.randrange(8)
            case 2:
                changed[place : place + 20] = rng.randbytes(20)
        yield bytes(changed)


def plan_of(run, folders):
    return telos("plan", run, "--data", folders.logs, "--episode", 0, "--start", 0, "--goal", 5, "--out", run / "plan.png", "--json")


def test_a_damaged_description_is_named_by_every_verb(run, folders):
    file = run / "run.json"
    whole, shown = file.read_bytes(), fine("show", run).out
    refused = 0
    for content in damaged(whole, random.Random(0), 90):
        file.write_bytes(content)
        answer = telos("show", run)
        assert (answer.code, answer.out) == (0, shown) or "run.json" in refusal("show", run)
        refused += answer.code == 2
        assert file.read_bytes() == content
    assert refused > 80
    for verb in (["evaluate", run], ["plan", run, "--data", folders.logs, "--episode", 0, "--start", 0, "--goal", 5]):
        file.write_bytes(whole[:-40])
        assert "run.json" in refusal(*verb)
    assert "run.json" in refusal("train", folders.logs, "--out", run, "--recipe", RECIPE)


def test_a_description_that_was_edited_is_named(run):
    about = json.loads((run / "run.json").read_text())
    for key in about:
        (run / "run.json").write_text(json.dumps({name: value for name, value in about.items() if name != key}))
        assert "run.json" in refusal("show", run)
    (run / "run.json").write_text(json.dumps({**about, "seed": 1}))
    assert "was altered after it had been written" in refusal("show", run)


def test_a_run_of_a_newer_version_is_refused_by_every_verb_and_left_as_it_is(run, folders):
    about = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps({**about, "format": 2, "recipe": "of a kind that is not known yet"}))
    before = {file: file.read_bytes() for file in run.rglob("*") if file.is_file()}
    for arguments in (
        ["show", run],
        ["evaluate", run],
        ["plan", run, "--data", folders.logs, "--episode", 0, "--start", 0, "--goal", 5],
        ["train", folders.logs, "--out", run],
        ["train", folders.logs, "--out", run.with_name("other"), "--from", run],
    ):
        sentence = refusal(*arguments)
        assert "has format 2, written by a newer Telos" in sentence and "Fix: pip install -U telos-jepa" in sentence
    assert {file: file.read_bytes() for file in run.rglob("*") if file.is_file()} == before


def test_damaged_weights_are_named_or_whole(run, folders):
    file = run / "model.safetensors"
    whole, told = file.read_bytes(), plan_of(run, folders).json
    refused = 0
    for content in damaged(whole, random.Random(1), 45):
        file.write_bytes(content)
        answer = plan_of(run, folders)
        if answer.code == 0:
            assert answer.json == told
        else:
            refused += 1
            assert answer.code == 2 and "model.safetensors" in answer.err and "Traceback" not in answer.err
    assert refused > 45
    file.write_bytes(whole[:-1])
    assert "model.safetensors" in refusal("evaluate", run, "--episodes", 2)
    file.write_bytes(whole)
    assert plan_of(run, folders).json == told


def interrupted_run(tmp_path):
    """The logs of a run in `tmp_path / "run"` that was stopped at its tenth step."""
    logs = tiny_runs.collect_logs(tmp_path / "logs")

    def stop_at_ten(event):
        if event.step == 10:
            raise Interruption

    with pytest.raises(Interruption):
        train(logs, tmp_path / "run", recipe=RECIPE, watcher=stop_at_ten)
    return logs


def test_a_damaged_checkpoint_is_named_or_whole_and_the_run_goes_on_once_it_is_gone(tmp_path):
    logs = interrupted_run(tmp_path)
    run = Run.open(tmp_path / "run")
    before = {file.name: file.read_bytes() for file in run.path.iterdir()}
    for content in damaged(before["checkpoint.pt"], random.Random(2), 24):
        run.checkpoint_file.write_bytes(content)
        answer = telos("train", logs, "--out", run.path, "--recipe", RECIPE)
        if answer.code == 2:
            assert "checkpoint.pt is damaged" in answer.err and "Fix: remove it" in answer.err and "Traceback" not in answer.err
            assert run.metrics_file.read_bytes() == before["metrics.jsonl"]
        else:
            # A byte that means nothing; the run is as if it had not been there.
            assert answer.code == 0
            run.weights_file.unlink()
            run.metrics_file.write_bytes(before["metrics.jsonl"])
    run.checkpoint_file.unlink(missing_ok=True)
    fine("train", logs, "--out", run.path, "--recipe", RECIPE)


def test_damaged_metrics_are_shown_as_far_as_they_are_whole(run):
    file = run / "metrics.jsonl"
    whole = file.read_bytes()
    for content in damaged(whole, random.Random(3), 120):
        file.write_bytes(content)
        for arguments in (["show", run], ["show", run, "--json"]):
            assert fine(*arguments).out


def test_a_run_goes_on_whatever_its_metrics_look_like(tmp_path):
    logs = interrupted_run(tmp_path)
    killed = {file.name: file.read_bytes() for file in (tmp_path / "run").iterdir()}
    for content in damaged(killed["metrics.jsonl"], random.Random(4), 6):
        for name, part in killed.items():
            (tmp_path / "run" / name).write_bytes(part)
        (tmp_path / "run" / "metrics.jsonl").write_bytes(content)
        told = fine("train", logs, "--out", tmp_path / "run", "--recipe", RECIPE, "--json").json
        assert told["last"]["step"] == 28
        (tmp_path / "run" / "model.safetensors").unlink()


def test_a_damaged_evaluation_is_named(run):
    fine("evaluate", run, "--episodes", 2)
    (file,) = (run / "evaluations").glob("*.json")
    whole = file.read_bytes()
    for content in damaged(whole, random.Random(5), 60):
        file.write_bytes(content)
        answer = telos("show", run)
        assert answer.code == 0 or file.name in refusal("show", run)
    for key in ("success", "planner", "protocol", "episodes"):
        file.write_text(json.dumps({name: value for name, value in json.loads(whole).items() if name != key}))
        assert "does not hold an evaluation" in refusal("show", run)


@pytest.mark.parametrize("name", ["run.json", "model.safetensors"])
def test_a_file_that_is_gone_or_a_folder_is_named(run, folders, name):
    (run / name).unlink()
    assert plan_of(run, folders).code == 2
    (run / name).mkdir()
    answer = plan_of(run, folders)
    assert answer.code == 2 and answer.err.count("error: ") == 1 and "Traceback" not in answer.err
