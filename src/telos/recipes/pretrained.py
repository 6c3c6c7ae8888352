"""Recipes whose perception somebody else has trained."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from telos.agent.perception import EncoderConfig
from telos.agent.perception.pretrained import BackboneFeatures, PretrainedConfig, ViTFeatures
from telos.agent.world_model import JEPAConfig
from telos.core.contracts import AbstractEncoderConfig
from telos.core.errors import ConfigError
from telos.core.logs import AbstractLogs
from telos.core.spaces import PixelSpace, TreeSpace
from telos.recipes.recipe import Recipe
from telos.recipes.standard import default


def pretrained(logs: AbstractLogs, *, weights: Path | str, backbone: AbstractEncoderConfig | None = None, **settings: Any) -> Recipe:
    """As the default for pictures, with frozen weights from a local file below a small head that learns.

    Args:
        weights: a safetensors file: a vision transformer as in DINOv2, or what `backbone` asks for.
        backbone: another architecture; its parameters have the names in the file.
        settings: of `ViTFeatures` (`resolution`, `grid`, `num_heads`), or of `BackboneFeatures` (`resolution`, `num_features`).

    Raises:
        ConfigError: nothing is seen in pictures, or the weights do not fit.
    """
    space = logs.spaces.observation
    if not any(isinstance(part, PixelSpace) for part in (space.spaces.values() if isinstance(space, TreeSpace) else [space])):
        raise ConfigError(f"Pretrained features are made of pictures, and the logs hold {space.describe()}.", fix="train without --weights")
    features = ViTFeatures.of(weights, **settings) if backbone is None else BackboneFeatures.of(weights, backbone=backbone, **settings)
    recipe = default(logs)
    assert isinstance(recipe.world_model, JEPAConfig)
    model = replace(recipe.world_model, encoder=EncoderConfig(pixels=PretrainedConfig(features_of=features)))
    return replace(recipe, name=f"{recipe.name}-pretrained", world_model=model)
