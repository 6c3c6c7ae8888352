"""Logged trajectories as the rest of the house sees them, and the time law they obey."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from telos.core.errors import DataError, EpisodeTooShortError
from telos.core.spaces import Spaces, Tree


def first_leaf(tree: Tree) -> Any:
    """Any one array of a tree; all share their leading axes."""
    return next(iter(tree.values())) if isinstance(tree, Mapping) else tree


def map_tree(function, tree: Tree) -> Tree:
    """`function` applied to every array of a tree."""
    return {name: function(leaf) for name, leaf in tree.items()} if isinstance(tree, Mapping) else function(tree)


@dataclass(frozen=True)
class Trajectory:
    """One episode, or a piece of one: `observations[t] --actions[t]--> observations[t + 1]`.

    Raises:
        DataError: there is not exactly one observation more than actions.
    """

    observations: Tree
    """`[time + 1 ...]`"""
    actions: np.ndarray
    """`[time action]`"""

    def __post_init__(self) -> None:
        _check_time_law(len(first_leaf(self.observations)), len(self.actions))

    @property
    def num_steps(self) -> int:
        return len(self.actions)


@dataclass(frozen=True)
class Windows:
    """A batch of equally long pieces of episodes; arrays of NumPy or, once in training, of torch.

    Raises:
        DataError: there is not exactly one observation more than actions.
    """

    observations: Tree
    """`[batch time+1 ...]`"""
    actions: Any
    """`[batch time action]`"""
    episodes: Any
    """`[batch]`: which episode each window was cut from; equal numbers mean equal scenery."""
    frames: Tree | None = None
    """`[batch ...]`: any raw frame of each window's episode, where the observations are codes and the model reads scenery."""
    starts: Tree | None = None
    """`[batch ...]`: the first frame of each window in another look, where training augments."""

    def __post_init__(self) -> None:
        _check_time_law(first_leaf(self.observations).shape[1], self.actions.shape[1])

    @property
    def num_steps(self) -> int:
        return self.actions.shape[1]


@dataclass(frozen=True)
class Moments:
    """Mean and deviation of each number of a vector, or of each channel of a picture, over the logs."""

    mean: tuple[float, ...]
    std: tuple[float, ...]


class WindowPlaces:
    """Where windows of `num_steps` actions can be cut from episodes of such `lengths`, every place equally likely.

    Raises:
        EpisodeTooShortError: no episode has `num_steps` actions.
    """

    def __init__(self, lengths: np.ndarray, num_steps: int) -> None:
        self._counts = np.maximum(lengths - num_steps + 1, 0)
        self._ends = np.cumsum(self._counts)
        if self._ends[-1] == 0:
            raise EpisodeTooShortError(
                f"No episode has {num_steps} steps; the longest has {lengths.max()}.",
                expected=f"an episode of at least {num_steps} steps",
                fix="train with shorter windows, or collect longer episodes",
            )

    def draw(self, rng: np.random.Generator, num: int, *, per_episode: int = 1) -> tuple[np.ndarray, np.ndarray]:
        """Episodes `[num]` and first rows `[num]` of windows, `per_episode` of them side by side from each episode drawn."""
        draws = rng.integers(self._ends[-1], size=num // per_episode)
        episodes = np.searchsorted(self._ends, draws, side="right")
        if per_episode == 1:
            return episodes, draws - (self._ends[episodes] - self._counts[episodes])
        episodes = np.repeat(episodes, per_episode)
        return episodes, rng.integers(self._counts[episodes])


class AbstractLogs(ABC):
    """A set of logged episodes with random access. Implemented by the native store, by selections and by mixtures."""

    spaces: Spaces

    @property
    @abstractmethod
    def lengths(self) -> np.ndarray:
        """Number of actions `[episodes]` of each episode."""

    @property
    @abstractmethod
    def fingerprint(self) -> str:
        """Changes when, and only when, the data change."""

    @abstractmethod
    def episode(self, index: int) -> Trajectory:
        """One whole episode; its arrays share memory with the store where they can."""

    @abstractmethod
    def windows(self, rng: np.random.Generator, num: int, num_steps: int, *, per_episode: int = 1) -> Windows:
        """`num` random windows of `num_steps` actions, every possible window equally likely.

        With `per_episode > 1` the batch holds `num / per_episode` episodes (drawn by their number of windows),
        each with that many windows side by side: objectives that compare frames within one scenery need it.

        Raises:
            EpisodeTooShortError: no episode has `num_steps` actions.
        """

    @abstractmethod
    def moments(self, name: str) -> Moments:
        """Statistics of a column, `"action"` or `"observation"` or, in a tree, `"observation/PART"`; computed once."""

    @property
    def num_episodes(self) -> int:
        return len(self.lengths)

    @property
    def num_steps(self) -> int:
        return int(self.lengths.sum())


def _check_time_law(num_observations: int, num_actions: int) -> None:
    if num_observations != num_actions + 1:
        raise DataError(
            f"A trajectory has {num_observations} observations and {num_actions} actions.",
            expected="one observation more than actions: observations[t] --actions[t]--> observations[t + 1]",
        )
