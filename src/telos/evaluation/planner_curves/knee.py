"""The rule by which one setting of all that were tried is taken: fixed before anybody plays."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from telos.evaluation.intervals import paired_difference

MARGIN = 0.03
"""How much less success, at the worst, is as good as the best: 3 points."""


@dataclass(frozen=True)
class Knee:
    """Which of some settings is the best, and which to take."""

    best: int
    """Most successes; the cheapest of those."""
    knee: int | None
    """The cheapest as good as the best; None if not even the best is better than acting at random."""


def find_knee(successes: Sequence[np.ndarray], costs: Sequence[float], *, floor: np.ndarray | None = None, margin: float = MARGIN) -> Knee:
    """The cheapest setting whose paired difference to the best has its lower 95 % end at no less than `-margin`.

    The best itself always qualifies. It is the luckiest of many as well as the best, which makes the rule stricter than it looks,
    never looser. Intervals are those of `paired_difference` (Agresti & Min 2005).

    Args:
        successes: `[episodes]` of truth values per setting, on the same starts and goals.
        costs: of one plan, per setting, in any unit.
        floor: `[episodes]` of somebody who acts at random on the same starts, if anybody did.
    """
    order = sorted(range(len(costs)), key=lambda index: costs[index])
    best = max(order, key=lambda index: int(np.sum(successes[index])))
    if floor is not None and paired_difference(successes[best], floor)[1] <= 0:
        return Knee(best, None)
    return Knee(best, next(index for index in order if index == best or paired_difference(successes[index], successes[best])[1] >= -margin))


def enough_episodes(margin: float = MARGIN) -> int:
    """Fewest episodes with which a setting that plays exactly like the best can be told to be as good."""
    num = 1
    while paired_difference(np.ones(num), np.ones(num))[1] < -margin:
        num += 1
    return num
