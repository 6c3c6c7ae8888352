"""What a learning curve says: whether more logs would help, and how much."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from telos.core.errors import ConfigError
from telos.evaluation.learning_curve.points import Point
from telos.evaluation.learning_curve.power_law import Fit, fit_power_law
from telos.evaluation.offline.bootstrap import Estimate

LITTLE = 0.05
"""A gain from twice the logs that is surely less than this has levelled off: collecting costs more than it brings."""
SOME = 0.02
"""A gain that is surely more than this is there."""
FEWEST = 3
"""Different numbers of episodes that a curve needs: one could not see it bend with fewer."""
STATES = ("levelled off", "still falling", "cannot be told")


@dataclass(frozen=True)
class LearningCurve:
    """Points, the law through them, and what follows."""

    points: tuple[Point, ...]
    fit: Fit
    doubling: Estimate
    """By which share twice the logs would lower the error."""
    tenth: Estimate
    """Episodes with which it would be a tenth lower; infinite where no number would do."""

    @property
    def episodes(self) -> int:
        """The most that any model was trained on."""
        return max(point.episodes for point in self.points)

    @property
    def state(self) -> str:
        """One of `STATES`."""
        return STATES[0] if self.doubling.high < LITTLE else STATES[1] if self.doubling.low > SOME else STATES[2]

    @property
    def says(self) -> str:
        """The answer, in a sentence or two."""
        gain = f"{_percent(self.doubling.value)} ({_percent(self.doubling.low)} to {_percent(self.doubling.high)})"
        expected = f"twice the logs ({2 * self.episodes:,} episodes) are expected to lower the error by {gain}"
        if self.state == STATES[0]:
            return f"The curve has levelled off: {expected}. More of the same logs would hardly help; other ones might."
        if self.state == STATES[2]:
            return f"It cannot be told whether more logs would help: {expected}. More --seeds would narrow that."
        if not math.isfinite(self.tenth.value):
            return f"More logs would help: {expected}."
        more = f"{max(0, self.tenth.value - self.episodes):,.0f}"
        least = f"{max(0, self.tenth.low - self.episodes):,.0f}"
        most = f"{max(0, self.tenth.high - self.episodes):,.0f}" if math.isfinite(self.tenth.high) else "no end"
        return f"More logs would help: {expected}. A tenth less takes about {more} more episodes ({least} to {most})."

    def to_json(self) -> dict[str, Any]:
        law = self.fit.law
        return {
            "state": self.state,
            "says": self.says,
            "doubling": self.doubling.to_json(),
            "episodes_for_a_tenth_less": self.tenth.to_json(),
            "law": {"level": law.level, "slope": law.slope, "exponent": law.exponent, "noise": self.fit.noise},
            "points": [point.to_json() for point in self.points],
        }


def draw_curve(points: Sequence[Point]) -> LearningCurve:
    """Fits the law.

    Raises:
        ConfigError: there are too few different numbers of episodes, or an error is no number above 0.
    """
    numbers = {point.episodes for point in points}
    if len(numbers) < FEWEST:
        raise ConfigError(f"A learning curve through {len(numbers)} different numbers of episodes says nothing.", expected=f"{FEWEST} or more")
    errors = np.array([point.error for point in points])
    if not (np.isfinite(errors) & (errors > 0)).all():
        raise ConfigError("A model's error is no number above 0, so that no curve can be drawn.", fix="look at its run: telos show FOLDER/points/RUN")
    fit = fit_power_law(np.array([float(point.episodes) for point in points]), errors)
    most = max(numbers)
    return LearningCurve(tuple(points), fit, fit.gain(most), fit.episodes_for(0.9, most))


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
