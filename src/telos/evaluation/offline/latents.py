"""Are the latents healthy, do they tell frames apart, and do held-out frames look like those that were trained on?"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from telos.core.contracts import AbstractWorldModel
from telos.core.logs import Windows, map_tree
from telos.core.seeding import numpy_generator
from telos.data import AbstractEpisodes
from telos.data.survey.features import Scale
from telos.evaluation.offline.bootstrap import Bootstrap, Estimate
from telos.evaluation.offline.foresight import elsewhere
from telos.evaluation.open_loop import WINDOWS_AT_ONCE
from telos.training.diagnostics import CollapseWatch, Health, effective_rank

USUAL = 0.95
"""Share of training frames that count as usual, by their distance to the nearest frame of another training episode."""


@dataclass(frozen=True)
class Latents:
    """What the latents of held-out frames are worth."""

    effective_rank: float
    latent_size: int
    mean_deviation: float
    collapse: str
    """How the latents have collapsed, in a sentence; empty if they have not."""
    told_apart: Estimate
    """How often the next frame is nearer than a frame of another episode; chance is 0.5."""
    told_apart_bare: float
    """The same by the bare frames, as small grey pictures and readings: in a world of large steps neither is near 1."""
    unusual: Estimate
    """Share of held-out frames farther from all training frames than 95 % of training frames are from those of other episodes; 0.05 is expected."""

    def to_json(self) -> dict[str, Any]:
        return {name: value.to_json() if isinstance(value, Estimate) else value for name, value in vars(self).items()}


@torch.no_grad()
def judge_latents(
    world_model: AbstractWorldModel, training: AbstractEpisodes, held_out: AbstractEpisodes, *, num_frames: int = 1000, seed: int = 0
) -> Latents:
    """Draws frames, with the next one each, from training and held-out episodes."""
    seen, reference, unseen = (
        logs.windows(numpy_generator(seed, "latents", name), num_frames, 1)
        for name, logs in (("training", training), ("reference", training), ("held out", held_out))
    )
    latents, known, fresh = (encode_neighbours(world_model, windows) for windows in (seen, reference, unseen))
    episodes = np.asarray(unseen.episodes)
    bootstrap = Bootstrap(episodes, seed)
    flat = fresh.flatten(0, 1)
    # Error and floor play no part in whether latents have collapsed.
    health = Health(tuple(flat.std(dim=0).tolist()), effective_rank(flat), 0.0, 1.0)
    usual = _nearest(latents[:, 0], known[:, 0], torch.from_numpy(np.asarray(seen.episodes)[:, None] == np.asarray(reference.episodes)))
    usual = usual[usual.isfinite()]
    # With one training episode there is no other to be compared with.
    limit = usual.quantile(USUAL) * (1 + 1e-6) if len(usual) else torch.inf
    far = _nearest(fresh[:, 0], known[:, 0]) > limit
    bare = bare_neighbours(unseen)
    others = torch.from_numpy(elsewhere(episodes, numpy_generator(seed, "frames to be told apart")))
    return Latents(
        health.effective_rank,
        health.latent_size,
        health.mean_deviation,
        CollapseWatch().collapse(health),
        bootstrap.mean(_told_apart(fresh, fresh[others, 0]).numpy()),
        float(_told_apart(bare, bare[others, 0]).mean()),
        bootstrap.mean(far.double().numpy()),
    )


def _told_apart(pairs: Float[Tensor, "frames 2 latent"], others: Float[Tensor, "frames latent"]) -> Float[Tensor, " frames"]:
    near = (pairs[:, 0] - pairs[:, 1]).square().sum(dim=1)
    far = (pairs[:, 0] - others).square().sum(dim=1)
    return (near < far).double() + 0.5 * (near == far).double()


def _nearest(rows: Float[Tensor, "frames latent"], reference: Float[Tensor, "others latent"], same: Tensor | None = None) -> Tensor:
    """Distance `[frames]` to the nearest row of the reference, those that are the `same` episode left out."""
    distances = torch.cdist(rows, reference)
    return (distances if same is None else distances.masked_fill(same, torch.inf)).amin(dim=1)


def bare_neighbours(windows: Windows, scale: Scale | None = None) -> Float[Tensor, "pairs 2 size"]:
    """The frames of windows of one step without a model; the scale is their own, or another's."""
    frames = [map_tree(lambda leaf, time=time: leaf[:, time], windows.observations) for time in (0, 1)]
    scale = scale or Scale.of(frames[0])
    return torch.from_numpy(np.stack([scale.features(frame) for frame in frames], axis=1))


@torch.no_grad()
def encode_neighbours(world_model: AbstractWorldModel, windows: Windows) -> Float[Tensor, "pairs 2 latent"]:
    """Latents of the frames of windows of one step, some at a time, since pictures may be large."""
    parts = []
    for start in range(0, len(windows.actions), WINDOWS_AT_ONCE):
        rows = slice(start, start + WINDOWS_AT_ONCE)
        frames = map_tree(lambda leaf, rows=rows: torch.from_numpy(np.ascontiguousarray(leaf[rows])).flatten(0, 1), windows.observations)
        frames = map_tree(lambda leaf: leaf.to(world_model.device), frames)
        parts.append(world_model.encode_frames(frames)[:, : world_model.latent_size].double().cpu().unflatten(0, (-1, 2)))
    return torch.cat(parts)
