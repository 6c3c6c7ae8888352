"""How the model has laid out the world in its head: latents of held-out frames, to be coloured by what was true."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float

from telos.core.contracts import AbstractWorldModel
from telos.core.logs import map_tree
from telos.core.seeding import numpy_generator
from telos.data import AbstractEpisodes
from telos.evaluation.quantities import as_read, quantity_names

RIDGE = 1e-3
FAVOURITE = "position"


@dataclass(frozen=True)
class LatentMap:
    """Held-out frames, as they were and as the model sees them. The true state is for evaluation only."""

    quantity: str
    true: Float[np.ndarray, "frames quantities"]
    """At most two numbers of the true quantity."""
    principal: Float[np.ndarray, "frames 2"]
    """The two directions in which the latents vary most."""
    share: float
    """Of the latents' variance in these two."""
    readout: Float[np.ndarray, "frames quantities"]
    """A linear readout of the true quantity, fitted on other episodes than those shown."""


def latent_map(world_model: AbstractWorldModel, logs: AbstractEpisodes, *, seed: int, num_frames: int = 2400) -> LatentMap | None:
    """A map of held-out frames; None if the logs carry no small true quantity that varies, or fewer than two episodes."""
    rng = numpy_generator(seed, "latent map")
    lengths = np.asarray(logs.lengths)
    episodes = rng.choice(len(lengths), size=num_frames, p=lengths / lengths.sum())
    times = rng.integers(lengths[episodes])
    shown = rng.permutation(len(lengths))[episodes] % 2 == 0
    found = _true_quantity(logs, episodes, times)
    if found is None or shown.all() or not shown.any():
        return None
    name, true = found
    observations, _ = logs.gather(episodes, times, 1)
    latents = _latents(world_model, map_tree(lambda leaf: leaf[:, 0], observations))
    centred = latents - latents.mean(axis=0)
    _, spread, directions = np.linalg.svd(centred, full_matrices=False)
    rows = np.concatenate([centred, np.ones((len(centred), 1))], axis=1)
    penalty = RIDGE * np.eye(rows.shape[1])
    weights = np.linalg.solve(rows[~shown].T @ rows[~shown] + penalty, rows[~shown].T @ true[~shown])
    share = float((spread[:2] ** 2).sum() / max((spread**2).sum(), 1e-12))
    return LatentMap(name, true[shown], (centred @ directions[:2].T)[shown], share, (rows @ weights)[shown])


def _true_quantity(logs: AbstractEpisodes, episodes: np.ndarray, times: np.ndarray) -> tuple[str, np.ndarray] | None:
    """The position, or else the first small quantity that varies: its name, and one or two numbers `[frames quantities]`."""
    for name in sorted(quantity_names(logs), key=lambda name: (name != FAVOURITE, name)):
        rows = np.stack([logs.info(name, int(episode))[time] for episode, time in zip(episodes, times, strict=True)])
        values = as_read(logs, name, rows)[:, :2]
        if values.dtype.kind in "iuf" and (values.std(axis=0) > 1e-9).all():
            return name, values.astype(np.float64)
    return None


@torch.no_grad()
def _latents(world_model: AbstractWorldModel, observations) -> Float[np.ndarray, "frames latent"]:
    device = world_model.device
    tensors = map_tree(lambda leaf: torch.from_numpy(np.ascontiguousarray(leaf)).to(device), observations)
    return world_model.encode_frames(tensors)[:, : world_model.latent_size].double().cpu().numpy()
