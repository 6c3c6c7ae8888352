"""Other people's weights of vision transformers: which naming they follow, which sizes they have, and what is wrong with them."""

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from telos.agent.perception.vit import VisionTransformer, ViTSizes, square_side
from telos.core.errors import ConfigError

HEAD_SIZE = 64
"""Numbers of a token that each head of a DINOv2 looks at, in every size of the model; weights do not tell."""
BLOCK = 1 << 20
FROM_HUGGING_FACE = (
    (r"^(?:dinov2|dinov2_with_registers)\.", ""),
    (r"^embeddings\.position_embeddings$", "pos_embed"),
    (r"^embeddings\.patch_embeddings\.projection\.", "patch_embed.proj."),
    (r"^embeddings\.", ""),
    (r"^encoder\.layer\.", "blocks."),
    (r"\.attention\.attention\.(query|key|value)\.", r".attn.\1."),
    (r"\.attention\.([qkvo])_proj\.", lambda found: f".attn.{ {'q': 'query', 'k': 'key', 'v': 'value', 'o': 'proj'}[found[1]] }."),
    (r"\.attention\.output\.dense\.", ".attn.proj."),
    (r"\.layer_scale([12])\.lambda1$", r".ls\1.gamma"),
    (r"\.mlp\.weights_in\.", ".mlp.w12."),
    (r"\.mlp\.(?:weights_out|down_proj)\.", ".mlp.w3."),
    (r"^layernorm\.", "norm."),
)
"""Names of Hugging Face's `Dinov2Model` and `Dinov2WithRegistersModel`, of all versions, and what the original calls the same."""
FROM_TIMM = ((r"^reg_token$", "register_tokens"), (r"^blocks\.\d+\.(\d+\.)", r"blocks.\1"))
"""Where timm, and checkpoints whose blocks come in chunks, differ from the original."""
EXPECTED = "a vision transformer in the naming of DINOv2, timm or Hugging Face's Dinov2Model, or the architecture that was named"
UNUSED = ("mask_token", "classifier.", "head.")
"""Parts that have no place in features: they are left out."""


def checksum(path: Path | str) -> str:
    """Of a file's contents. Raises ConfigError if it cannot be read."""
    found = hashlib.blake2b(digest_size=16)
    try:
        with Path(path).open("rb") as file:
            while block := file.read(BLOCK):
                found.update(block)
    except OSError as error:
        raise ConfigError(f"The weights {path} cannot be read: {error.strerror or error}.", expected="a safetensors file") from error
    return found.hexdigest()


def read_tensors(path: Path | str) -> dict[str, Tensor]:
    """All tensors of a safetensors file, 32 bits each; nothing is unpickled. Raises ConfigError if it is none."""
    try:
        with safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118 - the file is no mapping
    except (SafetensorError, OSError, RuntimeError, ValueError, KeyError) as error:
        reason = " ".join(str(error).split()).rstrip(".")
        raise ConfigError(f"The weights {path} are no safetensors file: {reason[:120]}.", expected="weights as safetensors") from error


def load_vit(path: Path | str, num_heads: int | None = None) -> VisionTransformer:
    """The vision transformer whose weights a file holds, in the naming of DINOv2, of timm, or of Hugging Face.

    Args:
        num_heads: attention heads in each block; None: one for every 64 numbers of a token, as in DINOv2.

    Raises:
        ConfigError: the file holds something else; the message names what is missing, left over, or of another shape.
    """
    tensors = original_names(read_tensors(path))
    model = VisionTransformer(_sizes(tensors, path, num_heads))
    load_strictly(model, tensors, path)
    return model


def load_strictly(model: nn.Module, tensors: Mapping[str, Tensor], path: Path | str) -> None:
    """Fills a module with all of the tensors, and nothing else, and freezes it. Raises ConfigError naming what does not fit."""
    fill(model, tensors, path)
    model.requires_grad_(False).eval()


def fill(model: nn.Module, tensors: Mapping[str, Tensor], path: Path | str, *, expected: str = EXPECTED) -> None:
    """Fills a module with all of the tensors, and nothing else. Raises ConfigError naming what does not fit."""
    wanted = model.state_dict()
    missing, left_over = sorted(set(wanted) - set(tensors)), sorted(set(tensors) - set(wanted))
    if missing or left_over:
        parts = [f"{what} {_some(names)}" for what, names in (("it lacks", missing), ("it also holds", left_over)) if names]
        raise _misfit(path, "; ".join(parts), expected)
    for name, value in wanted.items():
        if value.shape != tensors[name].shape:
            raise _misfit(path, f"{name} has shape {list(tensors[name].shape)}, and {list(value.shape)} is expected", expected)
    model.load_state_dict(dict(tensors))


def original_names(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The same tensors under the names of the original DINOv2; what features have no use for is left out."""
    rules = FROM_HUGGING_FACE if any("embeddings." in name for name in tensors) else FROM_TIMM
    renamed: dict[str, Tensor] = {}
    for name, value in tensors.items():
        for pattern, replacement in rules:
            name = re.sub(pattern, replacement, name)
        if not name.startswith(UNUSED):
            renamed[name] = value
    join(renamed, r"^(blocks\.\d+\.attn\.)query(\.\w+)$", ("query", "key", "value"), "qkv")
    join(renamed, r"^(blocks\.\d+\.mlp\.)gate_proj(\.\w+)$", ("gate_proj", "up_proj"), "w12")
    return renamed


def join(tensors: dict[str, Tensor], first: str, parts: tuple[str, ...], whole: str) -> None:
    """Makes one tensor of parts that others keep apart; if one is missing, they stay as they are, and are named as left over."""
    for name in list(tensors):
        if found := re.match(first, name):
            names = [f"{found[1]}{part}{found[2]}" for part in parts]
            if all(part in tensors for part in names):
                tensors[f"{found[1]}{whole}{found[2]}"] = torch.cat([tensors.pop(part) for part in names])


def _sizes(tensors: Mapping[str, Tensor], path: Path | str, num_heads: int | None) -> ViTSizes:
    for name, axes in (("cls_token", 3), ("pos_embed", 3), ("patch_embed.proj.weight", 4)):
        if name not in tensors:
            raise _misfit(path, f"it has no {name}, and holds {_some(sorted(tensors))}")
        if tensors[name].ndim != axes:
            raise _misfit(path, f"{name} has shape {list(tensors[name].shape)}")
    width, patch = tensors["cls_token"].shape[-1], tensors["patch_embed.proj.weight"].shape[-1]
    blocks = {int(found[1]) for name in tensors if (found := re.match(r"blocks\.(\d+)\.", name))}
    gated = "blocks.0.mlp.w12.weight" in tensors
    inner = tensors.get("blocks.0.mlp.w12.weight" if gated else "blocks.0.mlp.fc1.weight")
    if not blocks or inner is None:
        raise _misfit(path, "it has no block with a perceptron (blocks.0.mlp.fc1.weight)")
    places = tensors["pos_embed"].shape[1]
    with_class, without = square_side(places - 1), square_side(places)
    if with_class is None and without is None:
        raise _misfit(path, f"pos_embed has {places} places, which is no square of patches")
    heads = num_heads or width // HEAD_SIZE
    if heads < 1 or width % heads:
        raise ConfigError(f"The weights {path} have tokens of {width} numbers, which {heads} heads cannot share.", fix="say num_heads=")
    return ViTSizes(
        width=width,
        depth=max(blocks) + 1,
        num_heads=heads,
        patch=patch,
        hidden=len(inner) // 2 if gated else len(inner),
        side=with_class or without or 1,
        num_registers=tensors["register_tokens"].shape[1] if "register_tokens" in tensors else 0,
        gated=gated,
        scaled="blocks.0.ls1.gamma" in tensors,
        class_position=with_class is not None,
    )


def _misfit(path: Path | str, what: str, expected: str = EXPECTED) -> ConfigError:
    return ConfigError(f"The weights {path} do not fit: {what}.", expected=expected)


def _some(names: list[str]) -> str:
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
