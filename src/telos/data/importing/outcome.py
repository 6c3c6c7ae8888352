"""What became of one episode of the source."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np


class BadEpisode(Exception):  # noqa: N818 - never leaves the importer
    """Why an episode cannot be taken."""


@dataclass
class Outcome:
    """Filled while an episode is read; kept in the journal."""

    episode: int
    lengths: list[int] = field(default_factory=list)
    """Steps of each episode that it became; none if it was left out."""
    why: str = ""
    """Why it was left out."""
    gaps: int = 0
    """Places where frames were missing."""
    held: int = 0
    """Frames that were made up to fill them."""
    short: int = 0
    """Stretches without a single step, which are left out."""
    lost: int = 0
    """Steps across a gap, of such stretches, and after the last whole stride."""
    low: list[float] | None = None
    """Least of each number of the actions."""
    high: list[float] | None = None
    rounded: dict[str, str] = field(default_factory=dict)
    """Columns that were stored with fewer digits than they had, and how they were logged."""

    def see(self, actions: np.ndarray) -> None:
        """Widens the bounds to actions `[time action]`."""
        if len(actions) == 0:
            return
        low, high = actions.min(axis=0).tolist(), actions.max(axis=0).tolist()
        self.low = low if self.low is None else list(map(min, self.low, low))
        self.high = high if self.high is None else list(map(max, self.high or high, high))

    def left_out(self, why: str) -> "Outcome":
        """That the whole episode is left out, and nothing else about it."""
        return Outcome(self.episode, why=why)

    def to_json(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name == "episode" or value}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Outcome":
        return cls(**data)
