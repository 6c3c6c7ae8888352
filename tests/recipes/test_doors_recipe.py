"""Promises of the recipe for worlds with doors."""

import pytest

from telos.data import HeldRandomActions, collect
from telos.envs import FourRooms, make_vector_env
from telos.recipes import doors, far


@pytest.fixture(scope="module")
def logs(tmp_path_factory):
    env = make_vector_env("four-rooms", 32)
    out = tmp_path_factory.mktemp("logs") / "four-rooms"
    return collect(env, HeldRandomActions(), out, episodes=96, steps=20, seed=0, spaces=FourRooms().spaces)


def test_doors_are_never_scenery_that_critics_of_time_would_not_see(logs):
    model = doors(logs).world_model
    assert model.scenery_size == 0
    assert model.latent_size < far(logs).world_model.latent_size


def test_windows_are_no_longer_than_logs(logs):
    assert doors(logs).curriculum.phases[0].window == 12
    for phase in doors(logs).curriculum.phases:
        assert phase.window <= 20


def test_dynamics_are_learned_as_in_the_recipe_far(logs):
    assert doors(logs).curriculum.phases[1:] == far(logs).curriculum.phases[1:]
    assert doors(logs).agent.planner.horizon > far(logs).agent.planner.horizon
