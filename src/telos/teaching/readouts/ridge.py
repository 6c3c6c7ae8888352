"""Fits readouts in closed form: ridge regression, linear or with Gaussians around some of the labelled beliefs."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Generator, Tensor

from telos.agent.readouts import KernelRidgeReadout, KernelRidgeReadoutConfig, LinearReadout, LinearReadoutConfig

RIDGES = (1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0)
WIDTHS = (0.25, 0.5, 1.0, 2.0, 4.0)
"""Of the Gaussians, as shares of the median squared distance between beliefs."""
NUM_FOLDS = 4
MOST_CHOSEN_ON, CENTRES_CHOSEN_ON = 1500, 100
"""Labels and centres that width and ridge are chosen on; more choose no better (measured on four quantities), and take longer."""
JITTER = 1e-6


@dataclass(frozen=True, kw_only=True)
class Labelled:
    """Beliefs, what is to be read from them, and which episode each is from."""

    beliefs: Float[Tensor, "rows belief"]
    values: Float[Tensor, "rows size"]
    episodes: Int[Tensor, " rows"]

    def __len__(self) -> int:
        return len(self.beliefs)

    def joined(self, other: "Labelled") -> "Labelled":
        """These rows and the other's."""
        return Labelled(
            beliefs=torch.cat([self.beliefs, other.beliefs]),
            values=torch.cat([self.values, other.values]),
            episodes=torch.cat([self.episodes, other.episodes]),
        )

    def some(self, rows: Tensor) -> "Labelled":
        return Labelled(beliefs=self.beliefs[rows], values=self.values[rows], episodes=self.episodes[rows])


@dataclass(frozen=True, kw_only=True)
class Scale:
    """Mean and deviation of each number; what never changes keeps its own unit."""

    mean: Float[Tensor, " size"]
    std: Float[Tensor, " size"]

    @classmethod
    def of(cls, rows: Float[Tensor, "rows size"]) -> "Scale":
        mean, std = rows.mean(dim=0), rows.std(dim=0, unbiased=False)
        return cls(mean=mean, std=torch.where(std > 1e-6 * (1 + mean.abs()), std, torch.ones_like(std)))

    def __call__(self, rows: Tensor) -> Tensor:
        return (rows - self.mean) / self.std


def fit_linear(labelled: Labelled, scale: Scale, *, name: str, unit: str) -> tuple[LinearReadout, float]:
    """A linear readout, and the mean squared error that it showed on episodes left out while its ridge was chosen, in squared deviations.

    Args:
        scale: of beliefs.
    """
    target = Scale.of(labelled.values.double())
    features = _Features.of(scale(labelled.beliefs.double()))
    choice = _choose(labelled, [None], lambda width: features, target)
    weights = features.solve(target(labelled.values.double()), choice.ridge) * target.std
    size, belief_size = labelled.values.shape[1], labelled.beliefs.shape[1]
    readout = LinearReadoutConfig().build(name=name, unit=unit, size=size, belief_size=belief_size)
    slopes = weights[:-1].T / scale.std
    with torch.no_grad():
        readout.map.weight.copy_(slopes)
        readout.map.bias.copy_(weights[-1] + target.mean - slopes @ scale.mean)
    return readout, choice.error


def fit_kernel_ridge(
    labelled: Labelled, scale: Scale, *, config: KernelRidgeReadoutConfig, name: str, unit: str, generator: Generator
) -> tuple[KernelRidgeReadout, float]:
    """The same with Gaussians beside the linear part; centres are drawn among the labelled beliefs."""
    target = Scale.of(labelled.values.double())
    scaled = scale(labelled.beliefs.double())
    order = torch.randperm(len(scaled), generator=generator)
    centres = scaled[order[: config.num_centres]]
    typical = _typical_distance(centres)
    few = labelled.some(order[:MOST_CHOSEN_ON])
    rows = scaled[order[:MOST_CHOSEN_ON]]
    choice = _choose(few, [typical * share for share in WIDTHS], lambda width: _Features.of(rows, centres[:CENTRES_CHOSEN_ON], width), target)
    weights = _Features.of(scaled, centres, choice.width).solve(target(labelled.values.double()), choice.ridge) * target.std
    size, belief_size, num = labelled.values.shape[1], labelled.beliefs.shape[1], len(centres)
    readout = KernelRidgeReadoutConfig(num_centres=num).build(name=name, unit=unit, size=size, belief_size=belief_size)
    values = {
        "mean": scale.mean,
        "inverse_std": 1 / scale.std,
        "centres": centres,
        "width": torch.tensor(choice.width),
        "amplitudes": weights[:num].T,
        "weight": weights[num:-1].T,
        "bias": weights[-1] + target.mean,
    }
    for key, value in values.items():
        getattr(readout, key).copy_(value)
    return readout, choice.error


@dataclass(frozen=True, kw_only=True)
class _Choice:
    width: float | None
    ridge: float
    error: float
    """Mean squared error on episodes that were left out."""


@dataclass(frozen=True, kw_only=True)
class _Features:
    """Gaussians, the belief itself, and a constant; and what their weights are charged with."""

    rows: Float[Tensor, "rows features"]
    penalty: Float[Tensor, "features features"]

    @classmethod
    def of(cls, scaled: Tensor, centres: Tensor | None = None, width: float | None = None) -> "_Features":
        ones, size = scaled.new_ones(len(scaled), 1), scaled.shape[1]
        if centres is None or width is None:
            return cls(rows=torch.cat([scaled, ones], dim=1), penalty=torch.diag(torch.cat([scaled.new_ones(size), scaled.new_zeros(1)])))
        num = len(centres)
        penalty = scaled.new_zeros(num + size + 1, num + size + 1)
        penalty[:num, :num] = _gaussians(centres, centres, width)
        penalty.diagonal()[:-1] += torch.cat([scaled.new_full((num,), JITTER), scaled.new_ones(size)])
        return cls(rows=torch.cat([_gaussians(scaled, centres, width), scaled, ones], dim=1), penalty=penalty)

    def solve(self, target: Float[Tensor, "rows size"], ridge: float) -> Float[Tensor, "features size"]:
        return self.solve_normal(self.rows.T @ self.rows, self.rows.T @ target, ridge)

    def solve_normal(self, normal: Tensor, moments: Tensor, ridge: float) -> Float[Tensor, "features size"]:
        """Weights from what the rows add up to."""
        charged = normal + ridge * self.penalty
        # The constant costs nothing; where it is all there is to learn from, it still has to be one number.
        charged.diagonal().add_(1e-9)
        return torch.linalg.solve(charged, moments)


def _choose(labelled: Labelled, widths: Sequence[float | None], features_of: Callable[[float | None], _Features], target: Scale) -> _Choice:
    """The width and the ridge that read left-out episodes best."""
    fold = _folds(labelled.episodes)
    values, best = target(labelled.values.double()), _Choice(width=None, ridge=RIDGES[-1], error=math.inf)
    for width in widths:
        features = features_of(width)
        rows = [fold == number for number in range(int(fold.max()) + 1)]
        normals = [features.rows[part].T @ features.rows[part] for part in rows]
        moments = [features.rows[part].T @ values[part] for part in rows]
        for ridge in RIDGES:
            error = 0.0
            for part, normal, moment in zip(rows, normals, moments, strict=True):
                weights = features.solve_normal(sum(normals) - normal, sum(moments) - moment, ridge)
                error += float((features.rows[part] @ weights - values[part]).square().sum())
            if error / values.numel() < best.error:
                best = _Choice(width=width, ridge=ridge, error=error / values.numel())
    return best


def _folds(episodes: Int[Tensor, " rows"]) -> Int[Tensor, " rows"]:
    """Which fold each row is left out in: whole episodes, since frames of one are much alike; parts of the only one there is."""
    names, index = torch.unique(episodes, return_inverse=True)
    if len(names) > 1:
        return index % min(NUM_FOLDS, len(names))
    return torch.arange(len(episodes)) * NUM_FOLDS // len(episodes)


def _gaussians(scaled: Tensor, centres: Tensor, width: float) -> Tensor:
    return torch.exp(-torch.cdist(scaled, centres).square() / width)


def _typical_distance(centres: Tensor) -> float:
    distances = torch.pdist(centres[:MOST_CHOSEN_ON]).square()
    return max(float(distances.median()), 1e-9) if len(distances) else 1.0
