"""Whatever a store holds: what an import of its export does not give back as it was is named among the losses."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telos.core.spaces import DiscreteSpace, PixelSpace, Spaces, TreeSpace, VectorSpace
from telos.data import Episodes, EpisodeWriter, import_logs
from telos.data.exporting import EXPORTS, LeRobotExport, export_logs

VECTORS = st.integers(1, 4).map(VectorSpace) | st.just(VectorSpace(2, (-1, -2), (1, 2)))
PIXELS = st.builds(PixelSpace, st.integers(8, 12), st.integers(8, 12), st.sampled_from([1, 3]))
TREES = st.dictionaries(st.sampled_from(["camera", "wrist", "joints", "goal"]), VECTORS | PIXELS, min_size=2, max_size=3).map(TreeSpace)
ACTIONS = VECTORS | st.integers(2, 4).map(DiscreteSpace)
COLUMNS = st.tuples(st.sampled_from(["f8", "f4", "i8", "i4", "u1", "?"]), st.sampled_from([(), (1,), (2,), (2, 3)]))
INFO = st.dictionaries(st.sampled_from(["place", "room", "qpos", "reward", "arm/speed"]), COLUMNS, max_size=3)
EXTRA = st.dictionaries(st.sampled_from(["force", "reward", "state", "note", "rewards", "truncations", "touch/left"]), COLUMNS, max_size=3)
STORES = st.tuples(VECTORS | PIXELS | TREES, ACTIONS, INFO, EXTRA, st.lists(st.integers(1, 6), min_size=1, max_size=4), st.integers(0, 2**31))


def rows_of(space, num, rng):
    match space:
        case TreeSpace():
            return {name: rows_of(part, num, rng) for name, part in space.spaces.items()}
        case PixelSpace():
            return rng.integers(256, size=(num, *space.shape), dtype=np.uint8)
        case DiscreteSpace():
            return rng.integers(space.num, size=(num, 1))
    return rng.uniform(-1, 1, (num, space.size)).astype(np.float32)


def write_store(path, drawn):
    observation, action, info, extra, lengths, seed = drawn
    rng = np.random.default_rng(seed)
    with EpisodeWriter(path, Spaces(observation, action)) as writer:
        for num in lengths:
            others = [
                {name: rng.integers(0, 100, (num + 1, *shape)).astype(dtype) for name, (dtype, shape) in columns.items()} for columns in (info, extra)
            ]
            writer.add(rows_of(observation, num + 1, rng), rows_of(action, num, rng), info=others[0], extra=others[1])
    return Episodes.open(path)


def changes(store, back):
    """Columns that are gone, or that have other rows, numbers or kinds of numbers."""
    kinds = {column.name: (column.dtype, column.shape) for column in back.manifest.columns}
    for column in store.manifest.columns:
        same = kinds.get(column.name) == (column.dtype, column.shape)
        padded = column.name == "action"
        if not same or any(
            not np.array_equal(store.column(column.name, number)[: num + 1 - padded], back.column(column.name, number)[: num + 1 - padded])
            for number, num in enumerate(store.lengths)
        ):
            yield column.name


@pytest.mark.parametrize("kind", EXPORTS)
@settings(max_examples=40, deadline=None)
@given(drawn=STORES)
def test_what_changes_on_the_way_is_named(tmp_path_factory, kind, drawn):
    folder = tmp_path_factory.mktemp("trip")
    store = write_store(folder / "logs", drawn)
    exported = export_logs(store, folder / "out-v0", LeRobotExport() if kind == "lerobot" else EXPORTS[kind]())
    back = import_logs(folder / "out-v0", folder / "back").store
    assert back.lengths.tolist() == store.lengths.tolist()
    told = " ".join(exported.losses)
    for name in changes(store, back):
        assert re.search(rf"(?<![\w/]){re.escape(name)}(?![\w/])", told), (name, told, back.column_names)
    assert back.spaces == store.spaces or "ounds" in told or "hoices" in told


@pytest.mark.parametrize("kind", EXPORTS)
def test_an_observation_called_goal_stays_one(tmp_path, kind):
    tree = TreeSpace({"goal": VectorSpace(2), "camera": PixelSpace(8, 8)})
    store = write_store(tmp_path / "logs", (tree, VectorSpace(1), {"reward": ("f4", (1,))}, {}, [3, 2], 0))
    export_logs(store, tmp_path / "out-v0", EXPORTS[kind]())
    assert set(import_logs(tmp_path / "out-v0", tmp_path / "back").store.column_names) >= set(store.column_names)


def test_a_column_that_has_a_name_of_lerobots_own_is_kept(tmp_path):
    store = write_store(tmp_path / "logs", (VectorSpace(2), VectorSpace(1), {}, {"index": ("f4", (1,)), "timestamp": ("f8", (1,))}, [3, 2], 0))
    told = export_logs(store, tmp_path / "out", LeRobotExport()).losses
    back = import_logs(tmp_path / "out", tmp_path / "back").store
    for name in ("index", "timestamp"):
        assert any(sentence.startswith(f"{name} comes back as") for sentence in told) or name in back.column_names
        found = next(other for other in back.column_names if other.endswith(name) and other != "time")
        np.testing.assert_array_equal(back.column(found, 0), store.column(name, 0))
