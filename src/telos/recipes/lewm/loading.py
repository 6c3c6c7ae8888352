"""World models of the field as ours: LeWorldModel's weights, as stable-worldmodel, torch-world and pyjepa save them."""

import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from telos.agent.perception.pretrained import IMAGENET_MEAN, IMAGENET_STD
from telos.agent.perception.weights import fill, read_tensors
from telos.agent.world_model import JEPA, JEPAConfig
from telos.core.errors import ConfigError
from telos.core.logs import Moments
from telos.core.spaces import PixelSpace, Spaces, VectorSpace
from telos.recipes.lewm.naming import own_names
from telos.recipes.lewm.sizes import EXPECTED, Sizes, Untold, misfit, read_sizes

Weights = Path | str | Mapping[str, Tensor]
HUGGING_FACE, AUTHORS = "embeddings.", "predictor.transformer."
"""Parts of names that tell whose encoder, and whose predictor it is."""


def load_lewm(weights: Weights, spaces: Spaces | None = None, *, actions: Moments | None = None, untold: Untold | None = None) -> JEPA:
    """The world model that these weights are of; its latents, predictions and energies are those of the original, to rounding.

    Use to plan with, study or fine-tune a LeWorldModel that somebody else has trained. `import_lewm` makes a run of it.

    Args:
        weights: a safetensors file, a torch file of tensors (nothing else in it is unpickled), or the state dict itself.
        spaces: what it sees and does; by default square pictures, and actions from -1 to 1 in every number.
        actions: mean and deviation by which actions were normalised for its training, if they were (`Untold.actions`).
        untold: what weights do not say of themselves.

    Raises:
        ConfigError: the weights are no LeWorldModel; the message names what is missing, left over, or of another shape.

    Source: Maes et al. (2026), LeWorldModel, arXiv 2603.19312.
    """
    tensors, sizes, source = convert(weights, untold or Untold())
    if sizes.actions == "z-scored" and actions is None:
        raise misfit(
            source, "its actions are z-scored, and neither mean nor deviation is given", fix='say actions=Moments(...), or Untold(actions="plain")'
        )
    return build(tensors, sizes, source, spaces=spaces, actions=actions if sizes.actions == "z-scored" else None)


def convert(weights: Weights, untold: Untold) -> tuple[dict[str, Tensor], Sizes, str]:
    """The tensors by our names, with pixels prepared as the model wants them; sizes; and what to call the weights in errors."""
    named, source = (weights, "given") if isinstance(weights, Mapping) else (read_state_dict(weights), str(weights))
    hugging_face, authors = (any(part in name for name in named) for part in (HUGGING_FACE, AUTHORS))
    tensors = own_names({name: value.detach().float() if value.is_floating_point() else value for name, value in named.items()})
    sizes = read_sizes(tensors, untold, hugging_face=hugging_face, authors=authors, source=source)
    _complete(tensors, sizes)
    if sizes.pixels == "imagenet" and sizes.channels != len(IMAGENET_MEAN):
        raise misfit(source, f"pictures of {sizes.channels} channels cannot be normalised as ImageNet is", fix='say pixels="unit"')
    mean, std = (IMAGENET_MEAN, IMAGENET_STD) if sizes.pixels == "imagenet" else ((0.0,) * sizes.channels, (1.0,) * sizes.channels)
    tensors["encoder.normalization.mean"] = 255 * torch.tensor(mean)
    tensors["encoder.normalization.inverse_std"] = 1 / (255 * torch.tensor(std))
    return tensors, sizes, source


def build(tensors: dict[str, Tensor], sizes: Sizes, source: str, *, spaces: Spaces | None = None, actions: Moments | None = None) -> JEPA:
    """The model of these sizes, filled with these tensors. Raises ConfigError if the spaces are not those that it was trained on."""
    own = Spaces(PixelSpace(sizes.image, sizes.image, sizes.channels), VectorSpace(sizes.action, (-1.0,) * sizes.action, (1.0,) * sizes.action))
    spaces = spaces or own
    if spaces.observation != own.observation:
        raise misfit(
            source,
            f"it sees {own.observation.describe()}, and is to be shown {spaces.observation.describe()}",
            fix=f"import the logs with --resize {sizes.image}, or say image_size=",
        )
    if not isinstance(spaces.action, VectorSpace) or spaces.action.size != sizes.action:
        raise misfit(
            source,
            f"its actions are {sizes.action} numbers, and are to be {spaces.action.describe()}",
            fix="import the logs with the --stride that it was trained on, and --combine stack",
        )
    model = config_of(sizes).build(spaces, None if actions is None else {"action": actions})
    constants = {name: value for name, value in model.state_dict().items() if name.startswith("actions.")}
    fill(model, {**_fold_actions(tensors, model, actions), **constants}, source, expected=EXPECTED)
    return model.eval()


def config_of(sizes: Sizes) -> JEPAConfig:
    """What the model is made of."""
    return JEPAConfig(encoder=sizes.encoder, predictor=sizes.predictor, latent_size=sizes.latent)


def _complete(tensors: dict[str, Tensor], sizes: Sizes) -> None:
    """Writes out what an original leaves out because it would change nothing: maps that are the identity, biases of zero, counters."""
    width, latent = sizes.encoder.width, sizes.latent
    for head in ("encoder.head.1", "predictor.head.1"):
        if f"{head}.running_var" in tensors:
            tensors.setdefault(f"{head}.num_batches_tracked", torch.tensor(0))
    if not sizes.encoder.head_hidden and width == latent:
        tensors |= {"encoder.head.weight": torch.eye(width), "encoder.head.bias": torch.zeros(width)}
    for block in range(sizes.encoder.depth):
        tensors.setdefault(f"encoder.blocks.{block}.attn.qkv.bias", torch.zeros(3 * width))
    inner = sizes.predictor.num_heads * sizes.predictor.head_size
    if sizes.predictor.num_heads == 1 and inner == (sizes.predictor.width or latent):
        for block in range(sizes.predictor.depth):
            if f"predictor.blocks.{block}.proj.weight" not in tensors:
                tensors |= {f"predictor.blocks.{block}.proj.weight": torch.eye(inner), f"predictor.blocks.{block}.proj.bias": torch.zeros(inner)}


def _fold_actions(tensors: dict[str, Tensor], model: JEPA, actions: Moments | None) -> dict[str, Tensor]:
    """The same model for actions as ours come, bounded ones from -1 to 1: the difference goes into the first linear map.

    Theirs see `(action - mean) / std`, ours `(action - middle) * inverse`, so that `theirs = ours / (inverse * std) + (middle - mean) / std`.
    """
    weight, bias = (tensors[f"predictor.embed_action.0.{part}"].double() for part in ("weight", "bias"))
    middle, inverse = (part.double() for part in (model.actions.normalization.mean, model.actions.normalization.inverse_std))
    mean, std = torch.zeros_like(middle), torch.ones_like(middle)
    if actions is not None:
        mean, std = (torch.tensor(part, dtype=torch.float64) for part in (actions.mean, actions.std))
    std = torch.where(std > 0, std, torch.ones_like(std))
    folded = {"weight": weight / (inverse * std), "bias": bias + weight @ ((middle - mean) / std)}
    return {**tensors, **{f"predictor.embed_action.0.{part}": value.float() for part, value in folded.items()}}


def read_state_dict(path: Path | str) -> dict[str, Tensor]:
    """All tensors of a safetensors file or of a torch file; of the latter, nothing but tensors and plain values is unpickled.

    Raises:
        ConfigError: it is neither, or holds whole Python objects.
    """
    if not zipfile.is_zipfile(path):
        return read_tensors(path)
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, OSError, EOFError, ValueError) as error:
        raise ConfigError(
            f"The weights {path} hold more than tensors, and Python objects of others are not unpickled here.",
            fix="where they were trained: torch.save(model.state_dict(), FILE)",
        ) from error
    while isinstance(content, Mapping) and isinstance(content.get("state_dict", content.get("model")), Mapping):
        content = content.get("state_dict", content.get("model"))
    tensors = {name: value for name, value in content.items() if isinstance(value, Tensor)} if isinstance(content, Mapping) else {}
    if not tensors:
        raise ConfigError(f"The weights {path} hold no tensors by name.", expected="a state dict, as safetensors or by torch.save")
    return tensors
