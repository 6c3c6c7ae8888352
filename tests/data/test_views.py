"""What selections, splits and mixtures promise."""

import numpy as np
import pytest
from data_worlds import PIXELS, TREE, VECTOR, write_store

from telos.core.errors import ConfigError, DataError, MissingColumnError, SpaceError
from telos.core.logs import first_leaf
from telos.core.spaces import PixelSpace, Spaces, VectorSpace
from telos.data import Mixture, Selection, split


def holds(logs, windows) -> bool:
    """Whether every window is a piece of the episode that it names."""
    num = windows.num_steps
    for row, index in enumerate(windows.episodes):
        episode = logs.episode(int(index))
        pieces = [(first_leaf(episode.observations)[t : t + num + 1], episode.actions[t : t + num]) for t in range(episode.num_steps - num + 1)]
        if not any(np.array_equal(first_leaf(windows.observations)[row], o) and np.array_equal(windows.actions[row], a) for o, a in pieces):
            return False
    return True


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_split_shares_no_episode_and_loses_none(tmp_path, share):
    store = write_store(tmp_path / "store", lengths=[3] * 20)
    train, held_out = split(store, share, seed=3)
    assert not set(train.indices) & set(held_out.indices)
    assert sorted([*train.indices, *held_out.indices]) == list(range(20))
    assert held_out.num_episodes == round(20 * share)
    assert split(store, share, seed=3)[0].fingerprint == train.fingerprint
    assert split(store, share, seed=4)[0].fingerprint != train.fingerprint


def test_a_split_leaves_one_episode_on_either_side(tmp_path):
    train, held_out = split(write_store(tmp_path / "store", lengths=[3, 3]), 0.01)
    assert (train.num_episodes, held_out.num_episodes) == (1, 1)
    with pytest.raises(DataError, match="at least two"):
        split(write_store(tmp_path / "one", lengths=[3]))
    for share in (0, 1, -1, 2, float("nan")):
        with pytest.raises(ConfigError):
            split(train, share)


@pytest.mark.parametrize("spaces", [PIXELS, VECTOR, TREE])
@pytest.mark.parametrize("per_episode", [1, 2])
def test_windows_of_views_are_pieces_of_the_episodes_they_name(tmp_path, spaces, per_episode):
    one, two = write_store(tmp_path / "one", spaces), write_store(tmp_path / "two", spaces, lengths=(6, 7), seed=1)
    mixture = Mixture([one, Selection(two, [1, 0]), one])
    for logs in (Selection(one, [2, 0]), mixture, Selection(mixture, [5, 0, 9])):
        windows = logs.windows(np.random.default_rng(0), 40, 3, per_episode=per_episode)
        assert holds(logs, windows)
        assert set(windows.episodes) == set(np.flatnonzero(logs.lengths >= 3))


def test_a_mixture_counts_its_episodes_through(tmp_path):
    one, two = write_store(tmp_path / "one"), write_store(tmp_path / "two", lengths=(6, 7), seed=1)
    mixture = Mixture([one, two])
    assert mixture.lengths.tolist() == [5, 1, 9, 4, 6, 7]
    np.testing.assert_array_equal(mixture.episode(5).actions, two.episode(1).actions)
    np.testing.assert_array_equal(mixture.info("row", 4), np.arange(7))
    assert mixture.fingerprint != Mixture([two, one]).fingerprint
    actions = np.concatenate([mixture.episode(index).actions for index in range(6)])
    assert mixture.moments("action").mean == pytest.approx(tuple(actions.mean(0, dtype=np.float64)))


def test_a_mixture_draws_every_window_alike(tmp_path):
    one, two = write_store(tmp_path / "one", lengths=[10]), write_store(tmp_path / "two", lengths=[30])
    windows = Mixture([one, two]).windows(np.random.default_rng(0), 20_000, 1)
    assert windows.episodes.mean() == pytest.approx(0.75, abs=0.02)


def test_a_mixture_names_what_differs(tmp_path):
    one = write_store(tmp_path / "one")
    two = write_store(tmp_path / "two", Spaces(PixelSpace(8, 9), PIXELS.action))
    with pytest.raises(SpaceError, match="observation width is 8 in one and 9 in the other"):
        Mixture([one, two])
    with pytest.raises(SpaceError, match="action high"):
        Mixture([one, write_store(tmp_path / "three", Spaces(PixelSpace(8, 8), VectorSpace(2)))])
    with pytest.raises(DataError):
        Mixture([])


def test_a_selection_refuses_what_is_not_there(tmp_path):
    store = write_store(tmp_path / "store")
    for indices in ([], [4], [-1], [1, 1], [[0]]):
        with pytest.raises(DataError):
            Selection(store, indices)
    selection = Selection(store, [2])
    assert selection.info("row", 0).tolist() == list(range(10))
    for call in (selection.episode, lambda index: selection.info("row", index)):
        with pytest.raises(DataError, match="no episode"):
            call(1)
    with pytest.raises(MissingColumnError):
        Mixture([selection, store]).info("nothing", 0)
