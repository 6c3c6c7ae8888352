"""How wrong a guardrail's value is imagined, on held-out logs."""

import numpy as np
import pytest
import torch
from tiny_runs import collect_logs

from telos.agent.guardrails import Box, Limit, StayInside
from telos.core.errors import DataError, MissingColumnError
from telos.core.readouts import Knowledge
from telos.data import Episodes
from telos.envs import PointMass
from telos.teaching.calibration import OpenLoopErrors, open_loop_errors
from telos.testing import TruePointMass
from telos.testing.true_readouts import TrueReadout, true_knowledge

BOX = StayInside(quantity="position", region=Box(low=(0.1, 0.1), high=(0.9, 0.9)))
SPEED = Limit(quantity="velocity", most=0.5, of="size")


@pytest.fixture(scope="module")
def logs(tmp_path_factory):
    return Episodes.open(collect_logs(tmp_path_factory.mktemp("logs") / "point-mass", episodes=12, steps=15))


class Shifted(TrueReadout):
    """Reads a place that lies to the left of the true one."""

    def forward(self, belief):
        return super().forward(belief) - torch.tensor([0.05, 0.0])


def test_a_model_that_is_right_makes_no_errors(logs):
    errors = open_loop_errors(true_knowledge(), {"box": BOX, "speed": SPEED}, logs, horizon=6)
    for found in errors.values():
        assert len(found.errors) == 12 and found.horizon == 6
        # Stores keep half the digits.
        assert np.abs(found.errors).max() < 1e-5


def test_a_readout_that_is_off_by_so_much_is_found_out(logs):
    knowledge = Knowledge(world_model=TruePointMass(), readouts={"position": Shifted("position")})
    right = StayInside(quantity="position", region=Box(low=(None, None), high=(0.9, None)))
    errors = open_loop_errors(knowledge, {"box": right}, logs, horizon=3)["box"]
    np.testing.assert_allclose(errors.errors, 0.05, atol=1e-5)


def test_a_model_of_another_world_is_wrong_the_more_the_farther_it_looks(logs):
    slow = true_knowledge(PointMass(damping=2.0))
    near, far = (open_loop_errors(slow, {"speed": SPEED}, logs, horizon=horizon)["speed"] for horizon in (1, 6))
    assert (far.errors >= near.errors - 1e-9).all() and np.median(far.errors) > 2 * np.median(near.errors)


def test_ways_that_are_broken_already_are_of_no_account(logs):
    """At the walls, outside of the box, a model without walls would be far off."""
    everything = open_loop_errors(true_knowledge(PointMass(damping=2.0)), {"speed": SPEED}, logs, horizon=6)["speed"]
    inside = open_loop_errors(true_knowledge(PointMass(damping=2.0)), {"speed": SPEED, "box": BOX}, logs, horizon=6)["speed"]
    assert (inside.errors <= everything.errors + 1e-9).all() and (inside.errors < everything.errors - 1e-6).any()


def test_the_quantile_counts_the_episode_to_come_and_too_few_logs_are_refused():
    errors = OpenLoopErrors(np.arange(1, 100) / 100, 3)
    assert errors.quantile(0.01) == pytest.approx(0.99) and errors.quantile(0.1) == pytest.approx(0.9)
    few = OpenLoopErrors(np.arange(1, 31) / 100, 3)
    with pytest.raises(DataError, match=r"30 held-out episodes bound no error at alpha = 0\.01") as refused:
        few.quantile(0.01)
    assert "99 or more: 69 more" in str(refused.value)
    assert few.scale(0.01) == pytest.approx(0.3) and few.quantile(0.05) == pytest.approx(0.3)
    assert OpenLoopErrors(np.full(20, -1.0), 3).quantile(0.1) == 0, "a margin never weakens a guardrail"


def test_a_quantity_that_the_logs_do_not_tell_is_named(logs):
    with pytest.raises(MissingColumnError, match="do not tell the true 'force'"):
        open_loop_errors(true_knowledge(), {"push": Limit(quantity="force", most=1.0)}, logs, horizon=2)
