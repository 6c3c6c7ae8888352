"""Before training: what frozen networks make of the logs' pictures."""

from collections.abc import Mapping
from functools import partial

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import nn

from telos.core.contracts import AbstractFeatures
from telos.core.errors import ConfigError
from telos.core.logs import AbstractLogs
from telos.data import Episodes, Mixture, Selection
from telos.data.features import FeatureSource, with_features
from telos.recipes.recipe import Recipe
from telos.training.trainer import Progress, Watcher


def seen_through(recipe: Recipe, logs: tuple[AbstractLogs, ...], fabric: Fabric, watcher: Watcher) -> tuple[AbstractLogs, ...]:
    """The logs as training reads them: with features in place of pictures where the recipe has frozen networks, else as they are.

    One process computes what is not on disk yet; the others wait for it.

    Raises:
        ConfigError: weights are gone or have changed, or frames are to be augmented that training never sees.
        DataError: features cannot be kept.
    """
    features = recipe.world_model.features(logs[0].spaces)
    if not features:
        return logs
    for phase in recipe.curriculum.phases:
        if phase.augmentations:
            raise ConfigError(
                f"Phase '{phase.name}' augments pictures, and frozen features are made of them once, as they were logged.",
                fix="leave out the augmentations, or the pretrained encoder",
            )
    sources = {name: _source(part, part.load().to(fabric.device)) for name, part in features.items()}
    if fabric.is_global_zero:
        _read(logs, sources, lambda done, total: watcher(Progress(done, total, "features of the pictures", stage="features")))
    fabric.barrier()
    return _read(logs, sources, lambda done, total: None)


def _source(features: AbstractFeatures, model: nn.Module) -> FeatureSource:
    return FeatureSource(key=features.key, size=features.size, compute=partial(_compute, features, model))


@torch.no_grad()
def _compute(features: AbstractFeatures, model: nn.Module, pictures: np.ndarray) -> np.ndarray:
    device = next(model.parameters()).device
    return features(model, torch.from_numpy(pictures).to(device)).cpu().numpy()


def _read(logs: tuple[AbstractLogs, ...], sources: Mapping[str, FeatureSource], progress) -> tuple[AbstractLogs, ...]:
    """Views share their stores: each store is read once."""
    known: dict[int, Episodes] = {}

    def read(part: AbstractLogs) -> AbstractLogs:
        match part:
            case Selection():
                return Selection(read(part.logs), part.indices)  # type: ignore[arg-type]
            case Mixture():
                return Mixture([read(inner) for inner in part.parts])  # type: ignore[misc]
            case Episodes():
                if id(part) not in known:
                    known[id(part)] = with_features(part, sources, progress)
                return known[id(part)]
        raise ConfigError(f"Frozen features are made of stores, and not of {type(part).__name__}.")

    return tuple(read(part) for part in logs)
