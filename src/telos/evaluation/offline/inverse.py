"""Can the actions be told from the frames? What does not show in the frames cannot be learned from them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from telos.core.contracts import AbstractWorldModel
from telos.core.logs import Windows, map_tree
from telos.core.seeding import numpy_generator
from telos.core.spaces import ActionSpace, DiscreteSpace
from telos.data import AbstractEpisodes
from telos.data.survey.features import Scale
from telos.evaluation.offline.bootstrap import Bootstrap, Estimate
from telos.evaluation.offline.latents import bare_neighbours, encode_neighbours
from telos.evaluation.probe import read_out

NUM_COMPONENTS = 48
"""Principal components of the bare frames."""


@dataclass(frozen=True)
class InverseDynamics:
    """Share of the actions' variance (R^2) that can be read from two neighbouring frames; for discrete actions, the share that is named rightly.

    Fitted on training episodes, judged on held-out ones.
    """

    measure: str
    """`R2` or `accuracy`."""
    latents: Estimate
    """From the model's latents of both frames."""
    frames: Estimate
    """From the bare frames, without a model: small grey pictures and readings."""
    one_frame: Estimate
    """From the first frame alone (the better of latents and bare frames): how far the behaviour could be foretold."""
    shuffled: float
    """From the latents, had the actions been mixed up: the floor."""
    by_number: tuple[float, ...]
    """R^2 of each number of the actions from latents or frames, whichever tells more; empty for discrete ones."""
    num_pairs: int

    @property
    def best(self) -> Estimate:
        return max(self.latents, self.frames, key=lambda found: found.value)

    def to_json(self) -> dict[str, Any]:
        parts = {name: value.to_json() if isinstance(value, Estimate) else value for name, value in vars(self).items()}
        return {**parts, "best": self.best.to_json()}


@torch.no_grad()
def inverse_dynamics(
    world_model: AbstractWorldModel, training: AbstractEpisodes, held_out: AbstractEpisodes, *, num_pairs: int = 1000, seed: int = 0
) -> InverseDynamics:
    """Reads actions from pairs of neighbouring frames by ridge regression with a linear and a Gaussian kernel."""
    fit, judge = (logs.windows(numpy_generator(seed, "inverse dynamics", name), num_pairs, 1) for name, logs in _named(training, held_out))
    latents = torch.cat([encode_neighbours(world_model, windows) for windows in (fit, judge)])
    bare = _bare(fit, judge)
    is_fit = torch.arange(2 * num_pairs) < num_pairs
    target = torch.cat([_target(world_model.spaces.action, windows.actions[:, 0]) for windows in (fit, judge)])
    rows = _Judge(target, is_fit, isinstance(world_model.spaces.action, DiscreteSpace), Bootstrap(np.asarray(judge.episodes), seed))
    pairs = {"latents": latents.flatten(1), "frames": bare.flatten(1)}
    scores = {name: rows.score(features) for name, features in pairs.items()}
    alone = max((rows.score(features[:, 0]) for features in (latents, bare)), key=lambda found: found.value)
    best = max(pairs, key=lambda name: scores[name].value)
    mixed = torch.from_numpy(numpy_generator(seed, "inverse dynamics", "mixed").permutation(num_pairs))
    floor = rows.score(pairs["latents"], torch.cat([target[:num_pairs][mixed], target[num_pairs:]]))
    return InverseDynamics(rows.measure, scores["latents"], scores["frames"], alone, floor.value, rows.by_number(pairs[best]), num_pairs)


def _named(training: AbstractEpisodes, held_out: AbstractEpisodes) -> tuple[tuple[str, AbstractEpisodes], ...]:
    return ("training", training), ("held out", held_out)


@dataclass(frozen=True)
class _Judge:
    """Scores features by what can be read from them."""

    target: Float[Tensor, "pairs numbers"]
    is_fit: Tensor
    discrete: bool
    episodes: Bootstrap

    @property
    def measure(self) -> str:
        return "accuracy" if self.discrete else "R2"

    def score(self, features: Tensor, fitted_on: Tensor | None = None) -> Estimate:
        """R^2 or accuracy on the held-out pairs, with its interval."""
        predicted, truth = self._read(features, self.target if fitted_on is None else fitted_on)
        if self.discrete:
            return self.episodes.mean((predicted.argmax(dim=1) == truth.argmax(dim=1)).double().numpy())
        errors, total = (predicted - truth).square().sum(dim=1), truth.square().sum(dim=1)
        return self.episodes.ratio(errors.numpy(), total.numpy()).scaled(-1.0, 1.0)

    def by_number(self, features: Tensor) -> tuple[float, ...]:
        if self.discrete:
            return ()
        predicted, truth = self._read(features, self.target)
        shares = (predicted - truth).square().sum(dim=0) / truth.square().sum(dim=0).clamp_min(1e-12)
        return tuple((1 - shares).tolist())

    def _read(self, features: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """What is read, and the truth, for the held-out pairs, in deviations of the fitted ones."""
        mean, spread = target[self.is_fit].mean(dim=0), target[self.is_fit].std(dim=0)
        units = (target - mean) / torch.where(spread > 1e-9, spread, torch.ones_like(spread))
        predicted = read_out(features, units, self.is_fit, kernel=True)
        if not self.discrete:
            return predicted, units[~self.is_fit]
        return predicted * spread + mean, target[~self.is_fit]


def _target(space: ActionSpace, actions: np.ndarray) -> Tensor:
    if isinstance(space, DiscreteSpace):
        return torch.nn.functional.one_hot(torch.from_numpy(actions[:, 0]).long(), space.num).double()
    return torch.from_numpy(actions).double()


def _bare(fit: Windows, judge: Windows) -> Float[Tensor, "pairs 2 size"]:
    """The first frame, and what has changed by the second, as principal components of the fitting pairs."""
    scale = Scale.of(map_tree(lambda leaf: leaf[:, 0], fit.observations))
    first, second = torch.cat([bare_neighbours(windows, scale) for windows in (fit, judge)]).unbind(dim=1)
    return torch.stack([_principal(part, len(fit.actions)) for part in (first, second - first)], dim=1)


def _principal(rows: Float[Tensor, "rows size"], num_fit: int) -> Tensor:
    centred = rows - rows[:num_fit].mean(dim=0)
    _, _, directions = torch.linalg.svd(centred[:num_fit], full_matrices=False)
    return centred @ directions[:NUM_COMPONENTS].T
