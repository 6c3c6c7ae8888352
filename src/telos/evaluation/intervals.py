"""A rate never comes alone: intervals for shares and for differences between contestants on the same starts."""

import math
from dataclasses import dataclass

import numpy as np

Z_95 = 1.959963984540054


@dataclass(frozen=True)
class Rate:
    """A share of episodes with its 95 % interval."""

    count: int
    total: int

    @property
    def value(self) -> float:
        return self.count / self.total if self.total else math.nan

    @property
    def interval(self) -> tuple[float, float]:
        return wilson(self.count, self.total)

    def __str__(self) -> str:
        low, high = self.interval
        return f"{100 * self.value:.1f} % ({100 * low:.1f} to {100 * high:.1f})"


def wilson(count: int, total: int, z: float = Z_95) -> tuple[float, float]:
    """Score interval of a share; stays within 0 and 1 and is honest at the ends. Source: Wilson (1927), JASA 22."""
    if total == 0:
        return 0.0, 1.0
    share = count / total
    centre = (share + z * z / (2 * total)) / (1 + z * z / total)
    half = z * math.sqrt(share * (1 - share) / total + z * z / (4 * total * total)) / (1 + z * z / total)
    return (0.0 if count == 0 else max(0.0, centre - half)), (1.0 if count == total else min(1.0, centre + half))


def paired_difference(ours: np.ndarray, theirs: np.ndarray, z: float = Z_95) -> tuple[float, float, float]:
    """Difference of two success rates on the same starts, with its interval: `(difference, low, high)`.

    The point estimate is the plain difference; the interval adds half an episode to each cell of the table of pairs.
    Source: Agresti & Min (2005), Statistics in Medicine 24, "Simple improved confidence intervals for comparing matched proportions".
    """
    ours, theirs = np.asarray(ours, dtype=bool), np.asarray(theirs, dtype=bool)
    num = len(ours)
    only_ours, only_theirs = int((ours & ~theirs).sum()), int((theirs & ~ours).sum())
    b, c, total = only_ours + 0.5, only_theirs + 0.5, num + 2.0
    centre = (b - c) / total
    half = z * math.sqrt(max(b + c - (b - c) ** 2 / total, 0.0)) / total
    return (only_ours - only_theirs) / max(num, 1), max(-1.0, centre - half), min(1.0, centre + half)
