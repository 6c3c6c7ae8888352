"""The two models of the table, and what is planned with them."""

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class Size:
    """A LeWorldModel: a vision transformer for frames, a causal transformer for what follows."""

    label: str
    picture: int
    """Pixels a side."""
    patch: int
    width: int
    """Numbers in a token, and in a latent."""
    encoder_depth: int
    encoder_heads: int
    depth: int
    """Layers of the predictor."""
    heads: int
    head_size: int
    hidden: int
    """Neurons in the perceptron of a predictor's layer."""
    projection: int
    """Neurons in the perceptrons behind encoder and predictor."""
    history: int = 3
    """Frames that a prediction looks back on."""
    action: int = 2

    @property
    def inner(self) -> int:
        """Numbers in the queries of a token."""
        return self.heads * self.head_size

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


SMALL = Size(label="1 M", picture=64, patch=8, width=96, encoder_depth=4, encoder_heads=4, depth=2, heads=4, head_size=24, hidden=384, projection=384)
LARGE = Size(
    label="18 M", picture=224, patch=14, width=192, encoder_depth=12, encoder_heads=3, depth=6, heads=16, head_size=64, hidden=2048, projection=2048
)
TINY = Size(label="tiny", picture=16, patch=8, width=16, encoder_depth=1, encoder_heads=2, depth=2, heads=2, head_size=8, hidden=32, projection=32)
"""To see that everything runs, not to measure."""


def scaled(width: int, depth: int) -> Size:
    """A predictor of another size behind a small encoder; for curves."""
    return replace(SMALL, label=f"{width}x{depth}", width=width, depth=depth, heads=width // 32, head_size=32, hidden=4 * width, projection=4 * width)


@dataclass(frozen=True, kw_only=True)
class Search:
    """How a plan is looked for."""

    candidates: int = 300
    iterations: int = 30
    elites: int = 30
    horizon: int = 5

    def to_json(self) -> dict[str, int]:
        return asdict(self)


FULL = Search()


def make_inputs(size: Size, path: Path, *, num_problems: int = 1, num_candidates: int = 64, horizon: int = 5, seed: int = 0) -> dict[str, Tensor]:
    """Random frames, goals and actions, the same for everybody; they are left at `path` for other processes."""
    generator = torch.Generator().manual_seed(seed)

    def pictures(*lead: int) -> Tensor:
        return torch.randint(0, 256, (*lead, size.picture, size.picture, 3), generator=generator, dtype=torch.uint8)

    def actions(*lead: int) -> Tensor:
        return torch.rand(*lead, size.action, generator=generator) * 2 - 1

    inputs = {
        "frames": pictures(num_problems, size.history),
        "goals": pictures(num_problems),
        "past": actions(num_problems, size.history - 1),
        "candidates": actions(num_candidates, horizon),
    }
    torch.save(inputs, path)
    return inputs
