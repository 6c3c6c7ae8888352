"""Episodes that are too long to be held are written piece by piece, to the same bytes."""

import tracemalloc

import numpy as np
import pytest
from data_worlds import PIXELS, TREE, VECTOR, sample
from hypothesis import given, settings
from hypothesis import strategies as st

from telos.core.errors import DataError, SpaceError
from telos.core.logs import map_tree
from telos.data import Episodes, EpisodeWriter


@settings(max_examples=25, deadline=None)
@given(lengths=st.lists(st.integers(1, 12), min_size=1, max_size=4), piece=st.integers(1, 5), spaces=st.sampled_from([PIXELS, VECTOR, TREE]))
def test_pieces_of_any_size_give_the_same_store(tmp_path_factory, lengths, piece, spaces):
    folder, rng = tmp_path_factory.mktemp("pieces"), np.random.default_rng(0)
    with EpisodeWriter(folder / "whole", spaces) as whole, EpisodeWriter(folder / "pieces", spaces) as pieces:
        for num in lengths:
            seen, moved = sample(spaces.observation, num + 1, rng), sample(spaces.action, num, rng)
            state, reward = np.arange(num + 1.0), np.arange(float(num))
            whole.add(seen, moved, info={"state": state}, extra={"reward": reward})
            for start in range(0, num + 1, piece):
                rows = slice(start, start + piece)
                part = map_tree(lambda leaf, rows=rows: leaf[rows], seen)
                pieces.append(part, moved[rows], info={"state": state[rows]}, extra={"reward": reward[rows]})
    stores = [Episodes.open(folder / name, verify=True) for name in ("whole", "pieces")]
    assert stores[0].fingerprint == stores[1].fingerprint and stores[1].lengths.tolist() == lengths


def test_a_refused_piece_takes_its_episode_with_it_and_no_other(tmp_path):
    with EpisodeWriter(tmp_path / "store", VECTOR) as writer:
        writer.add(np.ones((3, 3)), [0, 1])
        writer.append(np.zeros((4, 3)), np.zeros(4))
        with pytest.raises(SpaceError, match="finite"):
            writer.append(np.full((4, 3), np.nan), np.zeros(4))
        writer.append(np.zeros((2, 3)), np.zeros(2))
        writer.drop()
        writer.append(np.full((2, 3), 2.0), np.zeros(2))
        with pytest.raises(DataError, match="begun in pieces"):
            writer.add(np.ones((3, 3)), [0, 1])
        writer.append(np.full((1, 3), 2.0), np.zeros(0))
    store = Episodes.open(tmp_path / "store", verify=True)
    assert store.lengths.tolist() == [2, 2] and store.column("observation", 1).tolist() == [[2.0] * 3] * 3


@pytest.mark.parametrize(
    ("actions", "extra", "words"),
    [
        (np.zeros(2), np.zeros(4), "4 observations and 2 actions"),
        (np.zeros(4), np.zeros(3), "3 rows"),
        (np.zeros(5), np.zeros(4), "4 observations and 5 actions"),
    ],
)
def test_pieces_hold_equally_many_rows_of_everything(tmp_path, actions, extra, words):
    with EpisodeWriter(tmp_path / "store", VECTOR) as writer:
        writer.add(np.ones((3, 3)), [0, 1], extra={"reward": np.zeros(2)})
        with pytest.raises(DataError, match=words):
            writer.append(np.zeros((4, 3)), actions, extra={"reward": extra})


def test_an_episode_without_an_end_is_no_episode(tmp_path):
    writer = EpisodeWriter(tmp_path / "store", VECTOR)
    writer.append(np.zeros((4, 3)), np.zeros(4))
    with pytest.raises(DataError, match="has no end"):
        writer.close()
    assert not list(tmp_path.iterdir())
    with EpisodeWriter(tmp_path / "store", VECTOR) as writer:
        with pytest.raises(DataError, match="is empty"):
            writer.append(np.zeros((1, 3)), np.zeros(0))
        writer.add(np.ones((3, 3)), [0, 1])
    assert Episodes.open(tmp_path / "store").num_episodes == 1


def test_the_callers_arrays_may_be_used_again_at_once(tmp_path):
    """Checksums of large pieces are computed on another thread; the next piece may lie in the same array."""
    frames, rng = np.empty((2000, 8, 8, 3), np.uint8), np.random.default_rng(0)
    with EpisodeWriter(tmp_path / "store", PIXELS) as writer:
        for number in range(12):
            frames[:] = rng.integers(0, 256, frames.shape)
            writer.append(frames, np.zeros((2000 - (number == 11), 2)))
    assert Episodes.open(tmp_path / "store").damage() == []


def test_memory_does_not_grow_with_the_episode(tmp_path):
    frames = np.zeros((500, 8, 8, 3), np.uint8)
    tracemalloc.start()
    with EpisodeWriter(tmp_path / "store", PIXELS) as writer:
        for number in range(400):
            writer.append(frames, np.zeros((500 - (number == 399), 2), np.float32))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert Episodes.open(tmp_path / "store").num_steps == 199_999 and peak < 8 << 20
