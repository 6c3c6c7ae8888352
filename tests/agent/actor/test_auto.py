import json

import pytest

from telos.agent.actor import CEM, MPPI, CategoricalCEM, RandomShooting, choose_planner, choose_planner_for
from telos.core import config
from telos.core.errors import RunError
from telos.core.run import Run
from telos.core.spaces import DiscreteSpace, VectorSpace
from telos.testing import check_planner

BOUNDED, CHOICES, UNBOUNDED = VectorSpace(2, (-1, -1), (1, 1)), DiscreteSpace(4), VectorSpace(2)
MEASURED = CEM(horizon=7, num_candidates=32, num_iterations=3, num_elites=4)


def keep(folder, planner=MEASURED, knee=1) -> Run:
    """A run of which something was measured."""
    rows = [{"planner": config.to_json(RandomShooting())}, {"planner": config.to_json(planner)}]
    (folder / "planners.json").write_text(json.dumps({"rows": rows, "knee": knee}))
    return Run(folder)


@pytest.mark.parametrize("space", [BOUNDED, CHOICES, VectorSpace(1, (0.0,), (4.0,))], ids=lambda space: space.describe())
def test_what_is_chosen_can_search_the_actions(space):
    assert choose_planner(space, horizon=8).supports(space)


@pytest.mark.parametrize("space", [BOUNDED, CHOICES], ids=["numbers", "choices"])
def test_what_is_chosen_keeps_the_promises_of_every_planner(space):
    check_planner(choose_planner(space, horizon=8))


def test_a_model_of_unbounded_actions_has_a_planner_though_none_can_search_them():
    assert not choose_planner(UNBOUNDED, horizon=8).supports(UNBOUNDED)


def test_it_looks_as_far_ahead_and_as_smoothly_as_it_is_told():
    planner = choose_planner(BOUNDED, horizon=9, noise_exponent=2.0)
    assert isinstance(planner, MPPI) and (planner.horizon, planner.noise_exponent) == (9, 2.0)
    assert choose_planner(CHOICES, horizon=9).horizon == 9


@pytest.mark.parametrize(("space", "like"), [(BOUNDED, MPPI(horizon=9, noise_exponent=2.0)), (CHOICES, CategoricalCEM(horizon=9))], ids=str)
def test_without_measurements_it_is_the_published_knee_with_the_recipes_horizon(tmp_path, space, like):
    choice = choose_planner_for(Run(tmp_path), space, like)
    assert choice.planner == choose_planner(space, horizon=9, noise_exponent=2.0)
    assert "published" in choice.describe()


def test_what_was_measured_for_the_run_goes_first(tmp_path):
    choice = choose_planner_for(keep(tmp_path), BOUNDED, MPPI(horizon=9))
    assert choice.planner == MEASURED
    assert choice.describe() == "cem 32 x 3, the knee that was measured for this run (planners.json)"


def test_measurements_without_a_knee_leave_the_published_one(tmp_path):
    assert isinstance(choose_planner_for(keep(tmp_path, knee=None), BOUNDED, MPPI(horizon=9)).planner, MPPI)


@pytest.mark.parametrize("content", ["{}", '{"knee": 0}', '{"knee": 5, "rows": []}', '{"knee": 0, "rows": [{"planner": 3}]}', "[", "[]"])
def test_damaged_measurements_are_named(tmp_path, content):
    (tmp_path / "planners.json").write_text(content)
    with pytest.raises(RunError, match=r"planners\.json is damaged"):
        choose_planner_for(Run(tmp_path), BOUNDED, MPPI())
