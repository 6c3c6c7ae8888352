"""Layers that several rooms need."""

from itertools import pairwise
from typing import Literal

import torch
from jaxtyping import Float, Num, UInt8
from torch import Tensor, nn

from telos.core.batch_norm import BatchNorm
from telos.core.logs import Moments
from telos.core.products import product


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
        if value.dtype == torch.uint8 and value.ndim > 2 and not torch.compiler.is_compiling():
            return self._pictures(value)
        return (value.to(self.mean.dtype) - self.mean) * self.inverse_std

    def _pictures(self, value: UInt8[Tensor, "*batch pixels size"]) -> Float[Tensor, "*batch pixels size"]:
        """The same numbers 14 times as fast: row by row, for an axis of three channels is too short for the processor's vectors."""
        num = value.shape[-2]
        numbers = value.flatten(-2).to(self.mean.dtype)
        return numbers.sub_(self.mean.repeat(num)).mul_(self.inverse_std.repeat(num)).unflatten(-1, (num, -1))


class Linear(nn.Linear):
    """`nn.Linear` with the products of `telos.core.products`: the same weights and numbers, often twice as fast on a CPU."""

    def forward(self, input: Float[Tensor, "*batch size_in"]) -> Float[Tensor, "*batch size_out"]:
        return product(input, self.weight, self.bias)


class Perceptron(nn.Sequential):
    """A multilayer perceptron with SiLU between its layers and nothing behind the last."""

    def __init__(self, size_in: int, widths: list[int], size_out: int) -> None:
        layers = [layer for a, b in pairwise([size_in, *widths]) for layer in (Linear(a, b), nn.SiLU())]
        super().__init__(*layers, Linear([size_in, *widths][-1], size_out))

    def forward(self, input: Float[Tensor, "*batch size_in"]) -> Float[Tensor, "*batch size_out"]:
        *hidden, last = (layer for layer in self if isinstance(layer, Linear))
        for layer in hidden:
            input = product(input, layer.weight, layer.bias, activation="silu")
        return last(input)


def projection_head(size_in: int, hidden: int, size_out: int, *, norm: Literal["batch", "layer", "none"] = "batch") -> nn.Sequential:
    """Linear, normalisation, GELU, linear: what joint-embedding architectures put between a network and its latents."""
    between = {"batch": BatchNorm, "layer": nn.LayerNorm, "none": nn.Identity}[norm]
    return nn.Sequential(Linear(size_in, hidden), between(hidden), nn.GELU(), Linear(hidden, size_out))
