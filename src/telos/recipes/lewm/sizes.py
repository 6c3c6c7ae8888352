"""What shapes of tensors say of a LeWorldModel's architecture, and what somebody has to tell."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from torch import Tensor

from telos.agent.perception import ViTConfig
from telos.agent.perception.vit import square_side
from telos.agent.world_model import TransformerPredictorConfig
from telos.core.errors import ConfigError

EXPECTED = "a LeWorldModel in the naming of stable-worldmodel, torch-world or pyjepa"
HEAD_SIZE = 64
"""Numbers that each attention head looks at, in all published sizes."""
NEEDED = (
    *("encoder.embed.weight", "encoder.norm.weight", "encoder.blocks.0.attn.qkv.weight", "encoder.blocks.0.mlp.fc1.weight"),
    *("predictor.positions", "predictor.embed_action.0.weight", "predictor.embed_action.1.weight", "predictor.embed_action.3.weight"),
    *("predictor.norm.weight", "predictor.blocks.0.qkv.weight", "predictor.blocks.0.fc1.weight"),
)
"""Sizes are read from these."""


@dataclass(frozen=True, kw_only=True)
class Untold:
    """What weights do not say of themselves; by default as it was published."""

    image_size: int = 224
    """Pixels a side. Weights with a learned position for every patch tell it themselves."""
    num_heads: int | None = None
    """Attention heads of the encoder; None: one for every 64 numbers of a token."""
    head_size: int = HEAD_SIZE
    """Numbers in each attention head of the predictor."""
    epsilon: float | None = None
    """Of the encoder's layer norms; None: 1e-12 in Hugging Face's naming, 1e-6 in the others."""
    pixels: Literal["auto", "imagenet", "unit"] = "auto"
    """How pictures were prepared: from 0 to 1 (`unit`), and then normalised as ImageNet is (`imagenet`); `auto`: the latter in
    Hugging Face's naming, the former in the others."""

    actions: Literal["auto", "z-scored", "plain"] = "auto"
    """How actions were prepared: by mean and deviation of the logs (`z-scored`), or not at all (`plain`); `auto`: the former beside
    a Hugging Face encoder, the latter in the others."""

    def __post_init__(self) -> None:
        if self.actions not in ("auto", "z-scored", "plain"):
            raise ConfigError(f"Actions cannot be prepared as '{self.actions}'.", expected="auto, z-scored or plain")
        if self.pixels not in ("auto", "imagenet", "unit"):
            raise ConfigError(f"Pictures cannot be prepared as '{self.pixels}'.", expected="auto, imagenet or unit")
        if min(self.image_size, self.head_size, self.num_heads or 1) < 1:
            raise ConfigError("Image size, heads and head size are counts.", expected="1 or more")


@dataclass(frozen=True)
class Sizes:
    """Of the whole model."""

    encoder: ViTConfig
    predictor: TransformerPredictorConfig
    latent: int
    action: int
    image: int
    channels: int
    pixels: Literal["imagenet", "unit"]
    actions: Literal["z-scored", "plain"]


def read_sizes(tensors: Mapping[str, Tensor], untold: Untold, *, hugging_face: bool, authors: bool, source: str) -> Sizes:
    """Sizes of the model whose tensors these are, by our names.

    Args:
        hugging_face: whether the encoder was Hugging Face's.
        authors: whether the predictor was the authors' own, or torch-world's.
        source: what to call the weights in errors.

    Raises:
        ConfigError: tensors are missing from which sizes are read, or heads and patches do not divide what they share.
    """
    missing = [name for name in NEEDED if name not in tensors]
    if missing:
        raise misfit(source, f"it lacks {', '.join(missing[:4])}, and holds {', '.join(sorted(tensors)[:4])} and so on")
    history, latent = tensors["predictor.positions"].shape
    epsilon = untold.epsilon if untold.epsilon is not None else 1e-12 if hugging_face else 1e-6
    encoder, image, channels = _encoder(tensors, untold, epsilon, source)
    return Sizes(
        encoder=encoder,
        predictor=_predictor(tensors, untold, history, latent, 1e-5 if authors else 1e-6, source),
        latent=latent,
        action=tensors["predictor.embed_action.0.weight"].shape[1],
        image=image,
        channels=channels,
        pixels=untold.pixels if untold.pixels != "auto" else "imagenet" if hugging_face else "unit",
        actions=untold.actions if untold.actions != "auto" else "z-scored" if hugging_face else "plain",
    )


def _encoder(tensors: Mapping[str, Tensor], untold: Untold, epsilon: float, source: str) -> tuple[ViTConfig, int, int]:
    width, pixels = tensors["encoder.embed.weight"].shape
    in_class = "encoder.class_token" in tensors
    channels = 3 if square_side(pixels // 3) and not pixels % 3 else 1
    patch, heads = square_side(pixels // channels), untold.num_heads or width // HEAD_SIZE
    if patch is None or not heads or width % heads:
        raise misfit(source, f"tokens of {width} numbers, made of {pixels} pixels, cannot be shared by {heads} heads", fix="say num_heads=")
    image = untold.image_size
    if "encoder.places" in tensors:
        side = square_side(tensors["encoder.places"].shape[1] - in_class)
        if side is None:
            raise misfit(source, f"{tensors['encoder.places'].shape[1]} positions are no square of patches")
        image = side * patch
    config = ViTConfig(
        patch=patch,
        width=width,
        depth=_depth(tensors, "encoder"),
        num_heads=heads,
        hidden=len(tensors["encoder.blocks.0.mlp.fc1.weight"]),
        positions="learned" if "encoder.places" in tensors else "sines",
        pool="class" if in_class else "mean",
        **_head(tensors, "encoder", "head"),
        epsilon=epsilon,
    )
    return config, image, channels


def _predictor(
    tensors: Mapping[str, Tensor], untold: Untold, history: int, latent: int, final_epsilon: float, source: str
) -> TransformerPredictorConfig:
    inner, width = len(tensors["predictor.blocks.0.qkv.weight"]) // 3, len(tensors["predictor.norm.weight"])
    if inner % untold.head_size:
        raise misfit(
            source, f"the predictor's attention has {inner} numbers, which is no whole number of heads of {untold.head_size}", fix="say head_size="
        )
    return TransformerPredictorConfig(
        history=history,
        depth=_depth(tensors, "predictor"),
        num_heads=inner // untold.head_size,
        head_size=untold.head_size,
        hidden=len(tensors["predictor.blocks.0.fc1.weight"]),
        width=0 if width == latent else width,
        action_width=len(tensors["predictor.embed_action.0.weight"]),
        action_hidden=len(tensors["predictor.embed_action.1.weight"]),
        action_embedding=len(tensors["predictor.embed_action.3.weight"]),
        **_head(tensors, "predictor", "output"),
        inner_norm="predictor.blocks.0.inner_norm1.weight" in tensors,
        query_bias="predictor.blocks.0.qkv.bias" in tensors,
        epsilon=final_epsilon,
    )


def _head(tensors: Mapping[str, Tensor], part: str, prefix: str) -> dict[str, Any]:
    hidden = tensors.get(f"{part}.head.0.weight")
    if hidden is None:
        return {f"{prefix}_hidden": 0}
    kind = "batch" if f"{part}.head.1.running_mean" in tensors else "layer" if f"{part}.head.1.weight" in tensors else "none"
    return {f"{prefix}_hidden": len(hidden), f"{prefix}_norm": kind}


def _depth(tensors: Mapping[str, Tensor], part: str) -> int:
    return 1 + max(int(found[1]) for name in tensors if (found := re.match(rf"{part}\.blocks\.(\d+)\.", name)))


def misfit(source: str, what: str, fix: str = "") -> ConfigError:
    """The error for weights that are no LeWorldModel, or another one than was said."""
    return ConfigError(f"The weights {source} do not fit: {what}.", expected=EXPECTED, fix=fix)
