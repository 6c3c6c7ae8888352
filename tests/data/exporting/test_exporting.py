"""Promises of exports: whole or not there, readable by those whose layout it is, and what is lost is said."""

import io
import json

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from telos.core.errors import ConfigError, DataError
from telos.core.spaces import DiscreteSpace, PixelSpace, Spaces, TreeSpace, VectorSpace
from telos.data import Episodes, EpisodeWriter
from telos.data.exporting import EXPORTS, LeRobotExport, MinariExport, NpzExport, export_logs

LENGTHS = (5, 3, 1, 8)
SPACES = {
    "vector": Spaces(VectorSpace(4, (-1, -2, -3, -4), (1, 2, 3, 4)), VectorSpace(2, (-1, -1), (1, 1))),
    "unbounded": Spaces(VectorSpace(3), VectorSpace(1)),
    "pixels": Spaces(PixelSpace(6, 8), VectorSpace(2, (-1, -1), (1, 1))),
    "grey": Spaces(PixelSpace(6, 8, 1), DiscreteSpace(3)),
    "tree": Spaces(TreeSpace({"camera": PixelSpace(4, 4), "joints": VectorSpace(5)}), DiscreteSpace(4)),
}


def rows_of(space, num, rng):
    if isinstance(space, TreeSpace):
        return {name: rows_of(part, num, rng) for name, part in space.spaces.items()}
    if isinstance(space, PixelSpace):
        return rng.integers(256, size=(num, *space.shape), dtype=np.uint8)
    if isinstance(space, DiscreteSpace):
        return rng.integers(space.num, size=(num, 1))
    return rng.uniform(-1, 1, (num, space.size)).astype(np.float32)


def write_store(path, spaces, **about):
    rng = np.random.default_rng(0)
    with EpisodeWriter(path, spaces, **about) as writer:
        for length in LENGTHS:
            info = {"place": rng.random((length + 1, 2)), "room": rng.integers(3, size=length + 1)}
            writer.add(
                rows_of(spaces.observation, length + 1, rng), rows_of(spaces.action, length, rng), info=info, extra={"force": rng.random(length + 1)}
            )
    return Episodes.open(path)


@pytest.fixture(params=SPACES)
def store(request, tmp_path):
    return write_store(tmp_path / "logs", SPACES[request.param])


def test_minari_itself_reads_every_array(store, tmp_path, monkeypatch):
    import minari

    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path))
    export_logs(store, tmp_path / "ours-v0", MinariExport())
    theirs = minari.load_dataset("ours-v0")
    assert (theirs.total_episodes, theirs.total_steps) == (store.num_episodes, store.num_steps)
    for index in range(store.num_episodes):
        episode, ours = theirs[index], store.episode(index)
        for name, rows in ours.observations.items() if isinstance(ours.observations, dict) else [(None, ours.observations)]:
            np.testing.assert_array_equal(episode.observations if name is None else episode.observations[name], rows)
        np.testing.assert_array_equal(np.reshape(episode.actions, ours.actions.shape), ours.actions)
        np.testing.assert_array_equal(episode.infos["place"], store.info("place", index))
        np.testing.assert_array_equal(episode.infos["force"], store.column("force", index))
        assert episode.truncations.tolist() == [False] * (len(ours.actions) - 1) + [True]


def test_minari_gets_the_bounds_and_the_environment(tmp_path, monkeypatch):
    import minari

    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path))
    spaces = Spaces(VectorSpace(3, (-1, -1, -8), (1, 1, 8)), VectorSpace(1, (-2,), (2,)))
    store = write_store(tmp_path / "logs", spaces, environment={"name": "gym:Pendulum-v1", "args": {"g": 9.0}})
    export_logs(store, tmp_path / "swing-v0", MinariExport())
    theirs = minari.load_dataset("swing-v0")
    assert theirs.action_space.high.tolist() == [2.0] and theirs.observation_space.low.tolist() == [-1, -1, -8]
    written = json.loads((tmp_path / "swing-v0/data/metadata.json").read_text())
    assert json.loads(written["env_spec"])["id"] == "Pendulum-v1"


def test_lerobot_files_hold_every_array_by_the_published_layout(store, tmp_path):
    root = tmp_path / "robot"
    export_logs(store, root, LeRobotExport(fps=20))
    info = json.loads((root / "meta/info.json").read_text())
    assert info["codebase_version"] == "v3.0" and info["fps"] == 20 and info["total_frames"] == store.num_steps + store.num_episodes
    episodes = pq.read_table(root / "meta/episodes/chunk-000/file-000.parquet").to_pylist()
    for index, about in enumerate(episodes):
        path = info["data_path"].format(chunk_index=about["data/chunk_index"], file_index=about["data/file_index"])
        table = pq.read_table(root / path).slice(about["dataset_from_index"], about["length"])
        assert about["length"] == store.lengths[index] + 1 and set(table["episode_index"].to_pylist()) == {index}
        np.testing.assert_allclose(table["timestamp"].to_numpy(), np.arange(about["length"]) / 20, rtol=1e-6)
        ours = store.episode(index)
        for name, rows in ours.observations.items() if isinstance(ours.observations, dict) else [(None, ours.observations)]:
            if rows.dtype == np.uint8:
                pictures = table[f"observation.images.{name or 'front'}"].to_pylist()
                seen = np.stack([np.array(Image.open(io.BytesIO(picture["bytes"]))).reshape(rows.shape[1:]) for picture in pictures])
            else:
                seen = np.array(table[f"observation.{name or 'state'}"].to_pylist(), np.float32).reshape(rows.shape)
            np.testing.assert_array_equal(seen, rows)
        actions = np.array(table["action"].to_pylist()).reshape(about["length"], -1)
        np.testing.assert_array_equal(actions[:-1], ours.actions)
        np.testing.assert_array_equal(np.array(table["info.place"].to_pylist()), store.info("place", index))


def test_lerobot_figures_are_those_of_all_frames(tmp_path):
    store = write_store(tmp_path / "logs", SPACES["vector"])
    export_logs(store, tmp_path / "robot", LeRobotExport())
    stats = json.loads((tmp_path / "robot/meta/stats.json").read_text())["observation.state"]
    rows = np.concatenate([store.episode(index).observations for index in range(store.num_episodes)])
    for name, value in {"mean": rows.mean(0), "std": rows.std(0), "min": rows.min(0), "max": rows.max(0)}.items():
        np.testing.assert_allclose(stats[name], value, atol=1e-6)
    assert stats["count"] == [len(rows)]


def test_npz_files_are_plain_arrays(store, tmp_path):
    export_logs(store, tmp_path / "plain", NpzExport())
    for index in range(store.num_episodes):
        with np.load(tmp_path / f"plain/episode_{index:06d}.npz", allow_pickle=False) as arrays:
            assert set(arrays) == set(store.column_names)
            for name in arrays:
                ours = store.column(name, index)
                np.testing.assert_array_equal(arrays[name], ours[:-1] if name == "action" else ours)


@pytest.mark.parametrize("kind", EXPORTS.values(), ids=EXPORTS)
def test_what_a_layout_cannot_carry_is_said(kind, tmp_path):
    store = write_store(tmp_path / "logs", SPACES["vector"], seed=3, units={"action": "m"}, environment={"name": "two-rooms", "args": {}})
    said = " ".join(export_logs(store, tmp_path / "out", kind()).losses)
    assert "Units of action" in said and "seed" in said and "environment" in said


@pytest.mark.parametrize("kind", EXPORTS.values(), ids=EXPORTS)
def test_an_export_that_fails_leaves_nothing_and_what_was_there_stays(kind, tmp_path):
    store = write_store(tmp_path / "logs", SPACES["pixels"])
    taken = tmp_path / "taken"
    taken.mkdir()
    (taken / "thesis.txt").write_text("years of work")
    with pytest.raises(DataError, match="not empty"):
        export_logs(store, taken, kind())

    def breaks(done, total):
        raise KeyboardInterrupt

    before = sorted(tmp_path.iterdir())
    with pytest.raises(KeyboardInterrupt):
        export_logs(store, tmp_path / "new", kind(), breaks)
    assert sorted(tmp_path.iterdir()) == before and (taken / "thesis.txt").read_text() == "years of work"


@pytest.mark.parametrize("kind", EXPORTS.values(), ids=EXPORTS)
def test_a_place_that_cannot_be_written_is_told(kind, tmp_path):
    store = write_store(tmp_path / "logs", SPACES["vector"])
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="cannot be written"):
        export_logs(store, tmp_path / "file/inside", kind())


def test_pictures_that_no_png_can_hold_are_refused(tmp_path):
    store = write_store(tmp_path / "logs", Spaces(PixelSpace(4, 4, 6), VectorSpace(1)))
    with pytest.raises(DataError, match="6 channels"):
        export_logs(store, tmp_path / "robot", LeRobotExport())


@pytest.mark.parametrize("fps", [0, -3, float("nan"), float("inf")])
def test_impossible_frame_rates_are_refused(fps):
    with pytest.raises(ConfigError, match="frames per second"):
        LeRobotExport(fps=fps)
