"""Every kind of readout keeps the promises that Telos asks of others; readouts that break one are told so."""

import inspect

import pytest
import torch
from torch import nn

from telos.agent import readouts
from telos.agent.readouts import AbstractReadoutConfig, LinearReadout, ReadoutDescription
from telos.core.readouts import Fidelity
from telos.testing import ConformanceError, TrueReadout, check_readout

FIDELITY = Fidelity(error=0.1, floor=1.0, untrained=0.9, step_errors=(0.2, 0.3), step_floors=(0.4, 0.5), num_labels=30)
KINDS = [value for name in readouts.__all__ if issubclass(value := getattr(readouts, name), AbstractReadoutConfig) and not inspect.isabstract(value)]
SIZE = 7


def made(config: AbstractReadoutConfig, size: int) -> tuple[ReadoutDescription, nn.Module]:
    description = ReadoutDescription(kind=config, name="position", unit="m", size=size, belief_size=SIZE, fidelity=FIDELITY, source="a test")
    readout, generator = description.build(), torch.Generator().manual_seed(0)
    readout.load_state_dict({name: torch.rand(value.shape, generator=generator) for name, value in readout.state_dict().items()})
    return description, readout


@pytest.mark.parametrize("size", [1, 3])
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_readout_keeps_its_promises(kind, size):
    description, readout = made(kind(), size)
    check_readout(readout, belief_size=SIZE, description=description)


def test_readouts_that_are_right_keep_them_too():
    check_readout(TrueReadout("velocity"), belief_size=4)


class Wrong(LinearReadout):
    def __init__(self):
        super().__init__(name="position", size=2, belief_size=SIZE)


class MixesBeliefs(Wrong):
    def forward(self, belief):
        return super().forward(belief) - super().forward(belief).mean(dim=0)


class ReadsTooMuch(Wrong):
    def forward(self, belief):
        return torch.cat([super().forward(belief), belief[..., :1]], dim=-1)


class IsRough(Wrong):
    def forward(self, belief):
        return super().forward(belief).detach()


class HasARoot(Wrong):
    def forward(self, belief):
        return super().forward(belief) + belief.norm(dim=-1, keepdim=True).sqrt()


class Draws(Wrong):
    def forward(self, belief):
        return super().forward(belief) + torch.rand(2)


class WritesIntoBeliefs(Wrong):
    def forward(self, belief):
        return super().forward(belief.mul_(0.5) if not belief.requires_grad else belief)


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (MixesBeliefs, "reads the same in every batch"),
        (ReadsTooMuch, r"\[\*batch size\]"),
        (IsRough, "differentiable"),
        (HasARoot, "gradient is finite"),
        (Draws, "the same twice"),
        (WritesIntoBeliefs, "altered in place"),
    ],
)
def test_a_readout_that_breaks_a_promise_is_told_which(kind, said):
    with pytest.raises(ConformanceError, match=said):
        check_readout(kind(), belief_size=SIZE)


def test_a_readout_that_forgets_a_weight_when_it_is_saved_is_told():
    description, readout = made(KINDS[1](), 2)
    readout.shift = torch.rand(2)
    readout.forward = lambda belief, inner=readout.forward: inner(belief) + readout.shift
    with pytest.raises(ConformanceError, match="after being saved and loaded"):
        check_readout(readout, belief_size=SIZE, description=description)
