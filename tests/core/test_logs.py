"""The time law of logged trajectories."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from telos.core.errors import DataError
from telos.core.logs import Trajectory, Windows, first_leaf, map_tree


@given(observations=st.integers(0, 8), actions=st.integers(0, 8), tree=st.booleans())
def test_there_is_one_observation_more_than_actions(observations, actions, tree):
    seen, done = np.zeros((observations, 3)), np.zeros((actions, 2))
    frames = {"camera": seen, "proprio": seen} if tree else seen
    if observations == actions + 1:
        assert Trajectory(frames, done).num_steps == actions
        windows = map_tree(lambda leaf: torch.from_numpy(leaf)[None], frames)
        assert Windows(windows, torch.from_numpy(done)[None], torch.zeros(1)).num_steps == actions
        return
    with pytest.raises(DataError, match=f"{observations} observations and {actions} actions"):
        Trajectory(frames, done)
    with pytest.raises(DataError, match="one observation more than actions"):
        Windows(map_tree(lambda leaf: leaf[None], frames), done[None], np.zeros(1))


def test_a_function_reaches_every_leaf():
    tree = {"a": np.ones(2), "b": np.zeros(3)}
    assert {name: len(leaf) for name, leaf in map_tree(lambda leaf: leaf[1:], tree).items()} == {"a": 1, "b": 2}
    assert map_tree(len, np.ones(4)) == 4
    assert first_leaf(tree) is tree["a"]
