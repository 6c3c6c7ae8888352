"""What may be sent to a robot at all: inside the bounds, and no farther from the last action than the slew limit."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from telos.core.errors import ConfigError
from telos.core.spaces import ActionSpace, VectorSpace

Fallback = Literal["zero", "hold"]


def usual_fallback(space: ActionSpace) -> Fallback:
    """What most robots survive: `hold` a choice, and `zero` where it lies well inside the bounds.

    Raises:
        ConfigError: zero lies at the edge or outside, so that it may be rest (a throttle) or a far place (a position).
    """
    if not isinstance(space, VectorSpace):
        return "hold"
    low, high = space.bounds
    if (low < 0).all() and (high > 0).all():
        return "zero"
    raise ConfigError(
        "Zero lies at the edge of these actions, or outside: it may mean rest, or a far place.",
        expected="--fallback zero (such as a throttle), or --fallback hold (such as a position)",
    )


@dataclass(frozen=True)
class ActionLimits:
    """Every action that leaves the server went through `apply`; there is no other way out.

    Raises:
        ConfigError: an action space without bounds, a slew limit out of range or for choices, or a fallback that means nothing there.
    """

    space: ActionSpace
    slew: float | None = None
    """Largest change of each number from one action to the next, as a share of its range; None: any."""
    fallback: Fallback = "zero"
    """What to do when there is no plan: `zero`, brought into the bounds, or `hold` the last action."""

    def __post_init__(self) -> None:
        if isinstance(self.space, VectorSpace):
            if not self.space.bounded:
                raise ConfigError("Actions without bounds cannot be kept within any.", fix="train on logs whose actions have bounds")
        elif self.slew is not None or self.fallback == "zero":
            raise ConfigError("Choices have no zero, and no distance between them.", expected="--fallback hold, and no --slew")
        if self.slew is not None and not 0 < self.slew <= 1:
            raise ConfigError(f"The slew limit is {self.slew}.", expected="a share of the action range, above 0 and up to 1")

    @property
    def rest(self) -> np.ndarray:
        """`[action]`: what a robot is taken to be doing before the first action: nothing, or the first choice."""
        if not isinstance(self.space, VectorSpace):
            return np.zeros(1, dtype=np.int64)
        low, high = self.space.bounds
        return np.clip(np.zeros(self.space.size, dtype=np.float32), low, high)

    def within_bounds(self, wanted: np.ndarray, last: np.ndarray) -> np.ndarray:
        """`[action]`: the nearest action there is to `wanted`. Numbers that are none become `last`."""
        if not isinstance(self.space, VectorSpace):
            choice = int(wanted[0])
            return np.array([choice if 0 <= choice < self.space.num else int(last[0])], dtype=np.int64)
        low, high = self.space.bounds
        return np.where(np.isfinite(wanted), wanted, last).astype(np.float32).clip(low, high)

    def apply(self, wanted: np.ndarray, last: np.ndarray) -> np.ndarray:
        """`[action]`: what may be sent when `wanted` is asked for and `last` was sent before. Numbers that are none become `last`."""
        action = self.within_bounds(wanted, last)
        if self.slew is None or not isinstance(self.space, VectorSpace):
            return action
        low, high = self.space.bounds
        step = np.float32(self.slew) * (high - low)
        return action.clip(last - step, last + step).clip(low, high)

    def safe(self, last: np.ndarray) -> np.ndarray:
        """`[action]`: the next step of the fallback."""
        return self.apply(self.rest if self.fallback == "zero" else last, last)
