"""Hugging Face's own DINOv2 classes made the numbers, once: `python tests/golden/dinov2.py`. Nothing of theirs is needed here."""

import json

import pytest
import torch
from dinov2 import FILE, PICTURES, pictures, weights
from safetensors.torch import save_file

from telos.agent.perception.weights import load_vit

GOLDEN = json.loads(FILE.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", GOLDEN)
def test_a_vision_transformer_gives_the_numbers_of_the_reference_implementation(name, tmp_path):
    save_file(weights(GOLDEN[name]["shapes"]), tmp_path / "weights.safetensors")
    model = load_vit(tmp_path / "weights.safetensors", num_heads=3)
    for size, expected in zip(PICTURES, GOLDEN[name]["outputs"], strict=True):
        with torch.no_grad():
            found = model(pictures(*size)).flatten()[::7]
        torch.testing.assert_close(found, torch.tensor(expected), atol=2e-5, rtol=0)
        assert found.std() > 0.3, "numbers that say something"
