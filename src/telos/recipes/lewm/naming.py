"""What the parts of a LeWorldModel are called by those who publish them, and what they are called here."""

import re
from collections.abc import Callable, Mapping

from torch import Tensor

from telos.agent.perception.weights import join

RULES: tuple[tuple[str, str], ...] = (
    # Encoder: Hugging Face's ViTModel, of old and new versions of transformers, as stable-worldmodel has it.
    (r"encoder\.embeddings\.cls_token", "encoder.class_token"),
    (r"encoder\.embeddings\.position_embeddings", "encoder.places"),
    (r"encoder\.embeddings\.patch_embeddings\.projection\.(\w+)", r"encoder.embed.\1"),
    (r"encoder\.(?:encoder\.layer|layers)\.(\d+)\.layernorm_before\.(\w+)", r"encoder.blocks.\1.norm1.\2"),
    (r"encoder\.(?:encoder\.layer|layers)\.(\d+)\.layernorm_after\.(\w+)", r"encoder.blocks.\1.norm2.\2"),
    (r"encoder\.encoder\.layer\.(\d+)\.attention\.attention\.(query|key|value)\.(\w+)", r"encoder.blocks.\1.attn.\2.\3"),
    (r"encoder\.layers\.(\d+)\.attention\.q_proj\.(\w+)", r"encoder.blocks.\1.attn.query.\2"),
    (r"encoder\.layers\.(\d+)\.attention\.k_proj\.(\w+)", r"encoder.blocks.\1.attn.key.\2"),
    (r"encoder\.layers\.(\d+)\.attention\.v_proj\.(\w+)", r"encoder.blocks.\1.attn.value.\2"),
    (r"encoder\.(?:encoder\.layer\.(\d+)\.attention\.output\.dense|layers\.(\d+)\.attention\.o_proj)\.(\w+)", r"encoder.blocks.\1\2.attn.proj.\3"),
    (r"encoder\.(?:encoder\.layer\.(\d+)\.intermediate\.dense|layers\.(\d+)\.mlp\.fc1)\.(\w+)", r"encoder.blocks.\1\2.mlp.fc1.\3"),
    (r"encoder\.(?:encoder\.layer\.(\d+)\.output\.dense|layers\.(\d+)\.mlp\.fc2)\.(\w+)", r"encoder.blocks.\1\2.mlp.fc2.\3"),
    (r"encoder\.layernorm\.(\w+)", r"encoder.norm.\1"),
    # Encoder: torch-world's CLSEncoder.
    (r"encoder\.vit\.cls_token", "encoder.class_token"),
    (r"encoder\.vit\.patch_embed\.proj\.(\w+)", r"encoder.embed.\1"),
    (r"encoder\.vit\.transformer\.blocks\.(\d+)\.mlp\.0\.(\w+)", r"encoder.blocks.\1.mlp.fc1.\2"),
    (r"encoder\.vit\.transformer\.blocks\.(\d+)\.mlp\.[23]\.(\w+)", r"encoder.blocks.\1.mlp.fc2.\2"),
    (r"encoder\.vit\.transformer\.(blocks\.\d+\.(?:norm1|norm2|attn\.qkv|attn\.proj)|norm)\.(\w+)", r"encoder.\1.\2"),
    # Encoder: pyjepa's VisionTransformer.
    (r"encoder\.pos_embed", "encoder.places"),
    (r"encoder\.patch_embed\.proj\.(\w+)", r"encoder.embed.\1"),
    (r"encoder\.(blocks\.\d+\.(?:norm1|norm2|attn\.qkv|attn\.proj|mlp\.fc1|mlp\.fc2)|norm)\.(\w+)", r"encoder.\1.\2"),
    # Heads, with and without a wrapper around their layers.
    (r"projector\.(?:net\.)?(\d+)\.(\w+)", r"encoder.head.\1.\2"),
    (r"pred_proj\.(?:net\.)?(\d+)\.(\w+)", r"predictor.head.\1.\2"),
    # Actions: stable-worldmodel and pyjepa, then torch-world.
    (r"action_encoder\.patch_embed\.(\w+)", r"predictor.embed_action.0.\1"),
    (r"action_encoder\.embed\.0\.(\w+)", r"predictor.embed_action.1.\1"),
    (r"action_encoder\.embed\.2\.(\w+)", r"predictor.embed_action.3.\1"),
    (r"action_encoder\.0\.(\w+)", r"predictor.embed_action.0.\1"),
    (r"action_encoder\.1\.0\.(\w+)", r"predictor.embed_action.1.\1"),
    (r"action_encoder\.1\.2\.(\w+)", r"predictor.embed_action.3.\1"),
    # Predictor: stable-worldmodel and pyjepa.
    (r"predictor\.pos_embedding", "predictor.positions"),
    (r"predictor\.transformer\.input_proj\.(\w+)", r"predictor.project_in.\1"),
    (r"predictor\.transformer\.cond_proj\.(\w+)", r"predictor.project_action.\1"),
    (r"predictor\.transformer\.output_proj\.(\w+)", r"predictor.project_out.\1"),
    (r"predictor\.transformer\.norm\.(\w+)", r"predictor.norm.\1"),
    (r"predictor\.transformer\.layers\.(\d+)\.adaLN_modulation\.1\.(\w+)", r"predictor.blocks.\1.modulation.\2"),
    (r"predictor\.transformer\.layers\.(\d+)\.attn\.norm\.(\w+)", r"predictor.blocks.\1.inner_norm1.\2"),
    (r"predictor\.transformer\.layers\.(\d+)\.attn\.to_qkv\.(\w+)", r"predictor.blocks.\1.qkv.\2"),
    (r"predictor\.transformer\.layers\.(\d+)\.attn\.to_out\.0\.(\w+)", r"predictor.blocks.\1.proj.\2"),
    (r"predictor\.transformer\.layers\.(\d+)\.mlp\.net\.0\.(\w+)", r"predictor.blocks.\1.inner_norm2.\2"),
    (r"predictor\.transformer\.layers\.(\d+)\.mlp\.net\.1\.(\w+)", r"predictor.blocks.\1.fc1.\2"),
    (r"predictor\.transformer\.layers\.(\d+)\.mlp\.net\.4\.(\w+)", r"predictor.blocks.\1.fc2.\2"),
    # Predictor: torch-world.
    (r"pos_embed", "predictor.positions"),
    (r"predictor\.blocks\.(\d+)\.modulation\.1\.(\w+)", r"predictor.blocks.\1.modulation.\2"),
    (r"predictor\.blocks\.(\d+)\.attn\.(qkv|proj)\.(\w+)", r"predictor.blocks.\1.\2.\3"),
    (r"predictor\.blocks\.(\d+)\.mlp\.0\.(\w+)", r"predictor.blocks.\1.fc1.\2"),
    (r"predictor\.blocks\.(\d+)\.mlp\.[23]\.(\w+)", r"predictor.blocks.\1.fc2.\2"),
    (r"predictor\.norm\.(\w+)", r"predictor.norm.\1"),
)  # fmt: skip
"""Whole names of theirs, and ours. A name that fits none is left over."""
UNUSED = ("sigreg.", "encoder.embeddings.mask_token", "encoder.pooler.")
"""Parts that take no part in latents or predictions: they are left out."""
LAYOUT: dict[str, Callable[[Tensor], Tensor]] = {
    # Convolutions over patches and over single actions are linear maps; ours see the channels of a pixel side by side.
    "encoder.embed.weight": lambda value: value.permute(0, 2, 3, 1).flatten(1) if value.ndim == 4 else value,
    "predictor.embed_action.0.weight": lambda value: value.squeeze(-1) if value.ndim == 3 else value,
    "predictor.positions": lambda value: value[0] if value.ndim == 3 and len(value) == 1 else value,
}


def own_names(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The same tensors as our world model calls them, and in its layout; what has no place in it keeps its name."""
    prefix = _prefix(tensors)
    renamed: dict[str, Tensor] = {}
    for name, value in tensors.items():
        inner = name.removeprefix(prefix)
        if not inner.startswith(UNUSED):
            own = next((re.sub(pattern, ours, inner) for pattern, ours in RULES if re.fullmatch(pattern, inner)), name)
            renamed[own] = LAYOUT.get(own, lambda same: same)(value)
    join(renamed, r"^(encoder\.blocks\.\d+\.attn\.)query(\.\w+)$", ("query", "key", "value"), "qkv")
    return renamed


def _prefix(tensors: Mapping[str, Tensor]) -> str:
    """What training scripts put before every name, such as `model.`: all that stands before `action_encoder.`."""
    found = {name[: name.index("action_encoder.")] for name in tensors if "action_encoder." in name}
    return min(found, key=len, default="")
