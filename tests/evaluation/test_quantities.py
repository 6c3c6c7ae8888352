"""Promises about what counts as a quantity, and as which numbers it is read."""

import numpy as np
import pytest

from telos.data import HeldRandomActions, Mixture, Selection, collect
from telos.envs import make_vector_env
from telos.evaluation.probe import true_states_of
from telos.evaluation.quantities import as_read, quantity_names
from telos.evaluation.report.latent_map import _true_quantity


def logs_of(path, **args):
    env = make_vector_env("gym:Pendulum-v1", 2, **args)
    return collect(env, HeldRandomActions(), path, episodes=3, steps=40, seed=0, spaces=env.world.spaces)


@pytest.mark.parametrize(
    "view", [lambda logs: logs, lambda logs: Selection(logs, [2, 0]), lambda logs: Mixture([logs, logs])], ids=["store", "some", "mixed"]
)
def test_an_angle_that_has_wound_around_is_read_as_its_direction(tmp_path, view):
    logs = view(logs_of(tmp_path / "logs"))
    assert logs.unit("info/angle") == "radians" and logs.unit("info/velocity") == ""
    turned = np.array([0.3, 0.3 + 2 * np.pi, 0.3 - 4 * np.pi])
    np.testing.assert_allclose(as_read(logs, "angle", turned), [[np.cos(0.3), np.sin(0.3)]] * 3)
    np.testing.assert_array_equal(as_read(logs, "velocity", turned), turned[:, None])
    states = true_states_of(logs)
    angles = np.concatenate([logs.info("angle", episode) for episode in range(logs.num_episodes)])
    np.testing.assert_allclose(states["angle"], np.stack([np.cos(angles), np.sin(angles)], axis=1))


def test_what_a_clip_remembers_is_no_quantity_of_its_own(tmp_path):
    logs = logs_of(tmp_path / "logs", pixels=16, frames=2)
    assert "before_1_angle" in logs.info_names
    assert quantity_names(logs) == ["angle", "over", "velocity"]


def test_a_map_is_coloured_by_the_direction(tmp_path):
    logs = logs_of(tmp_path / "logs")
    name, values = _true_quantity(logs, np.array([0, 1, 2]), np.array([5, 9, 20]))
    assert name == "angle" and values.shape == (3, 2)
    np.testing.assert_allclose(np.square(values).sum(axis=1), 1)
