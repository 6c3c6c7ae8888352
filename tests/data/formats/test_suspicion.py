"""What other people's files may not do: reach out of themselves, run code, or claim the memory."""

import json
import pickle
import resource
import time
import zipfile
import zlib
from pathlib import Path

import h5py
import numpy as np
import pytest
from layouts import happen, write_npz_file, write_npz_folder, write_ogbench, write_robomimic, write_stable_worldmodel, write_zarr, write_zarr_array

from telos.core.errors import DataError
from telos.data import describe_source, import_logs
from telos.data.formats.raw_rows import DeflatedRows


class Bomb:
    """Says so if it is ever unpickled."""

    def __reduce__(self):
        return (Path.touch, (Path("unpickled"),))


@pytest.fixture(autouse=True)
def nothing_is_run_and_little_is_used(tmp_path, monkeypatch):
    """In an empty folder; afterwards no code of a file has run, and neither time nor memory were taken."""
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
    yield
    assert not Path("unpickled").exists()
    assert time.monotonic() - start < 30
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 400 << 10


def write_secret() -> str:
    with h5py.File("secret.h5", "w") as file:
        file["stolen"] = np.zeros((8, 4))
    return "secret.h5"


@pytest.mark.parametrize("where", ["data/demo_0/obs/camera", "data/demo_0/actions", "data/demo_1", "data"])
@pytest.mark.parametrize("link", [h5py.SoftLink("/data/demo_2/obs/camera"), h5py.ExternalLink("secret.h5", "/stolen")], ids=["soft", "external"])
def test_links_in_hdf5_are_not_followed(where, link):
    write_secret()
    source = write_robomimic(Path("demo.hdf5"), happen())
    with h5py.File(source, "r+") as file:
        del file[where]
        file[where] = link
    with pytest.raises(DataError, match=r"is a link to somewhere else"):
        describe_source(source, "robomimic")


def test_hdf5_arrays_that_lie_in_other_files_are_not_followed():
    write_secret()
    Path("raw.bin").write_bytes(bytes(1000))
    for kind in ("external", "virtual"):
        source = write_stable_worldmodel(Path(f"{kind}.h5"), happen())
        with h5py.File(source, "r+") as file:
            num = len(file["action"])
            del file["action"]
            if kind == "external":
                file.create_dataset("action", (num, 2), "f4", external=[("raw.bin", 0, num * 8)])
            else:
                layout = h5py.VirtualLayout((num, 4), "f8")
                layout[:8] = h5py.VirtualSource("secret.h5", "stolen", (8, 4))
                file.create_virtual_dataset("action", layout)
        with pytest.raises(DataError, match="lies in other files"):
            describe_source(source)


def test_a_chunk_that_claims_more_than_it_can_hold_is_refused():
    rows = DeflatedRows(Path(__file__), (4, 3), np.dtype("u1"), (4, 3), lambda row: (0, 2**40), lambda rows: np.zeros(0))
    with pytest.raises(DataError, match="claims 1,099,511,627,776 bytes for 12"):
        rows[0:4]
    Path("bomb").write_bytes(zlib.compress(bytes(1 << 24)))
    rows = DeflatedRows(Path("bomb"), (4, 3), np.dtype("u1"), (4, 3), lambda row: (0, 4000), lambda rows: np.zeros(0))
    assert rows[0:4].shape == (4, 3)


@pytest.mark.parametrize("shape", [(2**40, 2), (2**20, 2**20), (2**33, 96, 96, 3)])
def test_sizes_that_no_file_can_have_are_not_believed(shape):
    source = write_stable_worldmodel(Path("world.h5"), happen())
    with h5py.File(source, "r+") as file:
        del file["pixels"]
        file.create_dataset("pixels", shape, "u1", chunks=(1, *(min(64, size) for size in shape[1:])))
    with pytest.raises(DataError, match=r"claims|would have"):
        describe_source(source)


def test_chunks_that_unpack_to_gigabytes_are_refused():
    source = write_stable_worldmodel(Path("world.h5"), happen())
    with h5py.File(source, "r+") as file:
        del file["pixels"]
        file.create_dataset("pixels", (31, 10, 12, 3), "u1", maxshape=(None, None, None, None), chunks=(2**20, 10, 12, 3), compression="gzip")
    with pytest.raises(DataError, match="in chunks of"):
        describe_source(source)


def test_lengths_that_lie_are_refused():
    for name, values in (("ep_len", [8, 4, 2**31 - 1, 6]), ("ep_len", [8, 4, -13, 6]), ("ep_offset", [0, 8, 0, 25]), ("ep_len", [0, 0, 0, 0])):
        source = write_stable_worldmodel(Path("world.h5"), happen())
        with h5py.File(source, "r+") as file:
            file[name][...] = values
        with pytest.raises(DataError, match="ep_"):
            describe_source(source)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_pickled_objects_in_npz_are_never_opened(save):
    save("maze.npz", observations=np.zeros((4, 3)), actions=np.array([Bomb()] * 4, dtype=object), terminals=np.zeros(4))
    with pytest.raises(DataError, match="actions"):
        describe_source("maze.npz")
    save("logs.npz", obs=np.zeros((4, 3)), action=np.zeros((4, 2)), extra=np.array([Bomb()], dtype=object))
    result = import_logs("logs.npz", "store")
    assert result.episodes == 1 and any("pickled objects, which are never opened" in note for note in result.notes)


@pytest.mark.parametrize("codec", [{"id": "pickle"}, {"id": "json2"}, {"id": "msgpack2"}, {"id": "nowhere"}, {"id": ["x"]}])
@pytest.mark.parametrize("place", ["compressor", "filters"])
def test_codecs_that_run_what_a_file_says_are_refused(codec, place):
    source = write_zarr(Path("replay.zarr"), happen())
    about = source / "data" / "action" / ".zarray"
    about.write_text(json.dumps({**json.loads(about.read_text()), place: [codec] if place == "filters" else codec}))
    (source / "data" / "action" / "0.0").write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(DataError, match="action"):
        describe_source(source)


def test_zarr_sizes_that_lie_are_refused():
    for change, words in (({"chunks": [2**31, 10, 12, 3]}, "in chunks of"), ({"shape": [2**40, 10, 12, 3]}, "claims")):
        source = write_zarr(Path("replay.zarr"), happen())
        about = source / "data" / "img" / ".zarray"
        about.write_text(json.dumps({**json.loads(about.read_text()), **change}))
        with pytest.raises(DataError, match=words):
            describe_source(source)
        about.unlink()


def test_a_dtype_that_does_not_fit_the_chunks_is_refused():
    source = write_zarr(Path("replay.zarr"), happen())
    about = source / "data" / "img" / ".zarray"
    about.write_text(json.dumps({**json.loads(about.read_text()), "dtype": "<f8"}))
    with pytest.raises(DataError, match="cannot be read at 'img'"):
        describe_source(source)


def test_a_bomb_in_a_zip_is_refused():
    """Half a gigabyte of zeros in half a megabyte, promised to be more."""
    source = write_ogbench(Path("maze.npz"), happen())
    with zipfile.ZipFile(source) as file:
        members = {name: file.read(name) for name in file.namelist()}
    header = members["observations.npy"].split(b"\n", 1)[0].replace(b"(31,", b"(9999999999,") + b"\n"
    with zipfile.ZipFile(source, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(name, header + bytes(10_000) if name == "observations.npy" else content)
    with pytest.raises(DataError, match="is cut"):
        describe_source(source)


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="needs devices")
@pytest.mark.parametrize("target", ["/dev/zero", "/etc", "secret.npz"])
def test_links_out_of_a_folder_are_not_followed(target):
    write_npz_file(Path("secret.npz"), happen())
    recordings, replay = write_npz_folder(Path("recordings"), happen()), write_zarr(Path("replay.zarr"), happen())
    (recordings / "episode_1.npz").unlink()
    (recordings / "episode_1.npz").symlink_to(Path(target).absolute())
    (replay / "data" / "img" / "1.0.0.0").unlink()
    (replay / "data" / "img" / "1.0.0.0").symlink_to(Path(target).absolute())
    for source, format in ((recordings, "npz"), (replay, "zarr")):
        with pytest.raises(DataError, match=r"is a link to somewhere else|is no file"):
            describe_source(source, format)


def test_a_damaged_file_of_a_folder_costs_its_episode_alone():
    source = write_npz_folder(Path("recordings"), happen())
    (source / "episode_1.npz").write_bytes(b"PK nothing")
    result = import_logs(source, "store")
    assert result.store.lengths.tolist() == [7, 12, 5]
    (part,) = (part for part in result.left_out if part.what == "episodes")
    assert part.which == ("1",) and "episode_1.npz" in part.why


def test_a_cut_chunk_costs_its_episodes_alone():
    source = write_robomimic(Path("demo.hdf5"), happen((40, 40, 40), (32, 32)), packed=True)
    content = source.read_bytes()
    with h5py.File(source) as file:
        offset = file["data/demo_1/obs/camera"].id.get_chunk_info(0).byte_offset
    source.write_bytes(content[:offset] + bytes(64) + content[offset + 64 :])
    result = import_logs(source, "store")
    assert result.store.lengths.tolist() == [40, 40]
    assert any("demo" in part.why and part.which == ("1",) for part in result.left_out)


def test_a_missing_package_is_named(monkeypatch):
    import sys

    sources = {"h5py": write_robomimic(Path("demo.hdf5"), happen()), "zarr": write_zarr(Path("replay.zarr"), happen())}
    for package, source in sources.items():
        with monkeypatch.context() as patch:
            for name in [name for name in sys.modules if name.split(".")[0] == package] + ["zarr.storage"] * (package == "zarr"):
                patch.setitem(sys.modules, name, None)
            with pytest.raises(ValueError, match=f"'{package}', which is not installed.*\n.*telos-jepa.formats"):
                describe_source(source)


def test_an_hdf5_file_of_another_kind_is_in_no_layout():
    for name, arrays in (
        ("empty.h5", {}),
        ("other.h5", {"x": np.zeros(3)}),
        ("data.h5", {"data": np.zeros(3)}),
        ("group.h5", {"data/x": np.zeros(3)}),
    ):
        with h5py.File(name, "w") as file:
            for key, values in arrays.items():
                file[key] = values
        with pytest.raises(DataError, match="in no layout"):
            describe_source(name)


def test_chunks_that_are_not_there_are_told():
    source = write_zarr(Path("replay.zarr"), happen())
    (source / "data" / "img" / "2.0.0.0").unlink()
    result = import_logs(source, "store")
    assert any("1 of the 8 chunks of 'img'" in note for note in result.notes)
    assert not result.store.column("observation", 1)[0].any()


def test_zarr_arrays_of_floating_pictures_become_bytes():
    logs = happen()
    source = write_zarr(Path("replay.zarr"), logs)
    frames = np.concatenate([log.pictures for log in logs])
    for scale in (1, 255):
        write_zarr_array(source / "data" / "img", (frames / scale).astype(np.float32), 4)
        store = import_logs(source, f"store-{scale}").store
        np.testing.assert_array_equal(np.concatenate([store.column("observation", number) for number in range(4)]), frames)


def test_pictures_with_channels_first_are_turned():
    logs = happen()
    frames = np.concatenate([log.pictures for log in logs])
    source = write_stable_worldmodel(Path("world.h5"), logs)
    with h5py.File(source, "r+") as file:
        del file["pixels"]
        file["pixels"] = frames.transpose(0, 3, 1, 2)
    store = import_logs(source, "store").store
    np.testing.assert_array_equal(np.concatenate([store.column("observation", number) for number in range(4)]), frames)
