import shutil

import pytest
from verbs import fine, refusal

from telos.core.run import Run


def test_says_what_a_run_is(folders):
    shown = fine("show", folders.run).out
    assert all(
        word in shown for word in (str(folders.run), "trained", "pixels · seed 0", "a picture of 16 x 16", str(folders.logs), "two-rooms", "rank")
    )


def test_says_it_to_programs_too(folders):
    fine("evaluate", folders.run, "--episodes", 2, "--seed", 7)
    told = fine("show", folders.run, "--json").json
    assert (told["run"], told["finished"], told["recipe"], told["steps"]) == (str(folders.run), True, "pixels", 28)
    assert told["last"]["step"] == 28 and told["data"][0]["environment"] == {"name": "two-rooms", "args": {"size": 16}}
    assert any(part["seed"] == 7 and part["episodes"] == 2 for part in told["evaluations"])


def test_a_run_that_was_stopped_says_where_and_how_to_go_on(folders, tmp_path):
    run = Run.create(tmp_path / "run", Run.open(folders.run).description)
    assert "stopped at step 0" in fine("show", run.path).out
    shutil.copy(folders.run / "metrics.jsonl", run.path)
    assert "stopped at step 28; repeat its 'telos train' command" in fine("show", run.path).out
    assert not fine("show", run.path, "--json").json["finished"]


@pytest.mark.parametrize(
    "line", ['{"step": 28}', '{"step": 28, "relative_error": null, "effective_rank": null, "latent_size": 8}', '{"step": 28, "rank": []}']
)
def test_a_run_whose_metrics_tell_little_is_shown_all_the_same(folders, tmp_path, line):
    run = Run.create(tmp_path / "run", Run.open(folders.run).description)
    run.metrics_file.write_text(line + "\n")
    assert "step 28" in fine("show", run.path).out


def test_what_is_no_run_is_told(tmp_path, folders):
    (tmp_path / "file").write_text("")
    for path in (tmp_path, tmp_path / "file", tmp_path / "nowhere", folders.logs):
        assert f"There is no run at {path}" in refusal("show", path)
