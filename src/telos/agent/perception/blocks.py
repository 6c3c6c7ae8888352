"""What vision transformers are built of; parameters have the names of the original DINOv2."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from telos.core.layers import Linear
from telos.core.products import product


class Block(nn.Module):
    """Attention among all tokens, then a perceptron for each; both on normalised tokens, and added to them.

    Args:
        width: numbers in a token.
        num_heads: attention heads, which share them.
        hidden: neurons in the perceptron; of gated ones, half of those before the gate.
        epsilon: of both layer norms.
        gated: whether the perceptron is SwiGLU.
        scaled: whether what is added is scaled (LayerScale).
    """

    def __init__(self, *, width: int, num_heads: int, hidden: int, epsilon: float, gated: bool = False, scaled: bool = False) -> None:
        super().__init__()
        self.norm1, self.norm2 = (nn.LayerNorm(width, eps=epsilon) for _ in range(2))
        self.attn = _Attention(width, num_heads)
        self.mlp = _GatedPerceptron(width, hidden) if gated else _Perceptron(width, hidden)
        self.ls1, self.ls2 = (_Scale(width) if scaled else nn.Identity() for _ in range(2))

    def forward(self, value: Float[Tensor, "batch tokens width"], *, wanted: int | None = None) -> Float[Tensor, "batch wanted width"]:
        """The next tokens, or the first `wanted` of them alone: then the others serve as what these look at, and no more is computed for them."""
        mixed = self.attn(self.norm1(value), wanted)
        value = (value if wanted is None else value[:, :wanted]) + self.ls1(mixed)
        return value + self.ls2(self.mlp(self.norm2(value)))


class _Attention(nn.Module):
    def __init__(self, width: int, num_heads: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.qkv = Linear(width, 3 * width)
        self.proj = Linear(width, width)

    def forward(self, value: Tensor, wanted: int | None) -> Tensor:
        query, key, content = self._parts(value) if wanted is None else self._parts_of_few(value, wanted)
        mixed = functional.scaled_dot_product_attention(query, key, content)
        return self.proj(mixed.transpose(1, 2).flatten(2))

    def _parts(self, value: Tensor) -> tuple[Tensor, ...]:
        return self.qkv(value).unflatten(-1, (3, self.num_heads, -1)).permute(2, 0, 3, 1, 4).unbind(0)

    def _parts_of_few(self, value: Tensor, wanted: int) -> tuple[Tensor, ...]:
        width = value.shape[-1]
        weight, bias = self.qkv.weight.split([width, 2 * width]), self.qkv.bias.split([width, 2 * width])
        query = product(value[:, :wanted], weight[0], bias[0]).unflatten(-1, (self.num_heads, -1)).transpose(1, 2)
        others = product(value, weight[1], bias[1]).unflatten(-1, (2, self.num_heads, -1))
        return query, *others.permute(2, 0, 3, 1, 4).unbind(0)


class _Perceptron(nn.Module):
    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.fc1, self.fc2 = Linear(width, hidden), Linear(hidden, width)

    def forward(self, value: Tensor) -> Tensor:
        return self.fc2(product(value, self.fc1.weight, self.fc1.bias, "gelu"))


class _GatedPerceptron(nn.Module):
    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.w12, self.w3 = Linear(width, 2 * hidden), Linear(hidden, width)

    def forward(self, value: Tensor) -> Tensor:
        gate, content = self.w12(value).chunk(2, dim=-1)
        return self.w3(functional.silu(gate) * content)


class _Scale(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(width))

    def forward(self, value: Tensor) -> Tensor:
        return value * self.gamma
