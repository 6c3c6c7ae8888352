"""Whatever stops an import, nothing is half there, and the same call goes on to the same bytes."""

import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import h5py
import numpy as np
import pytest
from simple_source import episode

from telos.core.errors import DataError
from telos.data import Episodes, import_logs
from telos.data.importing.journal import FILE, folder_of

EPISODES = [episode(num, num) for num in (9, 3, 12, 5, 7, 1, 8)]


@pytest.fixture(autouse=True)
def commit_often(monkeypatch):
    monkeypatch.setattr("telos.data.importing.journal.COMMIT_SECONDS", 0.0)


def contents(store: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in store.iterdir()}


def write_file(path: Path, num: int = 40) -> Path:
    rng = np.random.default_rng(0)
    with h5py.File(path, "w") as file:
        for number in range(num):
            rows = int(rng.integers(20, 40))
            file.create_dataset(f"data/demo_{number}/obs/camera", data=rng.integers(0, 256, (rows, 32, 32, 3), dtype=np.uint8))
            file.create_dataset(f"data/demo_{number}/actions", data=rng.uniform(-1, 1, (rows, 2)).astype(np.float32))
    return path


def interrupt_after(num: int):
    """A progress callback that presses Ctrl-C at its `num`-th call."""
    calls = iter(range(num))

    def progress(done, total):
        if next(calls, None) is None:
            raise KeyboardInterrupt

    return progress


@pytest.mark.parametrize("num", [0, 1, 2, 5, 9, 14, 20, 25, 30])
def test_an_interrupted_import_goes_on_to_the_same_bytes(import_memory, tmp_path, num):
    whole = import_memory(EPISODES, resize=3)
    out = tmp_path / "again"
    with pytest.raises(KeyboardInterrupt):
        import_memory(EPISODES, resize=3, out=out, progress=interrupt_after(num))
    assert not out.exists()
    result = import_memory(EPISODES, resize=3, out=out)
    assert contents(out) == contents(whole.path)
    assert (result.left_out, result.notes, result.steps) == (whole.left_out, whole.notes, whole.steps)
    assert not folder_of(out).exists()
    assert result.resumed > 0 or num < 9


def test_what_was_left_out_before_the_interruption_is_still_told(import_memory, tmp_path):
    episodes = [None, *EPISODES[:2], None, *EPISODES[2:]]
    with pytest.raises(KeyboardInterrupt):
        import_memory(episodes, out=tmp_path / "again", progress=interrupt_after(24))
    result = import_memory(episodes, out=tmp_path / "again")
    assert result.resumed >= 4
    assert [(part.num, part.which) for part in result.left_out] == [(2, ("0", "3"))]


@pytest.mark.parametrize("damage", ["flip", "cut", "gone", "journal"])
def test_what_was_damaged_meanwhile_is_copied_afresh_and_told(import_memory, tmp_path, damage):
    whole, out = import_memory(EPISODES), tmp_path / "again"
    with pytest.raises(KeyboardInterrupt):
        import_memory(EPISODES, out=out, progress=interrupt_after(20))
    file = max((folder_of(out) / "store").iterdir(), key=lambda file: file.stat().st_size)
    content = file.read_bytes()
    if damage == "gone":
        file.unlink()
    elif damage == "journal":
        lines = (folder_of(out) / FILE).read_bytes().splitlines(keepends=True)
        (folder_of(out) / FILE).write_bytes(b"".join([*lines[:3], lines[3][:9]]))
    else:
        file.write_bytes(content[:100] if damage == "cut" else bytes([content[0] ^ 1]) + content[1:])
    result = import_memory(EPISODES, out=out)
    assert contents(out) == contents(whole.path)
    assert ("damaged" in result.notes[0]) == (damage != "journal")


def test_other_settings_or_other_data_never_go_on_with_what_is_there(import_memory, tmp_path):
    out = tmp_path / "again"
    with pytest.raises(KeyboardInterrupt):
        import_memory(EPISODES, out=out, progress=interrupt_after(20))
    with pytest.raises(DataError, match=r"the settings differ.*\n.*remove .*\.again\.import"):
        import_memory(EPISODES, out=out, resize=3)
    (tmp_path / "memory").write_text("changed")
    with pytest.raises(DataError, match="the source differ"):
        import_memory(EPISODES, out=out)


def test_a_finished_import_is_told_again_without_copying(import_memory, tmp_path):
    out = tmp_path / "store"
    first = import_memory([*EPISODES, None], out=out)
    before = contents(out)
    again = import_memory([*EPISODES, None], out=out)
    assert contents(out) == before
    assert (again.left_out, again.notes, again.columns, again.episodes) == (first.left_out, first.notes, first.columns, first.episodes)
    with pytest.raises(DataError, match="not empty"):
        import_memory(EPISODES, out=out, resize=3)
    assert contents(out) == before


def test_two_imports_to_one_place_do_not_meet(tmp_path):
    source, out = write_file(tmp_path / "logs.hdf5"), tmp_path / "store"

    def import_again(plan):
        with pytest.raises(DataError, match="Another process"):
            import_logs(source, out)

    calls = iter([import_again])
    import_logs(source, out, progress=lambda done, total: next(calls, lambda plan: None)(None))
    Episodes.open(out, verify=True)


CHILD = """
import sys, time
import telos.data.importing.journal as journal
from telos.data import import_logs
journal.COMMIT_SECONDS = 0.0
import_logs(sys.argv[1], sys.argv[2], resize=16, progress=lambda done, total: time.sleep(float(sys.argv[3])))
"""


def start(source: Path, out: Path, pause: float, **options) -> subprocess.Popen:
    return subprocess.Popen([sys.executable, "-c", CHILD, str(source), str(out), str(pause)], stderr=subprocess.PIPE, **options)


def kill_at_line(source: Path, out: Path, num: int) -> None:
    """Kills an import once its journal has so many lines."""
    process, journal = start(source, out, 0.004), folder_of(out) / FILE
    deadline = time.monotonic() + 60
    while process.poll() is None and not (journal.is_file() and journal.read_bytes().count(b"\n") >= num):
        assert time.monotonic() < deadline
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    _, errors = process.communicate()
    assert process.returncode == -signal.SIGKILL, errors.decode()


@pytest.mark.skipif(os.name != "posix", reason="signals")
@pytest.mark.parametrize("times", [1, pytest.param(8, marks=pytest.mark.slow)])
def test_a_killed_import_goes_on_to_the_same_bytes(tmp_path, times):
    source, rng = write_file(tmp_path / "logs.hdf5"), random.Random(times)
    whole = import_logs(source, tmp_path / "whole", resize=16)
    before = source.read_bytes()
    for number in range(times):
        kill_at_line(source, tmp_path / "again", 3 + 4 * number + rng.randrange(3))
        assert not (tmp_path / "again").exists()
    result = import_logs(source, tmp_path / "again", resize=16)
    assert result.resumed >= 2 and contents(tmp_path / "again") == contents(whole.path)
    assert source.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["again", "logs.hdf5", "whole"]


def allow_files_of(size: int):
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


@pytest.mark.skipif(os.name != "posix", reason="limits")
def test_a_disk_that_is_full_is_told_and_costs_nothing(tmp_path):
    source = write_file(tmp_path / "logs.hdf5")
    earlier = contents(import_logs(source, tmp_path / "earlier", resize=16).path)
    limited = start(source, tmp_path / "again", 0.0, preexec_fn=allow_files_of(300_000))
    _, errors = limited.communicate(timeout=60)
    assert "cannot be written: File too large" in errors.decode() and limited.returncode == 1
    assert not (tmp_path / "again").exists()
    assert contents(tmp_path / "earlier") == earlier
    result = import_logs(source, tmp_path / "again", resize=16)
    assert result.resumed > 0 and contents(tmp_path / "again") == earlier


def test_a_place_that_cannot_be_written_to_is_told(import_memory, tmp_path):
    (tmp_path / "file").write_text("mine")
    for out in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(DataError, match=str(tmp_path / "file")):
            import_memory(EPISODES, out=out)
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to root")
def test_a_forbidden_folder_is_told(import_memory, tmp_path):
    (tmp_path / "closed").mkdir(mode=0o500)
    with pytest.raises(DataError, match="cannot be written: Permission denied"):
        import_memory(EPISODES, out=tmp_path / "closed" / "store")


@pytest.mark.parametrize("text", [b"", b"{}\n", b"[]\n", b"null\n", b"\xff\xfe\n", b'{"about": 3}\n{"outcomes": 3}\n'])
def test_a_journal_of_anything_never_ends_in_a_traceback(import_memory, tmp_path, text):
    out = tmp_path / "store"
    (folder_of(out) / "store").mkdir(parents=True)
    (folder_of(out) / FILE).write_bytes(text)
    try:
        result = import_memory(EPISODES, out=out)
    except DataError as error:
        assert "remove" in str(error)  # noqa: PT017
    else:
        assert result.episodes == len(EPISODES)


def test_the_journal_holds_whole_episodes_only(import_memory, tmp_path):
    out = tmp_path / "store"
    with pytest.raises(KeyboardInterrupt):
        import_memory(EPISODES, out=out, progress=interrupt_after(15))
    lines = [json.loads(line) for line in (folder_of(out) / FILE).read_text().splitlines()]
    lengths = [length for line in lines[1:] for outcome in line["outcomes"] for length in outcome["lengths"]]
    assert lengths == [len(rows["target"]) for rows in EPISODES[: len(lengths)]]
    sizes = {name: size for name, _, _, size, _ in lines[-1]["columns"]}
    assert sizes["observation/camera"] == (sum(lengths) + len(lengths)) * 6 * 8 * 3
