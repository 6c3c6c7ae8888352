"""No file can be damaged unnoticed, no crash leaves half a store, and every mishap has one clear sentence."""

import errno
import json
import os
import pickle
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from data_worlds import PIXELS, TREE, VECTOR, sample, write_store

from telos.core.errors import DamagedStoreError, DataError, TelosError
from telos.data import Episodes, EpisodeWriter
from telos.data.manifest import FORMAT_VERSION, MANIFEST, digest

GARBAGE = [None, True, -1, 0, 3.5, 2**70, "", "x", "../x", [], [None], {}, {"kind": "tree", "spaces": {}}, [[1]], "\ud800"]


def use(path: Path) -> None:
    """Everything that a reader does."""
    store = Episodes.open(path, verify=True)
    store.windows(np.random.default_rng(0), 8, 2)
    for name in store.column_names:
        store.column(name, store.num_episodes - 1)
    store.moments("action")


def files_of(path: Path) -> list[Path]:
    return sorted(path.iterdir())


@pytest.mark.parametrize("spaces", [PIXELS, VECTOR, TREE])
def test_a_lost_or_cut_file_is_named_without_reading_it(tmp_path, spaces):
    write_store(tmp_path / "store", spaces)
    for file in files_of(tmp_path / "store"):
        content = file.read_bytes()
        for changed in (None, b"", content[:-2], content + b"\0", content[: len(content) // 2]):
            file.unlink(missing_ok=True)
            if changed is not None:
                file.write_bytes(changed)
            with pytest.raises(DamagedStoreError, match=file.name):
                Episodes.open(tmp_path / "store")
        file.write_bytes(content)
    use(tmp_path / "store")


def test_every_flipped_byte_is_found(tmp_path):
    write_store(tmp_path / "store", VECTOR, lengths=(2, 1))
    for file in files_of(tmp_path / "store"):
        content = file.read_bytes()
        for place in range(len(content)):
            file.write_bytes(content[:place] + bytes([content[place] ^ 16]) + content[place + 1 :])
            # In the manifest, a blank may become another one, or a word may name a newer format.
            if file.name == MANIFEST and chr(content[place]).isspace():
                continue
            with pytest.raises(DataError, match=file.name):
                Episodes.open(tmp_path / "store", verify=True)
        file.write_bytes(content)


def every_place(value, path=()):
    """The path to every value of some JSON."""
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in items:
        yield from every_place(part, (*path, key))


def put(content, path, value):
    """`content` with another value at `path`."""
    if not path:
        return value
    target = content
    for key in path[:-1]:
        target = target[key]
    target[path[-1]] = value
    return content


@pytest.mark.parametrize("spaces", [PIXELS, VECTOR, TREE])
def test_a_manifest_of_nonsense_never_ends_in_a_traceback(tmp_path, spaces):
    write_store(tmp_path / "store", spaces, environment={"name": "x", "args": {}})
    file = tmp_path / "store" / MANIFEST
    text = file.read_text()
    tried = 0
    for place in every_place(json.loads(text)):
        for value in GARBAGE:
            content = put(json.loads(text), place, value)
            if isinstance(content, dict) and place != ("checksum",):
                # A forger would mend the checksum too.
                content.pop("checksum", None)
                content["checksum"] = digest(content)
            file.write_text(json.dumps(content))
            tried += 1
            try:
                use(tmp_path / "store")
            except TelosError:
                continue
    assert tried > 500


def test_random_mutations_of_any_file_are_found_or_harmless(tmp_path):
    write_store(tmp_path / "store", TREE)
    rng = np.random.default_rng(0)
    for _ in range(300):
        file = files_of(tmp_path / "store")[rng.integers(5)]
        content = file.read_bytes()
        place, size = rng.integers(len(content)), rng.integers(1, 20)
        match rng.integers(4):
            case 0:
                file.write_bytes(content[:place])
            case 1:
                file.write_bytes(content[:place] + rng.bytes(size) + content[place + size :])
            case 2:
                file.write_bytes(content[:place] + rng.bytes(size) + content[place:])
            case 3:
                file.unlink()
        try:
            use(tmp_path / "store")
        except TelosError as error:
            assert str(error).strip()  # noqa: PT017
        file.write_bytes(content)
    use(tmp_path / "store")


@pytest.mark.parametrize("text", ["", "[]", "{", "null", "[" * 100_000, "9" * 10_000, '{"format": NaN}', "\0", '{"format": 1}', '{"format": true}'])
def test_a_manifest_of_anything_is_damaged(tmp_path, text):
    write_store(tmp_path / "store")
    (tmp_path / "store" / MANIFEST).write_text(text)
    with pytest.raises(DamagedStoreError, match=MANIFEST):
        Episodes.open(tmp_path / "store")


def test_a_newer_format_asks_for_a_newer_telos(tmp_path):
    write_store(tmp_path / "store")
    (tmp_path / "store" / MANIFEST).write_text(f'{{"format": {FORMAT_VERSION + 1}}}')
    with pytest.raises(DataError, match="newer Telos"):
        Episodes.open(tmp_path / "store")


def test_no_store_is_no_damage(tmp_path):
    with pytest.raises(DataError, match="There is no store"):
        Episodes.open(tmp_path / "nowhere")


@pytest.mark.parametrize("file", ["../secret.bin", "/etc/passwd", "a/b.bin", "..", ".", "", "~", "..\\secret.bin"])
def test_a_manifest_cannot_reach_out_of_its_folder(tmp_path, file):
    write_store(tmp_path / "store")
    manifest = tmp_path / "store" / MANIFEST
    content = json.loads(manifest.read_text())
    content["columns"][0]["file"] = file
    content.pop("checksum")
    manifest.write_text(json.dumps({**content, "checksum": digest(content)}))
    with pytest.raises(DamagedStoreError, match="outside"):
        Episodes.open(tmp_path / "store")


def test_nothing_is_unpickled(tmp_path, monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("unpickled")

    for name in ("load", "loads", "Unpickler"):
        monkeypatch.setattr(pickle, name, refuse)
    write_store(tmp_path / "store")
    use(tmp_path / "store")


def test_an_exception_leaves_nothing_behind(tmp_path):
    def interrupted():
        with EpisodeWriter(tmp_path / "store", PIXELS) as writer:
            writer.add(sample(PIXELS.observation, 3, np.random.default_rng(0)), np.zeros((2, 2)))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    with pytest.raises(DataError, match="No episode"), EpisodeWriter(tmp_path / "store", PIXELS):
        pass
    assert not list(tmp_path.iterdir())


def test_the_store_appears_only_when_it_is_whole(tmp_path):
    (tmp_path / "store").mkdir()
    with EpisodeWriter(tmp_path / "store", VECTOR) as writer:
        writer.add(np.zeros((3, 3)), np.zeros(2))
        assert not list((tmp_path / "store").iterdir())
    assert [file.name for file in tmp_path.iterdir()] == ["store"]
    with pytest.raises(DataError, match="closed"):
        writer.add(np.zeros((3, 3)), np.zeros(2))


def test_a_taken_place_is_left_alone(tmp_path):
    (tmp_path / "file").write_text("mine")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "mine").touch()
    for name in ("file", "folder"):
        with pytest.raises(DataError, match="exists already"):
            EpisodeWriter(tmp_path / name, VECTOR)
    late = EpisodeWriter(tmp_path / "late", VECTOR)
    late.add(np.zeros((3, 3)), np.zeros(2))
    write_store(tmp_path / "late", VECTOR)
    with pytest.raises(DataError):
        late.close()
    use(tmp_path / "late")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["file", "folder", "late"]


KILLED = """
import sys, numpy as np
from telos.core.spaces import *
from telos.data import EpisodeWriter
writer = EpisodeWriter(sys.argv[1], Spaces(PixelSpace(8, 8), VectorSpace(2)))
while True:
    writer.add(np.zeros((50, 8, 8, 3), np.uint8), np.zeros((49, 2)))
    print(writer.num_episodes, flush=True)
"""


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_a_killed_writer_leaves_the_target_as_it_was(tmp_path):
    target = tmp_path / "store"
    process = subprocess.Popen([sys.executable, "-c", KILLED, str(target)], stdout=subprocess.PIPE)
    process.stdout.readline()
    time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not target.exists()
    write_store(target)
    use(target)


@pytest.mark.parametrize("when", ["write", "fsync", "mkdir", "rename"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EACCES, errno.EROFS])
def test_a_disk_that_refuses_gets_one_clear_sentence(tmp_path, monkeypatch, when, code):
    def refuse(*args, **kwargs):
        raise OSError(code, os.strerror(code))

    def write():
        with EpisodeWriter(tmp_path / "store", VECTOR) as writer:
            writer.add(np.zeros((3, 3)), np.zeros(2))

    with monkeypatch.context() as patch:
        owner, name = {
            "write": ("telos.data.columns.ColumnFile", "write"),
            "fsync": ("os", "fsync"),
            "mkdir": ("pathlib.Path", "mkdir"),
            "rename": ("pathlib.Path", "rename"),
        }[when]
        patch.setattr(f"{owner}.{name}", refuse)
        with pytest.raises(DataError, match=os.strerror(code)):
            write()
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_in_the_middle_of_a_column(tmp_path, monkeypatch):
    from telos.data.columns import ColumnFile

    begin = ColumnFile.__init__

    def begin_on_full_disk(self, *args):
        begin(self, *args)
        self.stream.close()
        self.stream = Path("/dev/full").open("wb")  # noqa: SIM115

    monkeypatch.setattr(ColumnFile, "__init__", begin_on_full_disk)
    with pytest.raises(DataError, match="No space left"):
        write_store(tmp_path / "store", PIXELS, lengths=[200] * 3)
    assert not list(tmp_path.iterdir())
