"""A power law that levels off, fitted to the points of a learning curve, with an honest uncertainty."""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from telos.core.seeding import numpy_generator
from telos.evaluation.offline.bootstrap import Estimate

LEVELS = np.array([*np.linspace(0, 1.2, 25), 1.5, 2.0, 3.0])
"""Candidates for where the curve levels off, as shares of the least error that was measured."""
EXPONENTS = np.arange(2, 81) / 40
NUM_DRAWS = 500
DRAWS_AT_ONCE = 50


@dataclass(frozen=True)
class PowerLaw:
    """`error = level + slope * episodes ** -exponent`, never rising with more episodes."""

    level: float
    slope: float
    exponent: float

    def __call__(self, episodes: float) -> float:
        return self.level + self.slope * episodes**-self.exponent

    def gain(self, episodes: float, factor: float = 2.0) -> float:
        """By which share the error falls when there are `factor` times as many episodes."""
        return 1 - self(factor * episodes) / max(self(episodes), 1e-12)

    def episodes_for(self, error: float) -> float:
        """Episodes at which the error is so low; infinite if it never is."""
        if error <= self.level or self.slope <= 0:
            return math.inf
        return (self.slope / (error - self.level)) ** (1 / self.exponent)


@dataclass(frozen=True)
class Fit:
    """The law that fits best, and laws that might be true as well."""

    law: PowerLaw
    draws: tuple[PowerLaw, ...]
    noise: float
    """Deviation of the logarithm of an error from seed to seed."""

    def gain(self, episodes: float) -> Estimate:
        """By which share twice as many episodes would lower the error.

        Laws that cannot rise push their draws to one side, so the interval spans those of the percentiles and of their mirror image at the value:
        each alone covered the truth in 73 to 95 % of made-up curves, both together in 93 to 100 %.
        """
        drawn = _estimate(self.law.gain(episodes), [law.gain(episodes) for law in self.draws])
        mirrored = 2 * drawn.value - drawn.high, 2 * drawn.value - drawn.low
        return Estimate(drawn.value, max(0.0, min(drawn.low, mirrored[0])), max(drawn.high, mirrored[1]))

    def episodes_for(self, share: float, episodes: float) -> Estimate:
        """Episodes that would lower the error of `episodes` to a `share` of it; infinite where none would."""
        return _estimate(*self._needed(share, episodes))

    def _needed(self, share: float, episodes: float) -> tuple[float, list[float]]:
        def needed(law: PowerLaw) -> float:
            return law.episodes_for(share * law(episodes))

        return needed(self.law), [needed(law) for law in self.draws]


def fit_power_law(episodes: Float[np.ndarray, " points"], errors: Float[np.ndarray, " points"], *, seed: int = 0) -> Fit:
    """Least squares in relative error over a grid; the uncertainty is that of errors drawn anew around the fit (parametric bootstrap).

    How far they are drawn apart is measured between seeds of equally many episodes, or, with one seed, left over by the fit; how well that is known
    is drawn too, so that few points give wide intervals.
    """
    law = PowerLaw(*_best(episodes, errors[None])[0].tolist())
    fitted = np.array([law(num) for num in episodes])
    noise, freedom = _noise(episodes, errors, fitted)
    rng = numpy_generator(seed, "learning curve")
    sizes = noise * np.sqrt(freedom / rng.chisquare(freedom, NUM_DRAWS))
    drawn = fitted * np.exp(sizes[:, None] * rng.standard_normal((NUM_DRAWS, len(errors))))
    draws = np.concatenate([_best(episodes, drawn[start : start + DRAWS_AT_ONCE]) for start in range(0, NUM_DRAWS, DRAWS_AT_ONCE)])
    return Fit(law, tuple(PowerLaw(*row) for row in draws.tolist()), noise)


def _best(episodes: Float[np.ndarray, " points"], errors: Float[np.ndarray, "draws points"]) -> Float[np.ndarray, "draws 3"]:
    """Level, slope and exponent of the best law for each row."""
    shape = episodes[None, :] ** -EXPONENTS[:, None]
    levels = LEVELS * errors.min(axis=1, keepdims=True)
    # The slope of least squares in relative error, for each draw, level and exponent.
    weights = 1 / errors
    above = np.einsum("ep,dlp->dle", shape, weights[:, None] * (1 - levels[..., None] * weights[:, None]))
    below = np.einsum("ep,dp->de", shape**2, weights**2)[:, None]
    slopes = np.maximum(above / below, 0)
    predicted = levels[:, :, None, None] + slopes[..., None] * shape
    squares = np.square(predicted * weights[:, None, None] - 1).sum(axis=3)
    place = squares.reshape(len(errors), -1).argmin(axis=1)
    level, exponent = np.unravel_index(place, squares.shape[1:])
    rows = np.arange(len(errors))
    return np.stack([levels[rows, level], slopes[rows, level, exponent], EXPONENTS[exponent]], axis=1)


def _noise(episodes: np.ndarray, errors: np.ndarray, fitted: np.ndarray) -> tuple[float, int]:
    """Deviation of the logarithms, and its degrees of freedom."""
    logs = np.log(errors)
    _, group = np.unique(episodes, return_inverse=True)
    between = logs - (np.bincount(group, weights=logs) / np.bincount(group))[group]
    freedom = len(errors) - len(np.unique(group))
    if not freedom:
        # The law has three numbers of its own.
        between, freedom = logs - np.log(fitted), max(1, len(errors) - 3)
    return float(np.sqrt(np.square(between).sum() / freedom)), freedom


def _estimate(value: float, draws: list[float]) -> Estimate:
    # By nearest rank: between a finite and an infinite number there is nothing to be interpolated.
    low, high = np.quantile(draws, [0.025, 0.975], method="nearest")
    return Estimate(value, float(low), float(high))
