"""What was done in the logs: how much of the actions' range was used, and by which of their numbers."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from telos.core.spaces import DiscreteSpace, VectorSpace
from telos.data.base import AbstractEpisodes

NUM_BINS = 10
"""Parts of the range of one number; a part is used if a thousandth of the actions lie in it."""
USED = 0.001
MOST_STEPS = 200_000
"""Actions that are looked at; of longer logs, an even sample of episodes."""
MOST_AXES = 3
"""Numbers of an action beyond which the cells of its box are not counted: there would be more of them than actions."""


@dataclass(frozen=True)
class NumberUse:
    """How one number of the actions was used; for discrete actions, one choice."""

    low: float | None
    """Bound; None if there is none."""
    high: float | None
    least: float
    """Seen."""
    most: float
    used: float | None
    """Share of the range between the bounds that was used; for a choice, the share of steps that it was taken in. None without bounds."""
    outside: float = 0.0
    """Share of the steps in which it lay outside of its bounds."""

    @property
    def dead(self) -> bool:
        """Whether it never changed."""
        return self.least == self.most


@dataclass(frozen=True)
class ActionUse:
    """What was done, number by number."""

    discrete: bool
    numbers: tuple[NumberUse, ...]
    """Of a vector; of discrete actions, choice by choice."""
    box: float | None
    """Share of the box's cells that were visited, for up to three bounded numbers; None otherwise."""
    num_steps: int

    @property
    def dead(self) -> tuple[int, ...]:
        """Numbers that never changed, or choices that were never made."""
        if self.discrete:
            return tuple(index for index, choice in enumerate(self.numbers) if not choice.used)
        return tuple(index for index, number in enumerate(self.numbers) if number.dead)

    def to_json(self) -> dict[str, Any]:
        return {
            "discrete": self.discrete,
            "numbers": [dict(vars(number)) for number in self.numbers],
            "dead": list(self.dead),
            "box": self.box,
            "steps": self.num_steps,
        }


def action_use(logs: AbstractEpisodes) -> ActionUse:
    """Reads the actions, of an even sample of the episodes if there are many."""
    actions = sample_actions(logs)
    space = logs.spaces.action
    if isinstance(space, DiscreteSpace):
        shares = np.bincount(actions[:, 0].astype(int), minlength=space.num) / len(actions)
        choices = tuple(NumberUse(None, None, float(index), float(index), float(share)) for index, share in enumerate(shares))
        return ActionUse(True, choices, None, len(actions))
    numbers = tuple(_number_use(actions[:, index], float(low), float(high)) for index, (low, high) in enumerate(zip(*space.bounds, strict=True)))
    return ActionUse(False, numbers, _box_use(actions, space), len(actions))


def sample_actions(logs: AbstractEpisodes) -> np.ndarray:
    """Actions `[steps action]` without padding; of long logs, those of an even sample of the episodes."""
    num = logs.num_episodes
    keep = num if logs.num_steps <= MOST_STEPS else max(1, num * MOST_STEPS // logs.num_steps)
    chosen = np.unique(np.linspace(0, num - 1, keep).round().astype(int))
    return np.concatenate([logs.column("action", int(index))[:-1] for index in chosen])


def _number_use(values: np.ndarray, low: float, high: float) -> NumberUse:
    least, most = float(values.min()), float(values.max())
    if not np.isfinite([low, high]).all():
        return NumberUse(low if np.isfinite(low) else None, high if np.isfinite(high) else None, least, most, None)
    slack = 1e-4 * (high - low)
    outside = float(((values < low - slack) | (values > high + slack)).mean())
    counts, _ = np.histogram(values.clip(low, high), bins=NUM_BINS, range=(low, high if high > low else low + 1))
    return NumberUse(low, high, least, most, float((counts > USED * len(values)).mean()), outside)


def _box_use(actions: np.ndarray, space: VectorSpace) -> float | None:
    if not space.bounded or space.size > MOST_AXES:
        return None
    low, high = space.bounds
    units = (actions - low) / np.maximum(high - low, 1e-12)
    cells = np.clip((units * NUM_BINS).astype(int), 0, NUM_BINS - 1)
    return len(np.unique(cells, axis=0)) / NUM_BINS**space.size
