"""Logs made of other logs: some of their episodes, or several stores as one."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from telos.core.errors import ConfigError, DataError, SpaceError
from telos.core.logs import Trajectory
from telos.core.seeding import numpy_generator
from telos.core.spaces import Tree
from telos.data.base import AbstractEpisodes, missing_column
from telos.data.manifest import digest
from telos.data.store import check_episode


class Selection(AbstractEpisodes):
    """Some episodes of other logs, counted anew from 0 in the given order.

    Raises:
        DataError: there is no episode, one twice, or one that does not exist.
    """

    def __init__(self, logs: AbstractEpisodes, indices: Sequence[int] | np.ndarray) -> None:
        super().__init__()
        self.logs, self.spaces = logs, logs.spaces
        self.indices = np.array(indices, dtype=np.int64)
        if self.indices.ndim != 1 or len(self.indices) == 0 or len(np.unique(self.indices)) != len(self.indices):
            raise DataError("A selection of episodes is empty, or names one twice.", expected="one or more different episodes")
        for index in (self.indices.min(), self.indices.max()):
            check_episode(int(index), logs.num_episodes)
        self._lengths = logs.lengths[self.indices]
        self._lengths.setflags(write=False)

    @property
    def lengths(self) -> np.ndarray:
        return self._lengths

    @property
    def fingerprint(self) -> str:
        return digest([self.logs.fingerprint, self.indices.tolist()])

    @property
    def column_names(self) -> tuple[str, ...]:
        return self.logs.column_names

    def unit(self, name: str) -> str:
        return self.logs.unit(name)

    def column(self, name: str, episode: int) -> np.ndarray:
        check_episode(episode, self.num_episodes)
        return self.logs.column(name, int(self.indices[episode]))

    def episode(self, index: int) -> Trajectory:
        check_episode(index, self.num_episodes)
        return self.logs.episode(int(self.indices[index]))

    def gather(self, episodes: np.ndarray, starts: np.ndarray, num_steps: int) -> tuple[Tree, np.ndarray]:
        return self.logs.gather(self.indices[episodes], starts, num_steps)


class Mixture(AbstractEpisodes):
    """Several logs as one, their episodes counted through; every window of any of them is equally likely.

    Raises:
        DataError: there are no logs.
        SpaceError: their spaces differ.
    """

    def __init__(self, parts: Sequence[AbstractEpisodes]) -> None:
        super().__init__()
        if not parts:
            raise DataError("A mixture of no logs.", expected="one or more")
        self.parts, self.spaces = tuple(parts), parts[0].spaces
        for number, part in enumerate(self.parts):
            if difference := _difference(parts[0].spaces.to_json(), part.spaces.to_json()):
                raise SpaceError(
                    f"Logs 0 and {number} cannot be mixed: {difference}.",
                    expected="the same observations and actions in both",
                    fix="convert one of them, or train on one alone",
                )
        self._lengths = np.concatenate([part.lengths for part in self.parts])
        self._lengths.setflags(write=False)
        self._first = np.concatenate([[0], np.cumsum([part.num_episodes for part in self.parts])])

    @property
    def lengths(self) -> np.ndarray:
        return self._lengths

    @property
    def fingerprint(self) -> str:
        return digest([part.fingerprint for part in self.parts])

    @property
    def column_names(self) -> tuple[str, ...]:
        """Those that all parts have."""
        return tuple(name for name in self.parts[0].column_names if all(name in part.column_names for part in self.parts))

    def unit(self, name: str) -> str:
        return self.parts[0].unit(name)

    def column(self, name: str, episode: int) -> np.ndarray:
        if name not in self.column_names:
            raise missing_column(name, self.column_names)
        part, index = self._locate(episode)
        return part.column(name, index)

    def episode(self, index: int) -> Trajectory:
        part, index = self._locate(index)
        return part.episode(index)

    def gather(self, episodes: np.ndarray, starts: np.ndarray, num_steps: int) -> tuple[Tree, np.ndarray]:
        owners = np.searchsorted(self._first, episodes, side="right") - 1
        where = [np.flatnonzero(owners == number) for number in range(len(self.parts))]
        pieces = [
            part.gather(episodes[rows] - first, starts[rows], num_steps)
            for part, rows, first in zip(self.parts, where, self._first[:-1], strict=True)
            if len(rows)
        ]
        back = np.argsort(np.concatenate(where), kind="stable")
        actions = np.concatenate([piece[1] for piece in pieces])[back]
        if isinstance(pieces[0][0], Mapping):
            return {name: np.concatenate([piece[0][name] for piece in pieces])[back] for name in pieces[0][0]}, actions
        return np.concatenate([piece[0] for piece in pieces])[back], actions

    def _locate(self, episode: int) -> tuple[AbstractEpisodes, int]:
        check_episode(episode, self.num_episodes)
        number = int(np.searchsorted(self._first, episode, side="right")) - 1
        return self.parts[number], episode - int(self._first[number])


def split(logs: AbstractEpisodes, held_out: float = 0.1, seed: int = 0) -> tuple[Selection, Selection]:
    """Whole episodes for training, and others held out, at least one each; the same seed gives the same split.

    Raises:
        ConfigError: the share is not between 0 and 1.
        DataError: there is only one episode.
    """
    if not 0 < held_out < 1:
        raise ConfigError(f"A share of {held_out} of the episodes cannot be held out.", expected="a number between 0 and 1, such as 0.1")
    if logs.num_episodes < 2:
        raise DataError("One episode alone cannot be split.", expected="at least two", fix="collect more")
    num = min(max(1, round(held_out * logs.num_episodes)), logs.num_episodes - 1)
    order = numpy_generator(seed, "split").permutation(logs.num_episodes)
    return Selection(logs, np.sort(order[num:])), Selection(logs, np.sort(order[:num]))


def _difference(left: Any, right: Any, path: str = "") -> str:
    """The first place where two JSON values differ, in words; empty when they do not."""
    if isinstance(left, dict) and isinstance(right, dict):
        for key in sorted({*left, *right}):
            if found := _difference(left.get(key, "missing"), right.get(key, "missing"), f"{path} {key}".strip()):
                return found
        return ""
    return "" if left == right else f"{path} is {left} in one and {right} in the other"
