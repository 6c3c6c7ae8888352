"""Weights of vision transformers so small that a test can afford them, under everybody's names."""

import re
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from telos.agent.perception.vit import VisionTransformer, ViTSizes

SIZES = ViTSizes(width=12, depth=2, num_heads=3, patch=4, hidden=24, side=4)


def write_weights(path: Path, sizes: ViTSizes = SIZES, *, seed: int = 0, naming: str = "original") -> Path:
    """Random weights in a safetensors file."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = VisionTransformer(sizes)
        tensors = {name: value + 0.3 * torch.randn_like(value) for name, value in model.state_dict().items()}
    save_file({name: value.contiguous() for name, value in NAMINGS[naming](tensors).items()}, path)
    return path


def hugging_face(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """As `Dinov2Model` saves them, a mask token among them."""
    renamed = {"embeddings.mask_token": torch.zeros(1, tensors["cls_token"].shape[-1])}
    for name, value in tensors.items():
        name = re.sub(r"^(cls_token|register_tokens)$", r"embeddings.\1", name)
        name = re.sub(r"^pos_embed$", "embeddings.position_embeddings", name)
        name = re.sub(r"^patch_embed\.proj", "embeddings.patch_embeddings.projection", name)
        name = re.sub(r"^blocks\.", "encoder.layer.", name)
        name = re.sub(r"\.attn\.proj", ".attention.output.dense", name)
        name = re.sub(r"\.ls([12])\.gamma", r".layer_scale\1.lambda1", name)
        name = re.sub(r"\.mlp\.w12", ".mlp.weights_in", name).replace(".mlp.w3", ".mlp.weights_out")
        name = re.sub(r"^norm\.", "layernorm.", name)
        if ".attn.qkv" in name:
            renamed |= {
                name.replace("attn.qkv", f"attention.attention.{part}"): piece for part, piece in zip(("query", "key", "value"), value.chunk(3))
            }
        else:
            renamed[name] = value
    return renamed


def timm(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """As timm names them, with a classifier."""
    renamed = {"head.weight": torch.zeros(5, tensors["cls_token"].shape[-1])}
    return renamed | {name.replace("register_tokens", "reg_token"): value for name, value in tensors.items()}


NAMINGS = {
    "original": lambda tensors: {"mask_token": torch.zeros(1, 12), **tensors},
    "chunks": lambda tensors: {re.sub(r"^blocks\.", "blocks.0.", name): value for name, value in tensors.items()},
    "timm": timm,
    "hugging-face": hugging_face,
    "hugging-face classifier": lambda tensors: {
        "classifier.bias": torch.zeros(3),
        **{f"dinov2.{key}": part for key, part in hugging_face(tensors).items()},
    },
}
