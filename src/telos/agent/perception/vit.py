"""A vision transformer as in DINOv2, for weights that somebody else has trained; it is never trained here."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

EPSILON = 1e-6
"""Of every layer norm."""


@dataclass(frozen=True, kw_only=True)
class ViTSizes:
    """What a vision transformer's weights say of its architecture."""

    width: int
    """Numbers in a token."""
    depth: int
    """Blocks."""
    num_heads: int
    """Attention heads in each."""
    patch: int
    """Pixels a side."""
    hidden: int
    """Neurons in the perceptron of a block; of gated ones, half of those before the gate."""
    side: int
    """Patches a side in the pictures that it was trained on."""
    num_registers: int = 0
    """Tokens that take part in attention and are dropped at the end."""
    gated: bool = False
    """Whether perceptrons are SwiGLU, as in the giant model."""
    scaled: bool = True
    """Whether branches are scaled (LayerScale)."""
    class_position: bool = True
    """Whether the class token has a position embedding of its own."""


class VisionTransformer(nn.Module):
    """Pictures in, one token for the whole and one for each patch out. Its parameters have the names of the original DINOv2.

    Position embeddings are brought to the size of the picture by bicubic interpolation, with antialiasing where there are
    registers: so were the models with registers trained, and the others not.

    Source: Dosovitskiy et al. (2021), arXiv 2010.11929; Oquab et al. (2023), arXiv 2304.07193; registers after Darcet et al.
    (2023), arXiv 2309.16588.
    """

    def __init__(self, sizes: ViTSizes) -> None:
        super().__init__()
        self.sizes, width = sizes, sizes.width
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        self.pos_embed = nn.Parameter(torch.zeros(1, sizes.side**2 + sizes.class_position, width))
        if sizes.num_registers:
            self.register_tokens = nn.Parameter(torch.zeros(1, sizes.num_registers, width))
        self.patch_embed = nn.ModuleDict({"proj": nn.Conv2d(3, width, kernel_size=sizes.patch, stride=sizes.patch)})
        self.blocks = nn.ModuleList(_Block(sizes) for _ in range(sizes.depth))
        self.norm = nn.LayerNorm(width, eps=EPSILON)

    def forward(self, pictures: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch tokens feature"]:
        """The class token first, then the patches row by row; height and width are multiples of the patch."""
        patches = self.patch_embed["proj"](pictures)
        place, positions = self._positions(*patches.shape[-2:])
        patches = patches.flatten(2).transpose(1, 2) + positions
        num = len(patches)
        tokens = [(self.cls_token + place).expand(num, -1, -1)]
        if self.sizes.num_registers:
            tokens.append(self.register_tokens.expand(num, -1, -1))
        value = torch.cat([*tokens, patches], dim=1)
        for block in self.blocks:
            value = block(value)
        value = self.norm(value)
        return torch.cat([value[:, :1], value[:, 1 + self.sizes.num_registers :]], dim=1)

    def _positions(self, rows: int, columns: int) -> tuple[Tensor, Tensor]:
        """The class token's position `[1 1 width]`, and those of the patches `[1 rows*columns width]`."""
        own = int(self.sizes.class_position)
        place = self.pos_embed[:, :1] if own else torch.zeros_like(self.cls_token)
        grid, side = self.pos_embed[:, own:], self.sizes.side
        if (rows, columns) == (side, side):
            return place, grid
        square = grid.unflatten(1, (side, side)).permute(0, 3, 1, 2)
        resized = functional.interpolate(square, size=(rows, columns), mode="bicubic", align_corners=False, antialias=self.sizes.num_registers > 0)
        return place, resized.flatten(2).transpose(1, 2)


class _Block(nn.Module):
    def __init__(self, sizes: ViTSizes) -> None:
        super().__init__()
        self.norm1, self.norm2 = (nn.LayerNorm(sizes.width, eps=EPSILON) for _ in range(2))
        self.attn = _Attention(sizes)
        self.mlp = _GatedPerceptron(sizes) if sizes.gated else _Perceptron(sizes)
        self.ls1, self.ls2 = (_Scale(sizes.width) if sizes.scaled else nn.Identity() for _ in range(2))

    def forward(self, value: Tensor) -> Tensor:
        value = value + self.ls1(self.attn(self.norm1(value)))
        return value + self.ls2(self.mlp(self.norm2(value)))


class _Attention(nn.Module):
    def __init__(self, sizes: ViTSizes) -> None:
        super().__init__()
        self.num_heads = sizes.num_heads
        self.qkv = nn.Linear(sizes.width, 3 * sizes.width)
        self.proj = nn.Linear(sizes.width, sizes.width)

    def forward(self, value: Tensor) -> Tensor:
        parts = self.qkv(value).unflatten(-1, (3, self.num_heads, -1))
        query, key, content = parts.permute(2, 0, 3, 1, 4).unbind(0)
        mixed = functional.scaled_dot_product_attention(query, key, content)
        return self.proj(mixed.transpose(1, 2).flatten(2))


class _Perceptron(nn.Module):
    def __init__(self, sizes: ViTSizes) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(sizes.width, sizes.hidden), nn.Linear(sizes.hidden, sizes.width)

    def forward(self, value: Tensor) -> Tensor:
        return self.fc2(functional.gelu(self.fc1(value)))


class _GatedPerceptron(nn.Module):
    def __init__(self, sizes: ViTSizes) -> None:
        super().__init__()
        self.w12, self.w3 = nn.Linear(sizes.width, 2 * sizes.hidden), nn.Linear(sizes.hidden, sizes.width)

    def forward(self, value: Tensor) -> Tensor:
        gate, content = self.w12(value).chunk(2, dim=-1)
        return self.w3(functional.silu(gate) * content)


class _Scale(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(width))

    def forward(self, value: Tensor) -> Tensor:
        return value * self.gamma


def square_side(count: int) -> int | None:
    """The side of a square of so many patches; None if there is none."""
    side = math.isqrt(max(count, 0))
    return side if side and side * side == count else None
