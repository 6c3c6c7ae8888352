"""Intervals for what was measured on windows: whole episodes are drawn again, since windows of one episode are no independent witnesses."""

import math
from dataclasses import dataclass, field
from statistics import NormalDist

import numpy as np
from jaxtyping import Float

from telos.core.seeding import numpy_generator

NUM_DRAWS = 2000


@dataclass(frozen=True)
class Estimate:
    """A number with its interval; the ends are no numbers where there is too little to tell."""

    value: float
    low: float
    high: float

    def to_json(self) -> dict[str, float]:
        return dict(vars(self))

    def __str__(self) -> str:
        return _short(self.value) if math.isnan(self.low) else f"{_short(self.value)} ({_short(self.low)} to {_short(self.high)})"

    def scaled(self, factor: float, offset: float = 0.0) -> "Estimate":
        """`offset + factor * value`."""
        ends = (offset + factor * self.low, offset + factor * self.high)
        return Estimate(offset + factor * self.value, min(ends), max(ends))


def _short(value: float) -> str:
    return "0" if abs(value) < 5e-4 else f"{value:.2f}" if 0.1 <= abs(value) < 100 else f"{value:.2g}"


@dataclass(frozen=True)
class Bootstrap:
    """Draws episodes again, with replacement, and says between which values the middle of the draws lies.

    Source: Efron & Tibshirani (1993), "An introduction to the bootstrap", chapter 13 (percentile interval); clusters are drawn whole after
    Davison & Hinkley (1997), section 3.8. Few episodes give draws that lie too close together, so the ends are moved outwards as Student's t asks;
    one episode alone gives no interval.
    """

    episodes: np.ndarray
    """`[rows]`: the episode that each row was measured in."""
    seed: int
    confidence: float = 0.95
    _weights: np.ndarray = field(init=False, repr=False, compare=False)
    _index: np.ndarray = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        found, index = np.unique(self.episodes, return_inverse=True)
        draws = numpy_generator(self.seed, "bootstrap").multinomial(len(found), np.full(len(found), 1 / len(found)), size=NUM_DRAWS)
        object.__setattr__(self, "_weights", draws.astype(np.float64))
        object.__setattr__(self, "_index", index)

    @property
    def num_episodes(self) -> int:
        return self._weights.shape[1]

    def mean(self, values: Float[np.ndarray, " rows"]) -> Estimate:
        """Of all rows."""
        return self.ratio(values, np.ones(len(values)))

    def ratio(self, above: Float[np.ndarray, " rows"], below: Float[np.ndarray, " rows"]) -> Estimate:
        """Sum of `above` as a share of the sum of `below`."""
        top, bottom = self._sums(above), self._sums(below)
        value = float(top.sum() / max(bottom.sum(), 1e-12))
        if self.num_episodes < 2:
            return Estimate(value, math.nan, math.nan)
        drawn = (self._weights @ top) / np.maximum(self._weights @ bottom, 1e-12)
        tail = 50 * (1 - self.confidence)
        low, high = value + self._widening * (np.percentile(drawn, [tail, 100 - tail]) - value)
        # Moved outwards, an end may leave what is possible at all.
        low = max(low, 0.0) if np.min(above) >= 0 else low
        high = min(high, 1.0) if (np.asarray(above) <= below).all() else high
        return Estimate(value, float(low), float(high))

    def ratios(self, above: Float[np.ndarray, "rows steps"], below: Float[np.ndarray, "rows steps"]) -> tuple[Estimate, ...]:
        """The same for each column."""
        return tuple(self.ratio(above[:, step], below[:, step]) for step in range(above.shape[1]))

    @property
    def _widening(self) -> float:
        """Quantile of Student's t over that of the normal distribution, and the deviation's own correction for few episodes.

        Source: the expansion of t in powers of 1 / freedom, Abramowitz & Stegun (1964), 26.7.5.
        """
        freedom = self.num_episodes - 1
        z = NormalDist().inv_cdf((1 + self.confidence) / 2)
        first, second = (z**3 + z) / 4, (5 * z**5 + 16 * z**3 + 3 * z) / 96
        return (z + first / freedom + second / freedom**2) / z * math.sqrt(self.num_episodes / freedom)

    def _sums(self, values: np.ndarray) -> np.ndarray:
        return np.bincount(self._index, weights=np.asarray(values, dtype=np.float64), minlength=self.num_episodes)
