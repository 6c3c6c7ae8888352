"""Layers that several rooms need."""

from itertools import pairwise

import torch
from jaxtyping import Num
from torch import Tensor, nn

from telos.core.logs import Moments


class Normalization(nn.Module):
    """`(x - mean) / std` over the last axis; the constants are saved with the weights.

    A number that never changes in the logs has no scale of its own: its deviation counts as 1.
    """

    mean: Tensor
    inverse_std: Tensor

    def __init__(self, *, size: int, moments: Moments | None = None) -> None:
        super().__init__()
        mean, std = (
            (torch.tensor(part, dtype=torch.float32) for part in (moments.mean, moments.std)) if moments else (torch.zeros(size), torch.ones(size))
        )
        self.register_buffer("mean", mean)
        self.register_buffer("inverse_std", 1.0 / torch.where(std > 1e-6 * (1.0 + mean.abs()), std, torch.ones_like(std)))

    def forward(self, value: Num[Tensor, "*batch size"]) -> Tensor:
        return (value.to(self.mean.dtype) - self.mean) * self.inverse_std


def perceptron(size_in: int, widths: list[int], size_out: int) -> nn.Sequential:
    """A multilayer perceptron with SiLU between its layers and nothing behind the last."""
    sizes = [size_in, *widths]
    layers = [layer for a, b in pairwise(sizes) for layer in (nn.Linear(a, b), nn.SiLU())]
    return nn.Sequential(*layers, nn.Linear(sizes[-1], size_out))
