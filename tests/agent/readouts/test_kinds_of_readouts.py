"""Readouts compute what their formulas say."""

import numpy as np
import pytest
import torch

from telos.agent.readouts import (
    KernelRidgeReadoutConfig,
    LinearReadoutConfig,
    PerceptronReadoutConfig,
    ReadoutDescription,
)
from telos.core.errors import ConfigError
from telos.core.readouts import Fidelity, check_readable

SIZES = {"name": "position", "unit": "m", "size": 2, "belief_size": 5}


def filled(config):
    readout, generator = config.build(**SIZES), torch.Generator().manual_seed(0)
    readout.load_state_dict({name: torch.rand(value.shape, generator=generator) + 0.1 for name, value in readout.state_dict().items()})
    return readout.requires_grad_(False)


def test_a_kernel_readout_is_the_sum_that_its_docstring_writes():
    readout = filled(KernelRidgeReadoutConfig(num_centres=7))
    parts = {name: value.double().numpy() for name, value in readout.state_dict().items()}
    beliefs = np.random.default_rng(0).normal(size=(11, 5))
    scaled = (beliefs - parts["mean"]) * parts["inverse_std"]
    expected = scaled @ parts["weight"].T + parts["bias"]
    for centre, amplitude in zip(parts["centres"], parts["amplitudes"].T):
        expected += np.exp(-np.square(scaled - centre).sum(1, keepdims=True) / parts["width"]) * amplitude
    assert np.allclose(readout(torch.from_numpy(beliefs).float()).numpy(), expected, atol=1e-4)


def test_a_linear_readout_is_a_weighted_sum():
    readout = filled(LinearReadoutConfig())
    beliefs = torch.randn(4, 5)
    assert torch.allclose(readout(beliefs), beliefs @ readout.map.weight.T + readout.map.bias, atol=1e-6)


@pytest.mark.parametrize("rows", [1, 4000])
def test_a_perceptron_reads_the_same_whatever_library_multiplies(rows):
    """Many rows go through other kernels than few."""
    readout = filled(PerceptronReadoutConfig(widths=(64, 64)))
    beliefs = torch.randn(4000, 5)
    assert torch.allclose(readout(beliefs)[:rows], readout(beliefs[:rows]), rtol=1e-4, atol=1e-4)


def test_a_readout_that_nobody_measured_cannot_carry_a_guardrail():
    with pytest.raises(ConfigError, match=r"'position' cannot carry a guardrail: nobody has measured"):
        check_readable(filled(LinearReadoutConfig()))


def test_only_a_quantity_that_can_be_read_carries_a_guardrail():
    readout = filled(LinearReadoutConfig())
    readout.fidelity = Fidelity(error=0.1, floor=1.0, untrained=1.0)
    check_readable(readout)
    readout.fidelity = Fidelity(error=0.9, floor=1.0, untrained=1.0, readable=False, why="it is mere noise.")
    with pytest.raises(ConfigError, match="it is mere noise"):
        check_readable(readout)


@pytest.mark.parametrize(
    "make",
    [
        lambda: KernelRidgeReadoutConfig(num_centres=0),
        lambda: PerceptronReadoutConfig(widths=()),
        lambda: PerceptronReadoutConfig(widths=(8, 0)),
        lambda: ReadoutDescription(
            kind=LinearReadoutConfig(), name="x", unit="", size=0, belief_size=3, fidelity=Fidelity(error=0, floor=1, untrained=1)
        ),
    ],
)
def test_sizes_out_of_range_are_refused(make):
    with pytest.raises(ConfigError):
        make()
