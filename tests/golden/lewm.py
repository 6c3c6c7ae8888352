"""LeWorldModels, tiny ones and the published size, whose every weight follows from its name, and what the classes of three libraries make of them.

`python tests/golden/lewm.py` writes lewm.json: names and shapes of the weights, latents, rollouts and energies. It needs an
environment with torch, torch-world, pyjepa, transformers and the files of stable-worldmodel (0.2.0, 0.3.0, 5.24.0 and 0.1.1 when
lewm.json was made). The tests need none of them.
"""

import importlib.util
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

FILE = Path(__file__).with_name("lewm.json")
ACTION, HISTORY, HORIZON, CANDIDATES = 2, 3, 5, 2
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


@dataclass(frozen=True)
class Size:
    """Of a model, in the words of the paper."""

    side: int
    patch: int
    width: int
    """Of the encoder's tokens."""
    latent: int
    depth: int
    heads: int
    predictor_depth: int
    predictor_width: int
    predictor_heads: int
    head_size: int
    hidden: int
    projection: int
    kept: int
    """Every so many numbers, one is kept in lewm.json."""


TINY = Size(16, 4, 16, 12, 2, 2, 2, 8, 2, 6, 20, 14, kept=1)
PUBLISHED = Size(224, 14, 192, 192, 12, 3, 6, 192, 16, 64, 2048, 2048, kept=37)


def weights(shapes: dict[str, list[int]]) -> dict[str, Tensor]:
    """Numbers of numpy's frozen generator, of the size of trained ones; gates that begin as zeros are none here."""
    made = {}
    for number, (name, shape) in enumerate(sorted(shapes.items())):
        drawn = torch.from_numpy(np.random.RandomState(number).standard_normal(shape)).float()
        if name.endswith("running_var"):
            made[name] = 0.5 + drawn.square()
        elif len(shape) == 1:
            made[name] = 0.3 * drawn + (1.0 if "norm" in name and name.endswith("weight") else 0.0)
        else:
            made[name] = drawn / drawn[0].numel() ** 0.5
    return made


def frames(size: Size) -> Tensor:
    """As stored: `[HISTORY + 1 side side 3]`, the goal last."""
    random = np.random.RandomState(1)
    coarse, fine = (random.randint(0, 128, (HISTORY + 1, side, side, 3), dtype=np.uint8) for side in (size.side // size.patch, size.side))
    return torch.from_numpy(coarse.repeat(size.patch, axis=1).repeat(size.patch, axis=2) + fine)


def actions(context: int) -> Tensor:
    """`[CANDIDATES context-1+HORIZON ACTION]`: what was done between the frames of the context, the same for all, then what is tried."""
    random = np.random.RandomState(2)
    tried, done = (torch.from_numpy(random.uniform(-1, 1, (num, steps, ACTION))).float() for num, steps in ((CANDIDATES, HORIZON), (1, context - 1)))
    return torch.cat([done.expand(CANDIDATES, -1, -1), tried], dim=1)


def torch_world(size: Size) -> nn.Module:
    from torch_world.models.jepa import LeWM
    from torch_world.nn.encoders import CLSEncoder

    encoder = CLSEncoder(size.side, size.patch, embed_dim=size.latent, depth=size.depth, num_heads=size.heads)
    predictor = {"depth": size.predictor_depth, "num_heads": size.predictor_heads, "head_dim": size.head_size, "mlp_dim": size.hidden}
    return LeWM(encoder, ACTION, embed_dim=size.latent, history=HISTORY, proj_dim=size.projection, **predictor)


def pyjepa(size: Size) -> nn.Module:
    from pyjepa.models import build_lewm
    from pyjepa.models.vit import VisionTransformer

    # Its transformers are built with either epsilon: this is the one of its own constructor.
    encoder = VisionTransformer(img_size=size.side, patch_size=size.patch, embed_dim=size.latent, depth=size.depth, num_heads=size.heads)
    return build_lewm(
        encoder,
        action_dim=ACTION,
        history_size=HISTORY,
        pred_depth=size.predictor_depth,
        pred_heads=size.predictor_heads,
        pred_dim_head=size.head_size,
        pred_mlp_dim=size.hidden,
        pred_hidden_dim=size.predictor_width,
        emb_dim=size.latent,
        action_emb_dim=10,
        projector_hidden=size.projection,
    )


def stable_worldmodel(size: Size) -> nn.Module:
    from transformers import ViTConfig, ViTModel

    encoder = {"hidden_size": size.width, "num_hidden_layers": size.depth, "num_attention_heads": size.heads, "intermediate_size": 4 * size.width}
    part, model = _file_of("module"), _file_of("lewm")
    predictor = part.Predictor(
        num_frames=HISTORY,
        depth=size.predictor_depth,
        heads=size.predictor_heads,
        mlp_dim=size.hidden,
        input_dim=size.latent,
        hidden_dim=size.predictor_width,
        output_dim=size.latent,
        dim_head=size.head_size,
    )
    return model.LeWM(
        ViTModel(ViTConfig(image_size=size.side, patch_size=size.patch, **encoder), add_pooling_layer=False, use_mask_token=True),
        predictor,
        part.Embedder(ACTION, 5, size.latent),
        part.MLP(size.width, size.projection, size.latent, nn.BatchNorm1d),
        part.MLP(size.latent, size.projection, size.latent, nn.BatchNorm1d),
    )


def _file_of(name: str):
    """A module of stable-worldmodel by its file: the package itself imports far more than is needed here."""
    root = importlib.util.find_spec("stable_worldmodel")
    assert root is not None and root.submodule_search_locations
    path = Path(root.submodule_search_locations[0]) / "wm" / "lewm" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"stable_worldmodel_{name}", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def by_methods(model: nn.Module, pixels: Tensor) -> tuple[Tensor, Callable[[int], tuple[Tensor, Tensor]]]:
    """torch-world: latents, and a function from a context's length to imagined latents and energies."""
    latents = model.encode(pixels[:, None])[:, 0]

    def imagine(context: int) -> tuple[Tensor, Tensor]:
        rollout = model.rollout(latents[None, :context].expand(CANDIDATES, -1, -1), actions(context))
        return rollout[:, context:], model.cost(rollout, latents[None, -1].expand(CANDIDATES, -1))

    return latents, imagine


def by_dictionaries(model: nn.Module, pixels: Tensor) -> tuple[Tensor, Callable[[int], tuple[Tensor, Tensor]]]:
    """stable-worldmodel and pyjepa: the same. Their energies are sums over a latent's numbers."""
    latents = model.encode({"pixels": pixels[:, None]})["emb"][:, 0]

    def imagine(context: int) -> tuple[Tensor, Tensor]:
        seen = {"pixels": pixels[None, None, :context].expand(-1, CANDIDATES, -1, -1, -1, -1)}
        rollout = model.rollout(seen, actions(context)[None], history_size=HISTORY)["predicted_emb"]
        goal = latents[-1].expand(1, CANDIDATES, 1, -1)
        return rollout[0, :, context:], model.criterion({"predicted_emb": rollout, "goal_emb": goal})[0]

    return latents, imagine


CASES = {
    "torch_world": (torch_world, TINY, by_methods),
    "pyjepa": (pyjepa, TINY, by_dictionaries),
    "stable_worldmodel": (stable_worldmodel, TINY, by_dictionaries),
    "torch_world as published": (torch_world, PUBLISHED, by_methods),
    "stable_worldmodel as published": (stable_worldmodel, PUBLISHED, by_dictionaries),
}


def make() -> dict[str, dict]:
    """The peers' own words."""
    found = {}
    for name, (build, size, run) in CASES.items():
        model = build(size)
        shapes = {key: list(value.shape) for key, value in model.state_dict().items() if value.is_floating_point() and not key.startswith("sigreg")}
        model.load_state_dict(weights(shapes), strict=False)
        pixels = frames(size).permute(0, 3, 1, 2) / 255
        if build is stable_worldmodel:
            mean, std = (torch.tensor(part)[:, None, None] for part in IMAGENET)
            pixels = (pixels - mean) / std
        with torch.no_grad():
            latents, imagine = run(model.eval(), pixels)
            imagined = [imagine(context) for context in range(1, HISTORY + 1)]
        found[name] = {
            "shapes": shapes,
            "latents": _kept(latents, size.kept),
            "rollouts": [_kept(rollout, size.kept) for rollout, _ in imagined],
            "energies": [_kept(energies, 1) for _, energies in imagined],
        }
    return found


def _kept(value: Tensor, every: int) -> list[float]:
    return [round(number, 7) for number in value.double().flatten().tolist()[::every]]


if __name__ == "__main__":
    FILE.write_text(json.dumps(make(), indent=None, separators=(",", ":")) + "\n", encoding="utf-8")
