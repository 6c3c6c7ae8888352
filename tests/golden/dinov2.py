"""Tiny DINOv2 models whose every weight is a formula, and what Hugging Face's classes make of them.

`python tests/golden/dinov2.py`, in an environment with torch and transformers (5.24.0 when the file was made), writes
dinov2.json: names and shapes of the weights, and outputs. The tests need neither.
"""

import json
from pathlib import Path

import torch
from torch import Tensor

FILE = Path(__file__).with_name("dinov2.json")
SIZES = {"hidden_size": 12, "num_hidden_layers": 2, "num_attention_heads": 3, "image_size": 16, "patch_size": 4, "mlp_ratio": 2}
PICTURES = ((16, 16), (24, 20))
"""Heights and widths: that of the position embeddings, and one to which they are resized."""


def weights(shapes: dict[str, list[int]]) -> dict[str, Tensor]:
    """Numbers that need no generator: waves, another one for every tensor."""
    made = {}
    for number, (name, shape) in enumerate(sorted(shapes.items())):
        wave = torch.cos(torch.arange(torch.Size(shape).numel(), dtype=torch.float64) * 0.7 + number)
        around = 1.0 if "norm" in name and name.endswith("weight") else 0.0
        made[name] = (around + 0.4 * wave).float().reshape(shape)
    return made


def pictures(height: int, width: int) -> Tensor:
    """`[2 3 height width]`"""
    return torch.sin(torch.arange(2 * 3 * height * width, dtype=torch.float64) * 0.13).float().reshape(2, 3, height, width)


def make() -> dict[str, dict]:
    """The peer's own words."""
    from transformers import Dinov2Config, Dinov2Model, Dinov2WithRegistersConfig, Dinov2WithRegistersModel

    models = {
        "plain": Dinov2Model(Dinov2Config(**SIZES)),
        "registers": Dinov2WithRegistersModel(Dinov2WithRegistersConfig(**SIZES, num_register_tokens=2)),
        "gated": Dinov2Model(Dinov2Config(**SIZES, use_swiglu_ffn=True)),
    }
    found = {}
    for name, model in models.items():
        shapes = {key: list(value.shape) for key, value in model.state_dict().items()}
        model.load_state_dict(weights(shapes))
        with torch.no_grad():
            outputs = [model.eval()(pictures(*size)).last_hidden_state for size in PICTURES]
        registers = 2 if name == "registers" else 0
        kept = [torch.cat([value[:, :1], value[:, 1 + registers :]], dim=1) for value in outputs]
        found[name] = {"shapes": shapes, "outputs": [[round(number, 6) for number in value.flatten().tolist()[::7]] for value in kept]}
    return found


if __name__ == "__main__":
    FILE.write_text(json.dumps(make(), indent=None, separators=(",", ":")) + "\n", encoding="utf-8")
