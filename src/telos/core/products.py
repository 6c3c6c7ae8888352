"""Matrix products on a CPU, at the rate that the machine has.

On processors that are not Intel's, torch's default library computes with half of the vector units: 110 in place of
260 billion operations a second on a Zen 5 core. oneDNN, which torch carries along, uses all of them, and puts bias and
activation into the same pass. Both add up in 32 bits; they differ by rounding only.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from telos.core.learned_products import learned_product

Activation = Literal["none", "silu", "gelu"]
_FUSED = {"none": ("none", ""), "silu": ("swish", ""), "gelu": ("gelu", "none")}
_plain = ContextVar("plain", default=False)
WORTH = 1 << 20
"""Multiplications below which a call of oneDNN costs more than it saves (measured: 64 rows, 64 x 256)."""


def product(
    value: Float[Tensor, "*batch size_in"],
    weight: Float[Tensor, "size_out size_in"],
    bias: Float[Tensor, " size_out"] | None = None,
    activation: Activation = "none",
) -> Float[Tensor, "*batch size_out"]:
    """`activation(value @ weight.T + bias)`; GELU is the exact one."""
    # In this order: a graph that is captured must not depend on how many rows there are.
    if not _fused_here(value, weight) or value.numel() * weight.shape[0] < WORTH:
        return activate(functional.linear(value, weight, bias), activation)
    if torch.is_grad_enabled() and any(part is not None and part.requires_grad for part in (value, weight, bias)):
        return activate(learned_product(value, weight, bias), activation)
    return _fused(value, weight, bias, activation)


@dataclass(frozen=True, eq=False)
class PackedProduct:
    """The same with constant weights, which are brought into oneDNN's layout once; for products that are computed over and over."""

    weight: Float[Tensor, "size_out size_in"]
    bias: Float[Tensor, " size_out"] | None
    activation: Activation
    packed: Tensor | None

    @classmethod
    def of(cls, weight: Tensor, bias: Tensor | None, activation: Activation = "none") -> "PackedProduct":
        weight, bias = weight.detach().contiguous(), None if bias is None else bias.detach().contiguous()
        fits = _fits(weight)
        return cls(weight, bias, activation, torch.ops.mkldnn._reorder_linear_weight(weight, None) if fits else None)

    @classmethod
    def live(cls, weight: Tensor, bias: Tensor | None, activation: Activation = "none") -> "PackedProduct":
        """With weights that are still being learned: nothing is packed, and gradients reach them."""
        return cls(weight, bias, activation, None)

    def __call__(self, value: Float[Tensor, "*batch size_in"]) -> Float[Tensor, "*batch size_out"]:
        small = value.numel() * self.weight.shape[0] < WORTH
        if self.packed is None or small or value.requires_grad or not _fused_here(value, self.weight):
            return product(value, self.weight, self.bias, self.activation)
        return _fused(value, self.packed, self.bias, self.activation)


@contextmanager
def plain_products() -> Iterator[None]:
    """Within it all products are torch's own, as in a graph that was captured: to compare with one."""
    before = _plain.set(True)
    try:
        yield
    finally:
        _plain.reset(before)


def activate(value: Tensor, activation: Activation) -> Tensor:
    """One of the activations that a product can end with."""
    if activation == "none":
        return value
    return functional.silu(value) if activation == "silu" else functional.gelu(value)


def _fused(value: Tensor, weight: Tensor, bias: Tensor | None, activation: Activation) -> Tensor:
    kind, algorithm = _FUSED[activation]
    return torch.ops.mkldnn._linear_pointwise(value, weight, bias, kind, [], algorithm)


def _fused_here(value: Tensor, weight: Tensor) -> bool:
    return value.dtype == torch.float32 and _fits(weight) and not torch.is_autocast_enabled("cpu")


def _fits(weight: Tensor) -> bool:
    # A graph that is captured holds the plain product, which runs everywhere.
    return not torch.compiler.is_compiling() and weight.device.type == "cpu" and weight.dtype == torch.float32 and _available()


def _available() -> bool:
    return (
        not _plain.get()
        and torch.backends.mkldnn.is_available()
        and bool(torch.backends.mkldnn.enabled)
        and hasattr(torch.ops.mkldnn, "_linear_pointwise")
    )
