"""Where logged actions come from. Telos learns from whatever was done; these two do anything at random."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, is_dataclass
from typing import Any

import numpy as np

from telos.core.config import CLASS_KEY, class_path, to_json
from telos.core.errors import ConfigError, SpaceError
from telos.core.spaces import ActionSpace, DiscreteSpace, Tree

Acting = Callable[[Tree, Mapping[str, np.ndarray], np.ndarray], np.ndarray]
"""`(observations [batch ...], state by name [batch ...], started [batch]) -> actions [batch action]`.

`started` marks the rows whose episode has just begun; `state` is the true state, empty where the environment tells none.
"""


class AbstractBehaviour(ABC):
    """Chooses the actions of a batch of episodes."""

    @abstractmethod
    def start(self, space: ActionSpace, num: int, rng: np.random.Generator) -> Acting:
        """Begins to act in `num` episodes at once; all its chance comes from `rng`."""

    def describe(self) -> Any:
        """What a store says of who acted, as JSON: all its fields, if it is a dataclass. Override to tell what is more than a field."""
        return to_json(self) if is_dataclass(self) else {CLASS_KEY: class_path(type(self))}


@dataclass(frozen=True, kw_only=True)
class HeldRandomActions(AbstractBehaviour):
    """Takes a uniformly random action and holds it for a random number of steps: a wanderer that gets about.

    Use as the default. Fresh actions at every step cancel each other out, and the agent stays where it began.

    Raises:
        ConfigError: no number of steps lies between the two.
    """

    min_hold: int = 1
    """Fewest steps that an action is held."""
    max_hold: int = 8
    """Most steps."""

    def __post_init__(self) -> None:
        if not 1 <= self.min_hold <= self.max_hold:
            raise ConfigError(f"An action cannot be held for {self.min_hold} to {self.max_hold} steps.", expected="1 <= min_hold <= max_hold")

    def start(self, space: ActionSpace, num: int, rng: np.random.Generator) -> Acting:
        actions = draw_actions(space, num, rng)
        left = np.zeros(num, dtype=np.int64)

        def act(observations: Tree, state: Mapping[str, np.ndarray], started: np.ndarray) -> np.ndarray:
            fresh = started | (left == 0)
            actions[fresh] = draw_actions(space, int(fresh.sum()), rng)
            left[fresh] = rng.integers(self.min_hold, self.max_hold + 1, size=int(fresh.sum()))
            left[:] -= 1
            return actions.copy()

        return act


@dataclass(frozen=True, kw_only=True)
class RandomActions(AbstractBehaviour):
    """Takes a fresh, uniformly random action at every step."""

    def start(self, space: ActionSpace, num: int, rng: np.random.Generator) -> Acting:
        draw_actions(space, 0, rng)

        def act(observations: Tree, state: Mapping[str, np.ndarray], started: np.ndarray) -> np.ndarray:
            return draw_actions(space, num, rng)

        return act


def draw_actions(space: ActionSpace, num: int, rng: np.random.Generator) -> np.ndarray:
    """Uniformly random actions `[num action]`.

    Raises:
        SpaceError: the space has no finite bounds to draw between.
    """
    if isinstance(space, DiscreteSpace):
        return rng.integers(space.num, size=(num, 1))
    if not space.bounded:
        raise SpaceError(
            "Random actions need bounds, and this action space has none.",
            expected="a finite low and high for every number",
            fix="clip the actions with gymnasium.wrappers.RescaleAction, or collect with a policy of your own",
        )
    return rng.uniform(*space.bounds, size=(num, space.size)).astype(np.float32)
