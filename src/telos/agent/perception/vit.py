"""A vision transformer as in DINOv2, for weights that somebody else has trained; it is never trained here."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from telos.agent.perception.blocks import Block

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
        self.blocks = nn.ModuleList(
            Block(width=width, num_heads=sizes.num_heads, hidden=sizes.hidden, epsilon=EPSILON, gated=sizes.gated, scaled=sizes.scaled)
            for _ in range(sizes.depth)
        )
        self.norm = nn.LayerNorm(width, eps=EPSILON)

    def forward(self, pictures: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch tokens feature"]:
        """The class token first, then the patches row by row; height and width are multiples of the patch."""
        patches = self.patch_embed["proj"](pictures)
        place, positions = self._positions(*patches.shape[-2:])
        patches = patches.flatten(2).transpose(1, 2) + positions
        num = patches.shape[0]
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


def square_side(count: int) -> int | None:
    """The side of a square of so many patches; None if there is none."""
    side = math.isqrt(max(count, 0))
    return side if side and side * side == count else None
