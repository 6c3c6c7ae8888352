"""Plain HDF5: what is an episode, what is left out, and that reading past the library gives what the library gives."""

import io

import h5py
import numpy as np
import pytest
from hdf5_layouts import write_aloha, write_d4rl, write_flat, write_maniskill
from hypothesis import given, settings
from hypothesis import strategies as st
from layouts import happen, write_robomimic, write_stable_worldmodel
from PIL import Image

from telos.core.errors import DataError
from telos.core.spaces import DiscreteSpace
from telos.data import describe_source, import_logs
from telos.data.formats.blocks import Blocks
from telos.data.formats.hdf5_files import rows_of
from telos.data.formats.raw_rows import DeflatedRows, StoredRows

PACKINGS = st.fixed_dictionaries(
    {
        "compression": st.sampled_from([None, "gzip", "lzf"]),
        "shuffle": st.booleans(),
        "fletcher32": st.booleans(),
        "chunks": st.integers(1, 9).map(lambda rows: (rows, 3, 2)) | st.just((2, 2, 2)) | st.none(),
    }
)


@settings(max_examples=60, deadline=None)
@given(
    packing=PACKINGS,
    dtype=st.sampled_from(["u1", "<i2", ">i4", "<f4", ">f8", "?", "<u8"]),
    num=st.integers(1, 30),
    cut=st.tuples(st.integers(0, 30), st.integers(0, 30)),
    userblock=st.sampled_from([0, 512]),
    written=st.booleans(),
    shared=st.booleans(),
)
def test_rows_are_those_that_the_library_reads(tmp_path_factory, packing, dtype, num, cut, userblock, written, shared):
    path = tmp_path_factory.mktemp("rows") / "file.h5"
    values = np.random.default_rng(num).integers(0, 200, (num, 3, 2)).astype(dtype)
    packing = {key: value for key, value in packing.items() if value and packing["chunks"]}
    with h5py.File(path, "w", userblock_size=userblock) as file:
        maxshape = (None, 3, 2) if "chunks" in packing else None
        dataset = file.create_dataset("x", values.shape, dtype, maxshape=maxshape, fillvalue=1, **packing)
        if written:
            dataset[...] = values
        elif "chunks" in packing:
            dataset[: num // 2] = values[: num // 2]
    with h5py.File(path) as file:
        rows, low, high = rows_of(file["x"], path, shared=shared), min(cut), max(cut)
        assert (rows.shape, rows.dtype) == (values.shape, file["x"].dtype)
        np.testing.assert_array_equal(rows[low:high], file["x"][low:high])


def test_what_is_stored_or_deflated_is_read_past_the_library(tmp_path):
    with h5py.File(write_flat(tmp_path / "packed.h5", happen()), "r") as file:
        assert isinstance(rows_of(file["image"], tmp_path / "packed.h5"), DeflatedRows)
        assert isinstance(rows_of(file["image"], tmp_path / "packed.h5", shared=True), Blocks)
        assert isinstance(rows_of(file["episode_ends"], tmp_path / "packed.h5"), StoredRows)


def test_a_chunk_that_is_damaged_costs_its_episodes_alone(tmp_path):
    path = write_maniskill(tmp_path / "trajectory.h5", happen())
    with h5py.File(path) as file:
        chunk = file["traj_1/obs/sensor_data/camera/rgb"].id.get_chunk_info(0)
    with path.open("r+b") as stream:
        stream.seek(chunk.byte_offset + 2)
        stream.write(b"\xff" * (chunk.size - 2))
    result = import_logs(path, tmp_path / "store")
    assert result.episodes == 3
    assert any("traj_1" in str(part) or "episode 1" in str(part).lower() for part in result.left_out)


def test_episodes_of_a_folder_are_in_the_order_of_their_numbers(tmp_path):
    found = describe_source(write_aloha(tmp_path / "aloha", happen([2] * 12)))
    assert found.metadata["files"] == [f"episode_{number}.hdf5" for number in range(12)]
    assert {column.name: column.role for column in found.columns} == {
        "action": "action",
        "observations/effort": "observation",
        "observations/images/cam_high": "observation",
        "observations/qpos": "observation",
    }


def test_one_file_of_a_folder_is_one_episode(tmp_path):
    logs = happen([6])
    source = write_aloha(tmp_path / "aloha", logs)
    for path in (source, source / "episode_0.hdf5"):
        assert describe_source(path).format == "hdf5" and describe_source(path).lengths == (6,)


def test_an_observation_more_than_actions_is_kept_where_nothing_tells_episodes_apart(tmp_path):
    with h5py.File(tmp_path / "one.h5", "w") as file:
        file["obs"], file["action"] = np.arange(12.0).reshape(6, 2), np.arange(5)[:, None] % 3
    result = import_logs(tmp_path / "one.h5", tmp_path / "store")
    assert result.steps == 5 and result.store.spaces.action == DiscreteSpace(3)
    assert any("all is one" in note for note in result.notes)


def test_pictures_as_jpeg_are_left_out_and_named(tmp_path):
    logs = happen([4, 3])
    source = write_aloha(tmp_path / "aloha", logs)
    for number, log in enumerate(logs):
        with h5py.File(source / f"episode_{number}.hdf5", "r+") as file:
            stream = io.BytesIO()
            Image.fromarray(log.pictures[0]).save(stream, "JPEG")
            rows = np.zeros((log.num_steps + 1, 5000), np.uint8)
            rows[:, : len(stream.getvalue())] = np.frombuffer(stream.getvalue(), np.uint8)
            file["observations/images/cam_low"] = rows
    result = import_logs(source, tmp_path / "store")
    assert "observation/cam_low" not in result.store.column_names
    assert any("'observations/images/cam_low' holds pictures as JPEG" in note for note in result.notes)


def test_flags_that_end_and_flags_that_cut_count_together(tmp_path):
    found = describe_source(write_d4rl(tmp_path / "maze.hdf5", happen()))
    assert found.lengths == (7, 3, 12, 5)
    assert any("'terminals' and 'timeouts'" in note for note in found.notes)


def test_a_group_that_differs_costs_its_episode_alone(tmp_path):
    path = write_maniskill(tmp_path / "trajectory.h5", happen())
    with h5py.File(path, "r+") as file:
        del file["traj_2/actions"]
    result = import_logs(path, tmp_path / "store")
    assert result.episodes == 3 and result.store.lengths.tolist() == [7, 3, 5]


def test_groups_that_hold_one_another_end(tmp_path):
    path = write_maniskill(tmp_path / "trajectory.h5", happen())
    with h5py.File(path, "r+") as file:
        file["traj_0/round"] = file["/"]
    assert import_logs(path, tmp_path / "store").store.lengths.tolist() == [7, 3, 12, 5]
    with h5py.File(path, "r+") as file:
        for number in range(300):
            file[f"traj_0/more_{number}"] = file["/"]
    assert import_logs(path, tmp_path / "other", format="hdf5").store.lengths.tolist() == [3, 12, 5]


def test_files_with_a_layout_of_their_own_are_left_to_it(tmp_path):
    assert describe_source(write_robomimic(tmp_path / "demo.hdf5", happen())).format == "robomimic"
    assert describe_source(write_stable_worldmodel(tmp_path / "world.h5", happen())).format == "stable-worldmodel"
    assert describe_source(write_robomimic(tmp_path / "demo.hdf5", happen()), "hdf5").format == "hdf5"


def test_links_out_of_a_folder_are_not_even_looked_at(tmp_path):
    source = write_aloha(tmp_path / "aloha", happen())
    (source / "episode_0.hdf5").rename(tmp_path / "elsewhere.hdf5")
    (source / "episode_0.hdf5").symlink_to(tmp_path / "elsewhere.hdf5")
    assert describe_source(source / "episode_0.hdf5").format == "hdf5"
    with pytest.raises(DataError, match="link to somewhere else"):
        describe_source(source, "hdf5")
