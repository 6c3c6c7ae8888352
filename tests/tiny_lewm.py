"""LeWorldModels so small that a test can afford them, under everybody's names: pictures of 16 pixels, two numbers an action."""

import json
import re
from pathlib import Path

import torch
from torch import Tensor

from telos.recipes.lewm import Untold

GOLDEN = json.loads((Path(__file__).parent / "golden" / "lewm.json").read_text(encoding="utf-8"))
SHAPES = {name: GOLDEN[name]["shapes"] for name in ("torch_world", "pyjepa", "stable_worldmodel")}
UNTOLD = Untold(image_size=16, num_heads=2, head_size=6)
FLAGS = ("--image-size", 16, "--heads", 2, "--head-size", 6)
"""The same on the command line."""


def weights(library: str, *, seed: int = 0) -> dict[str, Tensor]:
    """Random weights, as `torch_world`, `pyjepa` or `stable_worldmodel` names them."""
    generator = torch.Generator().manual_seed(seed)
    made = {name: 0.3 * torch.randn(shape, generator=generator) for name, shape in SHAPES[library].items()}
    return {name: 1 + value.abs() if name.endswith("running_var") else value for name, value in made.items()}


def old_names(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """What transformers called the parts of its ViTModel before version 5."""
    found = {}
    for name, value in tensors.items():
        name = re.sub(r"^encoder\.layers\.", "encoder.encoder.layer.", name)
        name = re.sub(r"attention\.([qkv])_proj", lambda part: f"attention.attention.{ {'q': 'query', 'k': 'key', 'v': 'value'}[part[1]] }", name)
        name = name.replace("attention.o_proj", "attention.output.dense")
        name = re.sub(r"^(encoder\.encoder\.layer\.\d+)\.mlp\.fc1", r"\1.intermediate.dense", name)
        found[re.sub(r"^(encoder\.encoder\.layer\.\d+)\.mlp\.fc2", r"\1.output.dense", name)] = value
    return found
