"""`telos import-model`: from somebody else's weights to a run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, arg


@dataclass(frozen=True, kw_only=True)
class ImportModel:
    """Make a run of a LeWorldModel's weights, as stable-worldmodel, torch-world or pyjepa save them."""

    weights: Annotated[Positional[Path], arg(metavar="WEIGHTS")]
    """Safetensors file, or torch file of tensors."""
    data: tuple[Path, ...]
    """Stores of the world that the model is for: what it sees and does, and how actions are normalised, is read there."""
    out: Path
    """Folder of the run."""
    image_size: int = 224
    """Pixels a side, where the weights do not tell."""
    heads: int | None = None
    """Attention heads of the encoder; by default one for every 64 numbers of a token."""
    head_size: int = 64
    """Numbers in each attention head of the predictor."""
    epsilon: float | None = None
    """Of the encoder's layer norms; by default 1e-12 in Hugging Face's naming, 1e-6 in the others."""
    pixels: Literal["auto", "imagenet", "unit"] = "auto"
    """How pictures were prepared: from 0 to 1 (unit), and then as ImageNet (imagenet); auto: the latter in Hugging Face's naming."""
    actions: Literal["auto", "z-scored", "plain"] = "auto"
    """How actions were prepared: by mean and deviation (z-scored), or not; auto: the former beside a Hugging Face encoder."""
    seed: int = 0
    """Of the episodes that are kept apart for evaluation."""
    json: bool = False
    """Print one JSON object on the last line."""

    def run(self) -> int:
        from telos.cli.terminal import print_json, remark
        from telos.core.errors import ConfigError
        from telos.recipes.experiment import load_world_model
        from telos.recipes.lewm import Untold, import_lewm

        if not self.data:
            raise ConfigError("No logs of the world that the model is for.", fix="telos import-model WEIGHTS --data DATA --out RUN")
        untold = Untold(
            image_size=self.image_size,
            num_heads=self.heads,
            head_size=self.head_size,
            epsilon=self.epsilon,
            pixels=self.pixels,
            actions=self.actions,
        )
        run = import_lewm(self.weights, list(self.data), self.out, untold=untold, seed=self.seed)
        parts = {name: sum(weight.numel() for weight in part.parameters()) for name, part in load_world_model(run).named_children()}
        if self.json:
            print_json({"run": str(run.path), "parameters": parts})
            return 0
        remark(f"  encoder {parts['encoder']:,} and predictor {parts['predictor']:,} parameters")
        remark(f"  next   telos evaluate {run.path}")
        return 0
