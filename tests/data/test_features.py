"""The promise: features are computed once, whatever happens on the way, and training reads them in place of pictures."""

import numpy as np
import pytest
import tiny_runs

from telos.core.errors import DataError, MissingColumnError
from telos.core.spaces import TreeSpace, VectorSpace
from telos.data import Episodes, split
from telos.data.features import CHUNK, FeatureSource, feature_folder, with_features

SIZE = 5


class Interruption(BaseException):
    """Not an `Exception`: nobody may catch it."""


class Counting:
    """Means over parts of the picture; counts the pictures that it was shown, and may be killed on the way."""

    def __init__(self, stop_after: int | None = None) -> None:
        self.seen, self.stop_after = 0, stop_after

    def __call__(self, pictures: np.ndarray) -> np.ndarray:
        if self.stop_after is not None and self.seen >= self.stop_after:
            raise Interruption
        self.seen += len(pictures)
        return features_of(pictures)


def features_of(pictures: np.ndarray) -> np.ndarray:
    flat = pictures.reshape(len(pictures), -1)[:, :750].reshape(len(pictures), SIZE, -1)
    return flat.mean(axis=2).astype(np.float16)


@pytest.fixture
def store(tmp_path):
    return Episodes.open(tiny_runs.collect_logs(tmp_path / "logs", "two-rooms", episodes=20, size=16))


def sources(compute, key: str = "a"):
    return {"observation": FeatureSource(key=key, size=SIZE, compute=compute)}


def test_pictures_become_vectors_and_everything_else_stays(store):
    seen = with_features(store, sources(features_of))
    assert seen.spaces.observation == VectorSpace(SIZE) and seen.spaces.action == store.spaces.action
    assert seen.lengths.tolist() == store.lengths.tolist()
    np.testing.assert_array_equal(seen.episode(7).observations, features_of(store.episode(7).observations))
    np.testing.assert_array_equal(seen.episode(7).actions, store.episode(7).actions)
    np.testing.assert_array_equal(seen.info("position", 7), store.info("position", 7))
    with pytest.raises(MissingColumnError):
        seen.rows("nothing")


def test_windows_and_splits_are_those_of_the_pictures(store):
    seen = with_features(store, sources(features_of))
    plain, ours = (split(logs, held_out=0.2, seed=3)[0].windows(np.random.default_rng(0), 6, 4) for logs in (store, seen))
    np.testing.assert_array_equal(ours.actions, plain.actions)
    np.testing.assert_array_equal(ours.observations, features_of(plain.observations.reshape(30, 16, 16, 3)).reshape(6, 5, SIZE))


def test_moments_are_those_of_the_features(store):
    seen = with_features(store, sources(features_of))
    every = features_of(store.rows("observation")).astype(np.float64)
    np.testing.assert_allclose(seen.moments("observation").mean, every.mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(seen.moments("observation").std, every.std(axis=0), rtol=1e-6)


def test_nothing_is_computed_twice(store):
    compute = Counting()
    for _ in range(2):
        with_features(store, sources(compute))
    assert compute.seen == store.num_rows


def test_another_source_and_other_logs_have_features_of_their_own(store, tmp_path):
    compute = Counting()
    with_features(store, sources(compute))
    with_features(store, sources(compute, key="b"))
    other = Episodes.open(tiny_runs.collect_logs(tmp_path / "other", "two-rooms", episodes=20, size=16, seed=1))
    with_features(other, sources(compute))
    assert compute.seen == 2 * store.num_rows + other.num_rows


@pytest.mark.parametrize("after", [0, CHUNK, 3 * CHUNK])
def test_what_was_interrupted_goes_on_where_it_stopped_and_ends_the_same(store, after):
    with pytest.raises(Interruption):
        with_features(store, sources(Counting(stop_after=after)))
    assert not [file for file in feature_folder(store).iterdir() if not file.name.startswith(".")], "nothing half done has a name"
    compute = Counting()
    seen = with_features(store, sources(compute))
    assert compute.seen == store.num_rows - after
    np.testing.assert_array_equal(seen.rows("observation"), features_of(store.rows("observation")))


def test_a_row_that_was_cut_in_half_is_computed_again(store):
    with pytest.raises(Interruption):
        with_features(store, sources(Counting(stop_after=2 * CHUNK)))
    (partial,) = feature_folder(store).iterdir()
    partial.write_bytes(partial.read_bytes()[:-3])
    compute = Counting()
    seen = with_features(store, sources(compute))
    assert compute.seen == store.num_rows - CHUNK
    np.testing.assert_array_equal(seen.rows("observation"), features_of(store.rows("observation")))


def test_a_file_that_lost_its_end_is_made_again(store):
    with_features(store, sources(features_of))
    (file,) = feature_folder(store).iterdir()
    file.write_bytes(file.read_bytes()[:-2])
    seen = with_features(store, sources(features_of))
    np.testing.assert_array_equal(seen.rows("observation"), features_of(store.rows("observation")))


def test_features_that_are_no_numbers_are_refused_by_the_picture(store):
    def broken(pictures: np.ndarray) -> np.ndarray:
        rows = features_of(pictures)
        rows[3, 2] = np.inf
        return rows

    with pytest.raises(DataError, match="A feature of picture 3 is no finite number of 16 bits"):
        with_features(store, sources(broken))


def test_a_folder_that_cannot_be_written_says_so_and_another_one_may_be_named(store, tmp_path, monkeypatch):
    feature_folder(store).write_text("a file where the folder should be")
    with pytest.raises(DataError, match=r"Features cannot be kept in .*logs\.features"):
        with_features(store, sources(features_of))
    monkeypatch.setenv("TELOS_CACHE", str(tmp_path / "elsewhere"))
    seen = with_features(store, sources(features_of))
    assert len(list((tmp_path / "elsewhere/features").iterdir())) == 1 and seen.num_rows == store.num_rows


def test_of_a_tree_the_named_part_becomes_a_vector(tmp_path):
    store = Episodes.open(tiny_runs.walk_logs(tmp_path / "logs", tiny_runs.TREE))
    seen = with_features(store, {"observation/camera": FeatureSource(key="a", size=SIZE, compute=features_of)})
    assert seen.spaces.observation == TreeSpace({"camera": VectorSpace(SIZE), "proprio": VectorSpace(3)})
    ours, plain = seen.episode(2).observations, store.episode(2).observations
    np.testing.assert_array_equal(ours["camera"], features_of(plain["camera"]))
    np.testing.assert_array_equal(ours["proprio"], plain["proprio"])


def test_progress_runs_from_its_beginning_to_its_end(store):
    seen = []
    with_features(store, sources(features_of), lambda done, total: seen.append((done, total)))
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert seen[-1] == (store.num_rows, store.num_rows) and len(seen) > 2
