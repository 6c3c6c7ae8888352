"""What do the latents know? True quantities read from them, beside floors that anybody could reach."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from telos.core.contracts import AbstractWorldModel
from telos.core.logs import AbstractLogs, first_leaf, map_tree
from telos.core.seeding import derive_seed, numpy_generator
from telos.data import AbstractEpisodes
from telos.evaluation.quantities import as_read, quantity_names

RIDGES = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)


@dataclass(frozen=True)
class Probe:
    """Share of a quantity's variance (R^2, held-out episodes) that can be read from three kinds of features."""

    quantity: str
    latent: float
    """From the trained model's latents."""
    untrained: float
    """From an encoder of the same shape with fresh weights."""
    pca: float
    """From the leading principal components of the observation, as many as the latent has numbers."""
    linear: float
    """From the trained latents by a linear readout: much lower than `latent` where they are folded."""

    def to_json(self) -> dict[str, float | str]:
        return dict(vars(self))


FEWEST_FRAMES = 8
"""On either side of the split; with fewer there is nothing to be read, and nothing to judge it by."""


def true_states_of(logs: AbstractEpisodes) -> dict[str, np.ndarray]:
    """The true quantities `[frames size]` that the logs carry, episode after episode; empty if they carry none."""

    def rows(name: str) -> np.ndarray:
        return np.concatenate([logs.info(name, episode) for episode in range(logs.num_episodes)])

    return {name: as_read(logs, name, rows(name)) for name in quantity_names(logs)}


@torch.no_grad()
def probe(
    world_model: AbstractWorldModel,
    untrained: AbstractWorldModel,
    logs: AbstractLogs,
    true_states: Mapping[str, np.ndarray],
    *,
    num_frames: int = 2000,
    seed: int = 0,
) -> list[Probe]:
    """Reads each true quantity by ridge regression with a linear and a Gaussian kernel, fitted on one half of the episodes and judged on the other.

    Args:
        true_states: quantities `[frames size]` of all frames of `logs`, episode after episode. For evaluation only.
    """
    lengths = np.asarray(logs.lengths) + 1
    episode_of = np.repeat(np.arange(len(lengths)), lengths)
    rng = numpy_generator(seed, "probe")
    rows = np.sort(rng.permutation(len(episode_of))[:num_frames])
    observations = _frames(logs, rows, np.cumsum(lengths) - lengths, episode_of)
    is_fit = torch.from_numpy(rng.permutation(len(lengths))[episode_of[rows]] % 2 == 0)
    if min(is_fit.sum(), (~is_fit).sum()) < FEWEST_FRAMES:
        return []
    tensors = map_tree(torch.from_numpy, observations)
    latent, fresh = (model.encode_frames(tensors)[:, : model.latent_size].double() for model in (world_model, untrained))
    flat = torch.cat([leaf.double().flatten(1) for leaf in (tensors.values() if isinstance(tensors, Mapping) else [tensors])], dim=1)
    features = {"latent": latent, "untrained": fresh, "pca": _principal(flat, is_fit, world_model.latent_size, seed)}
    results = []
    for name, values in true_states.items():
        target = torch.from_numpy(np.asarray(values, dtype=np.float64)[rows].reshape(len(rows), -1))
        # Where a true state is not known (NaN), there is nothing to be read.
        known = target.isfinite().all(dim=1)
        fit, target = is_fit[known], target[known]
        if min(fit.sum(), (~fit).sum()) < FEWEST_FRAMES or target.std(dim=0).max() < 1e-9:
            continue
        scores = {kind: _r_squared(feature[known], target, fit, kernel=True) for kind, feature in features.items()}
        results.append(Probe(name, **scores, linear=_r_squared(latent[known], target, fit, kernel=False)))
    return results


def _frames(logs: AbstractLogs, rows: np.ndarray, first: np.ndarray, episode_of: np.ndarray):
    pieces = []
    for episode in np.unique(episode_of[rows]):
        mine = rows[episode_of[rows] == episode] - first[episode]
        pieces.append(map_tree(lambda leaf, mine=mine: np.asarray(leaf[mine]), logs.episode(int(episode)).observations))
    if isinstance(pieces[0], Mapping):
        return {name: np.concatenate([piece[name] for piece in pieces]) for name in pieces[0]}
    return np.concatenate([first_leaf(piece) for piece in pieces])


def _principal(flat: Float[Tensor, "frames size"], is_fit: Tensor, num: int, seed: int) -> Tensor:
    mean = flat[is_fit].mean(dim=0)
    # The decomposition draws random numbers, and takes no generator.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed(seed, "principal components"))
        _, _, directions = torch.svd_lowrank(flat[is_fit] - mean, q=min(num, flat.shape[1], int(is_fit.sum())), niter=4)
    return (flat - mean) @ directions


def read_out(features: Float[Tensor, "rows size"], target: Float[Tensor, "rows numbers"], is_fit: Tensor, *, kernel: bool) -> Tensor:
    """What ridge regression, fitted on the rows that are `is_fit`, reads for the others: `[judged numbers]`.

    The ridge is chosen on a quarter of the fitting rows; targets should have mean 0 and deviation 1 there.
    """
    fit, judge = torch.where(is_fit)[0], torch.where(~is_fit)[0]
    mean, std = features[fit].mean(dim=0), features[fit].std(dim=0).clamp_min(1e-9)
    scaled = (features - mean) / std
    gram = scaled @ scaled[fit].T + 1.0
    if kernel:
        # Beside the linear kernel, not in its place: a Gaussian alone says nothing beyond the frames that it was fitted on.
        gram = gram + _gaussian(scaled, fit)
    cut = 3 * len(fit) // 4
    errors = [
        (_predict(gram[fit[cut:], :cut], gram[fit[:cut], :cut], target[fit[:cut]], ridge) - target[fit[cut:]]).square().sum() for ridge in RIDGES
    ]
    best = RIDGES[int(torch.stack(errors).argmin())]
    return _predict(gram[judge], gram[fit], target[fit], best)


def _r_squared(features: Tensor, target: Tensor, is_fit: Tensor, *, kernel: bool) -> float:
    """Held-out R^2 of the numbers that vary."""
    spread = target[is_fit].std(dim=0)
    varies = spread > 1e-9
    target = (target[:, varies] - target[is_fit][:, varies].mean(dim=0)) / spread[varies]
    predicted, truth = read_out(features, target, is_fit, kernel=kernel), target[~is_fit]
    return float(1 - (predicted - truth).square().sum() / (truth - truth.mean(dim=0)).square().sum())


def _gaussian(scaled: Tensor, fit: Tensor) -> Tensor:
    distances = torch.cdist(scaled, scaled[fit]).square()
    return torch.exp(-distances / distances[fit].median().clamp_min(1e-9))


def _predict(cross: Tensor, gram: Tensor, target: Tensor, ridge: float) -> Tensor:
    weights = torch.linalg.solve(gram + ridge * torch.eye(len(gram), dtype=gram.dtype), target)
    return cross @ weights
