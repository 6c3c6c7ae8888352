"""Hidden raters: programs that look at the true state, and answer as a person would. For tests and benchmarks; agents never see them."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from telos.core.errors import ConfigError
from telos.teaching.ratings.answers import Choice

Path2 = Float[np.ndarray, "clips frames 2"]
"""True positions along clips, in arena widths; y downwards."""


@dataclass(frozen=True, kw_only=True)
class AbstractRater(ABC):
    """Somebody with a taste."""

    indifference: float = 0.05
    """Differences below this many deviations between clips are `equal`."""
    mistakes: float = 0.0
    """Share of the answers that are turned round by chance."""

    def __post_init__(self) -> None:
        if not self.indifference >= 0 or not 0 <= self.mistakes <= 0.5:
            raise ConfigError(
                f"A rater cannot have indifference {self.indifference} and {self.mistakes} mistakes.", expected="0 or more, and 0 to 0.5"
            )

    @abstractmethod
    def score(self, positions: Path2) -> Float[np.ndarray, " clips"]:
        """How well each clip is liked; only differences mean anything."""

    def compare(self, left: float, right: float, deviation: float, rng: np.random.Generator) -> Choice:
        """The answer about two clips of these scores; `deviation` is that of the scores among all clips."""
        if abs(left - right) <= self.indifference * deviation:
            return "equal"
        wrong = self.mistakes > 0 and rng.random() < self.mistakes
        return "left" if (left > right) != wrong else "right"


@dataclass(frozen=True, kw_only=True)
class KeepAway(AbstractRater):
    """Likes to be away from walls: the mean clearance of the middle of the body, up to `enough`."""

    walls: tuple[tuple[float, float, float, float], ...] = ()
    """Boxes (x from, y from, x to, y to) that are walls; the border of the arena is one anyway."""
    border: float = 0.0
    """Thickness of the wall along the border."""
    enough: float = 0.15
    """Clearance beyond which more is not better."""

    def clearance(self, positions: Float[np.ndarray, "*batch 2"]) -> Float[np.ndarray, "*batch"]:
        """Distance to the nearest wall."""
        x, y = positions[..., 0], positions[..., 1]
        nearest = np.minimum(np.minimum(x, 1 - x), np.minimum(y, 1 - y)) - self.border
        for left, top, right, bottom in self.walls:
            outside = np.maximum(np.maximum(left - x, x - right), 0), np.maximum(np.maximum(top - y, y - bottom), 0)
            nearest = np.minimum(nearest, np.hypot(*outside))
        return nearest

    def score(self, positions: Path2) -> Float[np.ndarray, " clips"]:
        return np.clip(self.clearance(positions[:, 1:]), 0, self.enough).mean(axis=1)


@dataclass(frozen=True, kw_only=True)
class PassAbove(AbstractRater):
    """Likes to pass the middle of the arena on the upper side; what is done elsewhere does not matter."""

    band: float = 0.25
    """How far from x = 0.5 counts as passing."""
    softness: float = 0.17
    """Height over the middle beyond which more is not better."""

    def score(self, positions: Path2) -> Float[np.ndarray, " clips"]:
        x, y = positions[:, 1:, 0], positions[:, 1:, 1]
        return (np.clip((0.5 - y) / self.softness, -1, 1) * (np.abs(x - 0.5) < self.band)).mean(axis=1)


@dataclass(frozen=True, kw_only=True)
class BeSlow(AbstractRater):
    """Likes to be slow: the mean distance travelled in a step counts against a clip."""

    def score(self, positions: Path2) -> Float[np.ndarray, " clips"]:
        return -np.linalg.norm(np.diff(positions, axis=1), axis=-1).mean(axis=1)
