"""The shapes in signatures are checked in tests, and cost nothing elsewhere."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from jaxtyping import TypeCheckError

from telos.agent.actor.candidates import take_best
from telos.agent.world_model import MLPPredictorConfig
from telos.core.types import Rollout
from telos.envs import canvas


def test_an_argument_of_another_shape_is_refused():
    with pytest.raises(TypeCheckError, match="energies"):
        take_best(torch.zeros(2, 3, 4, 1), torch.zeros(2, 4), 1)


def test_an_array_of_another_dtype_is_refused():
    with pytest.raises(TypeCheckError, match="grid"):
        canvas.cells(np.zeros((1, 5, 5)), 10)


def test_a_value_of_another_shape_is_refused():
    with pytest.raises(TypeCheckError, match="actions"):
        Rollout(latent=torch.zeros(2, 5, 3), actions=torch.zeros(2, 4, 1))


def test_what_is_checked_can_still_be_captured_as_a_graph():
    predictor = MLPPredictorConfig(width=4).build(latent_size=2, scenery_size=0, action_size=1)
    inputs = torch.ones(3, 2), torch.ones(3, 0), torch.ones(3, 0), torch.ones(3, 1)
    captured = torch.compile(predictor, backend="eager", fullgraph=True)
    torch.testing.assert_close(captured(*inputs), predictor(*inputs))
    with pytest.raises(TypeCheckError, match="latent"):
        predictor(torch.ones(3, 2), torch.ones(3, 0), torch.ones(3, 0), torch.ones(2, 1))


def test_in_use_nothing_is_checked():
    code = "import sys, telos.agent.actor.candidates as c; sys.exit(hasattr(c.take_best, '__wrapped__') or 'beartype' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
