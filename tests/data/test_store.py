"""What the native store promises."""

import time

import numpy as np
import pytest
from data_worlds import PIXELS, TREE, VECTOR, sample, write_store
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from telos.core.errors import ConfigError, DataError, EpisodeTooShortError, MissingColumnError, SpaceError
from telos.core.logs import first_leaf
from telos.core.spaces import PixelSpace, Spaces, VectorSpace
from telos.data import Episodes, EpisodeWriter

SPACES = {"pixels": PIXELS, "vector": VECTOR, "tree": TREE}


@pytest.fixture(params=SPACES)
def store(request, tmp_path):
    return write_store(tmp_path / "store", SPACES[request.param], lengths=(5, 1, 9, 4))


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(kind=st.sampled_from(sorted(SPACES)), lengths=st.lists(st.integers(1, 12), min_size=1, max_size=6), seed=st.integers(0, 1000))
def test_what_is_written_is_read_back(tmp_path_factory, kind, lengths, seed):
    path, spaces, rng = tmp_path_factory.mktemp("round") / "store", SPACES[kind], np.random.default_rng(seed)
    written = [
        (sample(spaces.observation, length + 1, rng), sample(spaces.action, length, rng), rng.normal(size=(length + 1, 2))) for length in lengths
    ]
    with EpisodeWriter(path, spaces, seed=seed, metadata={"who": "me"}) as writer:
        for observations, actions, truth in written:
            writer.add(observations, actions, info={"truth": truth}, extra={"reward": truth[:-1, 0]})
    store = Episodes.open(path, verify=True)
    assert (store.spaces, store.seed, store.metadata, store.lengths.tolist()) == (spaces, seed, {"who": "me"}, lengths)
    for index, (observations, actions, truth) in enumerate(written):
        episode = store.episode(index)
        for found, expected in zip(leaves(episode.observations), leaves(observations), strict=True):
            np.testing.assert_array_equal(found, expected)
        np.testing.assert_array_equal(episode.actions, actions)
        np.testing.assert_array_equal(store.info("truth", index), truth)
        np.testing.assert_array_equal(store.column("reward", index)[:-1], truth[:-1, 0])


def leaves(tree):
    return list(tree.values()) if isinstance(tree, dict) else [tree]


@pytest.mark.parametrize("per_episode", [1, 3])
def test_windows_are_slices_of_their_episodes(store, per_episode):
    windows = store.windows(np.random.default_rng(0), 60, 3, per_episode=per_episode)
    for row, index in enumerate(windows.episodes):
        episode = store.episode(index)
        parts = [*leaves(episode.observations), episode.actions]
        found = [leaf[row] for leaf in (*leaves(windows.observations), windows.actions)]
        starts = range(episode.num_steps - 2)
        assert any(all(np.array_equal(left, right[t : t + len(left)]) for left, right in zip(found, parts, strict=True)) for t in starts)


@pytest.mark.parametrize("per_episode", [1, 4])
def test_every_window_is_equally_likely_and_none_crosses_an_end(tmp_path, per_episode):
    spaces = Spaces(VectorSpace(1), VectorSpace(1))
    with EpisodeWriter(tmp_path / "store", spaces) as writer:
        for first, length in ((0, 4), (100, 2), (200, 1), (300, 9)):
            writer.add(np.arange(first, first + length + 1)[:, None], np.ones((length, 1)))
    windows = Episodes.open(tmp_path / "store").windows(np.random.default_rng(0), 120_000, 2, per_episode=per_episode)
    values, counts = np.unique(windows.observations[:, 0, 0], return_counts=True)
    assert values.tolist() == [0, 1, 2, 100, *range(300, 308)]
    np.testing.assert_allclose(counts, 10_000, rtol=0.06)
    assert (np.diff(windows.observations[..., 0]) == 1).all()
    assert (windows.actions == 1).all(), "the padding reached a window"


def test_windows_of_one_episode_lie_side_by_side(store):
    windows = store.windows(np.random.default_rng(0), 12, 2, per_episode=4)
    assert all(len(set(group)) == 1 for group in windows.episodes.reshape(3, 4))


def test_the_same_generator_gives_the_same_windows(store):
    one, two = (store.windows(np.random.default_rng(5), 8, 2) for _ in range(2))
    np.testing.assert_array_equal(one.actions, two.actions)
    np.testing.assert_array_equal(one.episodes, two.episodes)


def test_the_true_state_never_reaches_windows_or_episodes(store):
    observation = store.spaces.observation
    parts = set(getattr(observation, "spaces", {}))
    for holder in (store.episode(0), store.windows(np.random.default_rng(0), 4, 2)):
        assert set(holder.observations) == parts if parts else isinstance(holder.observations, np.ndarray)
        assert not hasattr(holder, "info")
    assert store.info_names == ("row",)
    assert store.info("row", 2).tolist() == list(range(10))
    with pytest.raises(MissingColumnError, match="info/speed"):
        store.info("speed", 0)


def test_nothing_in_the_store_can_be_written_by_accident(store):
    with pytest.raises(ValueError, match="read-only"):
        first_leaf(store.episode(0).observations)[:] = 0
    with pytest.raises(ValueError, match="read-only"):
        store.lengths[0] = 3


def test_windows_say_what_is_impossible(store):
    rng = np.random.default_rng(0)
    with pytest.raises(EpisodeTooShortError, match="longest has 9"):
        store.windows(rng, 4, 10)
    for bad in ((0, 1, 1), (4, 0, 1), (4, 1, 3)):
        with pytest.raises(ConfigError):
            store.windows(rng, bad[0], bad[1], per_episode=bad[2])
    for index in (-1, 4):
        with pytest.raises(DataError, match="no episode"):
            store.episode(index)


def test_moments_are_those_of_all_rows_without_the_padding(store):
    actions = np.concatenate([store.episode(index).actions for index in range(4)]).astype(np.float64)
    found = store.moments("action")
    np.testing.assert_allclose(found.mean, actions.mean(0), atol=1e-12)
    np.testing.assert_allclose(found.std, actions.std(0), atol=1e-12)
    for name in store.column_names:
        if name.startswith("observation"):
            rows = np.concatenate([store.column(name, index) for index in range(4)]).astype(np.float64)
            axes = tuple(range(rows.ndim - 1))
            np.testing.assert_allclose(store.moments(name).mean, rows.mean(axes), rtol=1e-12)
            np.testing.assert_allclose(store.moments(name).std, rows.std(axes), rtol=1e-12)
    with pytest.raises(MissingColumnError):
        store.moments("info/row")


def test_moments_keep_their_digits_far_from_zero(tmp_path):
    values = 1e6 + np.arange(2000.0).reshape(-1, 1) % 2
    with EpisodeWriter(tmp_path / "store", Spaces(VectorSpace(1), VectorSpace(1))) as writer:
        writer.add(values, values[1:])
    assert Episodes.open(tmp_path / "store").moments("observation").std == pytest.approx((0.5,), rel=1e-9)


def test_the_fingerprint_follows_the_data_and_nothing_else(tmp_path):
    same = [write_store(tmp_path / name, metadata={"name": name}) for name in ("a", "b")]
    assert same[0].fingerprint == same[1].fingerprint
    assert write_store(tmp_path / "c", seed=1).fingerprint != same[0].fingerprint
    assert write_store(tmp_path / "d", lengths=(5, 1, 4, 9)).fingerprint != same[0].fingerprint


@pytest.mark.parametrize(
    ("observations", "actions", "error", "words"),
    [
        (np.zeros((4, 3)), np.zeros((4, 1)), DataError, "one observation more"),
        (np.zeros((1, 3)), np.zeros((0, 1)), DataError, "empty"),
        (np.zeros((4, 2)), np.zeros((3, 1)), SpaceError, "shape"),
        (np.zeros((1, 4, 3)), np.zeros((3, 1)), SpaceError, "shape"),
        (np.full((4, 3), np.nan), np.zeros((3, 1)), SpaceError, "finite"),
        (np.full((4, 3), 1e300), np.zeros((3, 1)), SpaceError, "too large"),
        (np.zeros((4, 3)), np.full((3, 1), 4), SpaceError, "0 to 3"),
        (np.zeros((4, 3)), np.full((3, 1), 0.5), SpaceError, "whole"),
        (np.full((4, 3), "x"), np.zeros((3, 1)), SpaceError, "numbers"),
        ([[1, 2], [3]], np.zeros((3, 1)), SpaceError, "ragged"),
        (None, None, SpaceError, "numbers"),
        ({"a": np.zeros((4, 3))}, np.zeros((3, 1)), SpaceError, "numbers"),
    ],
)
def test_the_writer_refuses_what_cannot_be_and_goes_on(tmp_path, observations, actions, error, words):
    with EpisodeWriter(tmp_path / "store", VECTOR) as writer:
        with pytest.raises(error, match=words):
            writer.add(observations, actions)
        writer.add(np.ones((3, 3)), np.array([0, 3]))
    assert Episodes.open(tmp_path / "store", verify=True).lengths.tolist() == [2]


@pytest.mark.parametrize(
    ("info", "extra"),
    [
        ({}, {}),
        ({"a": np.zeros(3)}, {}),
        ({"a": np.zeros((4, 2))}, {}),
        ({"a": np.zeros(4, np.float32)}, {}),
        ({"b": np.zeros(4)}, {}),
        ({"a": np.array(["x"] * 4)}, {}),
        ({"a": np.zeros(4)}, {"observation/x": np.zeros(4)}),
        ({"a": np.zeros(4)}, {"../x": np.zeros(4)}),
        ({"a": np.zeros((4, 0))}, {}),
        ({"a": 1}, {}),
    ],
)
def test_every_episode_has_the_columns_of_the_first(tmp_path, info, extra):
    with EpisodeWriter(tmp_path / "store", VECTOR) as writer:
        writer.add(np.ones((3, 3)), np.array([0, 3]), info={"a": np.zeros(3)})
        with pytest.raises(DataError):
            writer.add(np.ones((4, 3)), np.zeros(3), info=info, extra=extra)
    assert Episodes.open(tmp_path / "store", verify=True).lengths.tolist() == [2]


def test_the_description_of_a_store_must_be_json(tmp_path):
    for bad in ({"a": object()}, {"a": float("nan")}):
        with pytest.raises(DataError, match="description"):
            EpisodeWriter(tmp_path / "store", VECTOR, metadata=bad)
    assert not list(tmp_path.iterdir())


def test_units_are_kept(tmp_path):
    store = write_store(tmp_path / "store", units={"action": "m/s"})
    assert {column.name: column.unit for column in store.manifest.columns}["action"] == "m/s"


def test_the_loader_draws_100_000_windows_a_second(tmp_path):
    store = write_store(tmp_path / "store", Spaces(PixelSpace(64, 64), VectorSpace(2)), lengths=[100] * 30)
    rng = np.random.default_rng(0)

    def speed():
        start = time.process_time()
        for _ in range(120):
            store.windows(rng, 128, 3)
        return 120 * 128 / (time.process_time() - start)

    assert max(speed() for _ in range(6)) > 100_000
