"""A run folder: versions, writing all or nothing, metrics that a crash cut off."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from telos.core.errors import RunError, RunVersionError
from telos.core.run import FORMAT_VERSION, Run, atomic_file

ABOUT = {"recipe": {"name": "mine"}, "seed": 3}


@pytest.fixture
def run(tmp_path):
    return Run.create(tmp_path / "run", ABOUT)


def rewrite(run, **changes):
    file = run.path / "run.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))


def write_half(file):
    with atomic_file(file) as temporary:
        temporary.write_text("half")
        raise KeyboardInterrupt


def test_says_what_it_was_told(run):
    again = Run.open(run.path)
    assert again == run
    assert again.description["recipe"] == {"name": "mine"}
    assert again.description["format"] == FORMAT_VERSION
    assert not again.finished


def test_is_finished_when_it_has_weights(run):
    run.weights_file.write_bytes(b"weights")
    assert run.finished


def test_takes_an_empty_folder_and_refuses_one_with_something_in_it(tmp_path):
    (tmp_path / "empty").mkdir()
    Run.create(tmp_path / "empty", ABOUT)
    with pytest.raises(RunError, match=r"not empty(.|\n)*another --out"):
        Run.create(tmp_path / "empty", ABOUT)
    (tmp_path / "file").write_text("something")
    with pytest.raises(RunError, match="--out"):
        Run.create(tmp_path / "file", ABOUT)
    assert (tmp_path / "file").read_text() == "something"


def test_a_folder_that_is_no_run_says_how_to_make_one(tmp_path):
    with pytest.raises(RunError, match=r"no run at(.|\n)*telos train DATA --out RUN"):
        Run.open(tmp_path)


def test_a_run_of_a_newer_version_is_refused_with_the_way_out(run):
    rewrite(run, format=FORMAT_VERSION + 1)
    with pytest.raises(RunVersionError, match=r"newer Telos(.|\n)*pip install -U telos-jepa"):
        Run.open(run.path)


@pytest.mark.parametrize("version", [None, "1", 1.5, True, [1]])
def test_a_run_without_a_version_is_refused(run, version):
    rewrite(run, format=version)
    with pytest.raises(RunError, match="format"):
        Run.open(run.path)


@pytest.mark.parametrize("content", [b"", b"{", b"[1, 2]", b"\xff\xfe", b"null", b"[" * 100_000])
def test_a_damaged_description_is_refused_in_one_sentence(run, content):
    (run.path / "run.json").write_bytes(content)
    with pytest.raises(RunError, match=r"run\.json"):
        Run.open(run.path)


def test_json_is_written_whole_or_not_at_all(run):
    run.write_json("evaluation.json", {"success": 0.5})
    with pytest.raises(TypeError):
        run.write_json("evaluation.json", {"success": object()})
    assert run.read_json("evaluation.json") == {"success": 0.5}
    assert sorted(file.name for file in run.path.iterdir()) == ["evaluation.json", "run.json"]


def test_a_file_is_replaced_only_when_its_block_ends_well(tmp_path):
    file = tmp_path / "file"
    file.write_text("old")
    with pytest.raises(KeyboardInterrupt):
        write_half(file)
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]
    with atomic_file(file) as temporary:
        temporary.write_text("new")
        assert file.read_text() == "old"
    assert file.read_text() == "new"
    assert list(tmp_path.iterdir()) == [file]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
@given(num=st.integers(1, 6), cut=st.integers(0, 40))
def test_metrics_cut_off_by_a_crash_lose_the_last_line_at_most(run, num, cut):
    run.metrics_file.unlink(missing_ok=True)
    lines = [{"step": 10 * number, "loss": 1 / (number + 1)} for number in range(num)]
    for line in lines:
        run.append_metrics(line)
    whole = run.metrics_file.read_bytes()
    last = len(whole.splitlines(keepends=True)[-1])
    kept = whole[: len(whole) - min(cut, last)]
    run.metrics_file.write_bytes(kept)
    expected = lines if cut <= 1 else lines[:-1]
    assert run.metrics() == expected


def test_metrics_go_on_after_a_line_that_was_cut_off(run):
    run.append_metrics({"step": 1})
    with run.metrics_file.open("a") as file:
        file.write('{"step": 2, "lo')
    run.forget_metrics_after(1)
    run.append_metrics({"step": 2})
    assert run.metrics() == [{"step": 1}, {"step": 2}]


def test_steps_that_will_be_done_again_are_forgotten(run):
    for step in (10, 20, 30):
        run.append_metrics({"step": step})
    run.forget_metrics_after(20)
    assert [line["step"] for line in run.metrics()] == [10, 20]


def test_a_run_without_metrics_has_none(run):
    assert run.metrics() == []
    run.forget_metrics_after(0)
    assert run.metrics() == []
