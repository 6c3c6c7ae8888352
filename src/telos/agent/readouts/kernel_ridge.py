"""The readout that learns most from few labels: kernel ridge regression."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from telos.agent.readouts.description import UNMEASURED, AbstractReadoutConfig
from telos.core.errors import ConfigError
from telos.core.products import product
from telos.core.readouts import AbstractReadout, Fidelity


@dataclass(frozen=True, kw_only=True)
class KernelRidgeReadoutConfig(AbstractReadoutConfig):
    """Sizes of the kernel's expansion."""

    num_centres: int = 400
    """Labelled beliefs that a new one is compared with."""

    def __post_init__(self) -> None:
        if self.num_centres < 1:
            raise ConfigError(f"A kernel readout has {self.num_centres} centres.", expected="1 or more")

    def build(self, *, name: str, unit: str = "", size: int, belief_size: int, fidelity: Fidelity = UNMEASURED) -> "KernelRidgeReadout":
        return KernelRidgeReadout(name=name, unit=unit, size=size, belief_size=belief_size, fidelity=fidelity, num_centres=self.num_centres)


class KernelRidgeReadout(AbstractReadout):
    """Reads by comparing a belief with some that were labelled: `sum_i a_i exp(-|z - c_i|^2 / width) + W z + b`, `z` being the belief
    in units of its deviation. The linear part is there because Gaussians say nothing far from their centres.

    Use for a few hundred labels, and to teach a perceptron. Not while planning with a large search: each belief meets every centre.

    Source: Saunders, Gammerman & Vovk (1998), ridge regression in dual variables.
    """

    mean: Tensor
    inverse_std: Tensor
    centres: Tensor
    width: Tensor
    amplitudes: Tensor
    weight: Tensor
    bias: Tensor

    def __init__(self, *, name: str, unit: str = "", size: int, belief_size: int, fidelity: Fidelity = UNMEASURED, num_centres: int = 400) -> None:
        super().__init__()
        self.name, self.unit, self.size, self.fidelity = name, unit, size, fidelity
        shapes = {
            "mean": (belief_size,),
            "inverse_std": (belief_size,),
            "centres": (num_centres, belief_size),
            "width": (),
            "amplitudes": (size, num_centres),
            "weight": (size, belief_size),
            "bias": (size,),
        }
        for key, shape in shapes.items():
            self.register_buffer(key, torch.ones(shape) if key in ("inverse_std", "width") else torch.zeros(shape))

    def forward(self, belief: Float[Tensor, "*batch belief"]) -> Float[Tensor, "*batch size"]:
        scaled = (belief - self.mean) * self.inverse_std
        squares = scaled.square().sum(dim=-1, keepdim=True) + self.centres.square().sum(dim=-1)
        # No root is taken anywhere: the slope is finite at the centres too.
        distances = (squares - 2 * product(scaled, self.centres)).clamp_min(0)
        return product(torch.exp(-distances / self.width), self.amplitudes) + product(scaled, self.weight, self.bias)
