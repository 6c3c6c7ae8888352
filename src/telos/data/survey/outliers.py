"""Episodes that look wrong: what stands far apart from the other episodes, by robust scores."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from telos.data.inspection import NAMED_EPISODES
from telos.data.survey.statistics import LATE, Statistic

FAR = 5.0
"""Robust deviations from the median at which an episode is named. At 3.5, the usual figure, one in 2,000 sound episodes would be named for each
statistic; at 5, one in two million, if they were normally distributed."""
FEWEST = 8
"""Episodes below which nothing can be said to be usual."""
SKEWED = ("length", "pace", "jump", "still", "unlike", "effort", "jerk")
"""Statistics that are never negative and have a long tail; they are judged by their logarithm."""
LONG_STILL = 5
"""Equal frames in a row that may be a frozen camera; fewer are a rest."""


@dataclass(frozen=True)
class Finding:
    """Something about the logs that somebody should look at."""

    kind: str
    says: str
    episodes: tuple[int, ...] = ()
    """The episodes in question, the worst first."""
    times: tuple[int, ...] = ()
    """The step in each of them, where that means something; otherwise empty."""

    def to_json(self) -> dict[str, object]:
        return {**vars(self), "episodes": list(self.episodes), "times": list(self.times)}


def robust_scores(values: Float[np.ndarray, " episodes"]) -> Float[np.ndarray, " episodes"]:
    """Distance from the median in robust deviations (1.4826 times the median absolute deviation, which is one deviation of normal numbers).

    Where more than half of the values are equal, the mean absolute deviation takes its place. Source: Iglewicz & Hoaglin (1993).
    """
    away = values - np.median(values)
    spread = 1.4826 * np.median(np.abs(away))
    if spread < 1e-9 * max(1.0, np.abs(values).max()):
        spread = 1.2533 * np.abs(away).mean()
    return away / spread if spread > 0 else np.zeros_like(away)


def outliers(statistic: Statistic) -> Finding | None:
    """The episodes that stand apart in one statistic, in a sentence; None if there are none."""
    values = statistic.values
    if statistic.name in ("gap", "backwards"):
        return _clock_finding(statistic)
    if len(values) < FEWEST:
        return None
    scores = robust_scores(np.log(values + 1e-3 * max(float(np.median(values)), 1e-9)) if statistic.name in SKEWED else values)
    far = np.abs(scores) > FAR
    if statistic.name in ("jump", "still", "unlike"):
        far &= scores > 0
    if statistic.name == "still":
        far &= values >= LONG_STILL
    if not far.any():
        return None
    chosen = np.flatnonzero(far)[np.argsort(-np.abs(scores[far]), kind="stable")]
    return _finding(statistic, chosen)


def _clock_finding(statistic: Statistic) -> Finding | None:
    """Late frames, and clocks that stand still or run backwards."""
    values, usual = statistic.values, float(np.median(statistic.values))
    far = values > LATE * usual if statistic.name == "gap" else values <= 0
    if not far.any():
        return None
    order = np.argsort(-values[far] if statistic.name == "gap" else values[far], kind="stable")
    return _finding(statistic, np.flatnonzero(far)[order])


def _finding(statistic: Statistic, chosen: np.ndarray) -> Finding:
    named = []
    for index in map(int, chosen[:NAMED_EPISODES]):
        at = "" if statistic.times is None else f", at step {int(statistic.times[index])}"
        named.append(f"episode {index} ({_number(float(statistic.values[index]))}{at})")
    more = f" and {len(chosen) - NAMED_EPISODES} more" if len(chosen) > NAMED_EPISODES else ""
    usual = f"{_number(float(np.median(statistic.values)))}{f' {statistic.unit}' if statistic.unit else ''}"
    times = () if statistic.times is None else tuple(int(statistic.times[index]) for index in chosen)
    says = f"By {statistic.says} (usual: {usual}), {', '.join(named)}{more} stand{'s' if len(chosen) == 1 else ''} apart."
    return Finding(statistic.name, says, tuple(map(int, chosen)), times)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value == round(value) and abs(value) < 1e9 else f"{value:.3g}"
