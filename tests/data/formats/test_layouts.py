"""What was logged is what is imported, whatever layout it came in."""

import pickle

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from layouts import LAYOUTS, happen, write_npz_folder, write_robomimic

from telos.core.errors import DataError, UnknownNameError
from telos.core.spaces import PixelSpace, VectorSpace
from telos.data import describe_source, import_logs
from telos.data.formats import FORMATS
from telos.data.importing.detection import find_format


@pytest.fixture(params=LAYOUTS, ids=lambda name: name.replace(" ", "_"))
def layout(request):
    return LAYOUTS[request.param]


def assert_imported(store, logs, layout):
    assert store.lengths.tolist() == [log.num_steps for log in logs]
    for number, log in enumerate(logs):
        for column, name in layout.names.items():
            # What is no observation and no true state may be counted per step: its last row is padding.
            num = log.num_steps + column.startswith(("observation", "info/"))
            logged, rows = getattr(log, name)[:num], store.column(column, number)[:num]
            np.testing.assert_array_equal(rows.reshape(num, -1), logged.reshape(num, -1), err_msg=column)


def test_frames_are_equal_and_actions_exact(layout, tmp_path):
    logs = happen()
    source = layout.write(tmp_path / layout.file, logs)
    result = import_logs(source, tmp_path / "store")
    store = result.store
    assert_imported(store, logs, layout)
    assert store.damage() == []
    assert result.format == layout.format == store.metadata["import"]["format"]
    pictures = next(name for name, field in layout.names.items() if field == "pictures")
    space = store.spaces.observation if pictures == "observation" else store.spaces.observation.spaces[pictures.partition("/")[2]]
    assert space == PixelSpace(10, 12) and store.spaces.action.bounded


def test_the_layout_is_found_out_and_described_before_anything_is_copied(layout, tmp_path):
    logs = happen()
    source = layout.write(tmp_path / layout.file, logs)
    found = describe_source(source)
    assert found.format == layout.format and found.lengths == tuple(log.num_steps for log in logs)
    assert {column.role for column in found.columns} >= {"observation", "action"}
    assert found == describe_source(source, layout.format)
    assert find_format(source).name == layout.format


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lengths=st.lists(st.integers(1, 9), min_size=1, max_size=6), seed=st.integers(0, 2**31), height=st.integers(8, 13), width=st.integers(8, 13))
def test_any_lengths_and_sizes_come_back(layout, tmp_path_factory, lengths, seed, height, width):
    folder = tmp_path_factory.mktemp("any")
    logs = happen(lengths, (height, width), seed)
    assert_imported(import_logs(layout.write(folder / layout.file, logs), folder / "store").store, logs, layout)


def test_small_pieces_and_any_number_of_threads_give_the_same_bytes(layout, tmp_path, monkeypatch):
    logs = happen((40, 3, 25, 1, 60))
    source = layout.write(tmp_path / layout.file, logs)
    prints = [import_logs(source, tmp_path / "whole", resize=8, threads=1).store.fingerprint]
    for bytes_, threads in ((1, 1), (1000, 2), (3000, 5), (1 << 20, 3)):
        monkeypatch.setattr("telos.data.formats.arrays.CHUNK_BYTES", bytes_)
        out = tmp_path / f"store-{bytes_}"
        prints.append(import_logs(source, out, resize=8, threads=threads).store.fingerprint)
        assert [file.read_bytes() for file in sorted(out.iterdir())] == [file.read_bytes() for file in sorted((tmp_path / "whole").iterdir())]
    assert len(set(prints)) == 1


def test_nothing_is_ever_unpickled(layout, tmp_path, monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("unpickled")

    source = layout.write(tmp_path / layout.file, happen())
    for name in ("load", "loads", "Unpickler", "_loads", "_Unpickler"):
        monkeypatch.setattr(pickle, name, refuse)
    import_logs(source, tmp_path / "store")


def test_the_source_is_never_touched(layout, tmp_path):
    source = layout.write(tmp_path / layout.file, happen())
    files = [source] if source.is_file() else sorted(file for file in source.rglob("*") if file.is_file())
    before = [(file.read_bytes(), file.stat().st_mtime_ns) for file in files]
    for file in (*files, *{file.parent for file in files if source.is_dir()}):
        file.chmod(file.stat().st_mode & ~0o222)
    import_logs(source, tmp_path / "store")
    assert [(file.read_bytes(), file.stat().st_mtime_ns) for file in files] == before
    for file in (*{file.parent for file in files if source.is_dir()}, *files):
        file.chmod(file.stat().st_mode | 0o200)


def test_what_is_in_no_layout_lists_all_of_them(tmp_path):
    (tmp_path / "notes.txt").write_text("hello")
    for path in (tmp_path / "notes.txt", tmp_path):
        with pytest.raises(DataError, match="in no layout") as error:
            describe_source(path)
        assert all(format.name in str(error.value) and format.says in str(error.value) for format in FORMATS)
    with pytest.raises(DataError, match="nothing at"):
        describe_source(tmp_path / "nowhere")
    with pytest.raises(UnknownNameError, match="did you mean 'robomimic'"):
        describe_source(tmp_path / "notes.txt", "robomimik")


def test_a_path_that_two_formats_recognise_asks_which(tmp_path, monkeypatch):
    source = write_npz_folder(tmp_path / "recordings", happen())
    monkeypatch.setattr("telos.data.formats.FORMATS", (*FORMATS, find_format(source)))
    with pytest.raises(DataError, match=r"looks like npz and npz.*\n.*\n.*--format npz"):
        describe_source(source)


def test_demonstrations_are_in_the_order_of_their_numbers(tmp_path):
    logs = happen([2] * 12)
    found = describe_source(write_robomimic(tmp_path / "demo.hdf5", logs))
    assert found.metadata["demos"] == [f"demo_{number}" for number in range(12)]
    assert found.metadata["env_args"]["env_name"] == "Lift" and found.metadata["filters"] == ["train"]


def test_columns_are_of_the_spaces_that_were_logged(tmp_path):
    found = describe_source(write_npz_folder(tmp_path / "recordings", happen()))
    assert {column.name: column.space for column in found.columns} == {
        "image": PixelSpace(10, 12),
        "actions": VectorSpace(2),
        "state": VectorSpace(3),
        "reward": VectorSpace(1),
        "timestamp": VectorSpace(1),
    }
    assert any("'calibration'" in note for note in found.notes)
