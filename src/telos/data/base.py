"""What the store, its selections and mixtures share: drawing windows, and statistics."""

from abc import abstractmethod
from collections.abc import Iterator

import numpy as np

from telos.core.errors import ConfigError, MissingColumnError
from telos.core.logs import AbstractLogs, Moments, WindowPlaces, Windows
from telos.core.spaces import PixelSpace, Tree
from telos.data.manifest import INFO, leaf_spaces

CHUNK_NUMBERS = 1 << 19
"""Numbers held as float64 at a time while statistics are streamed: 4 MB, which stays in the cache."""


class AbstractEpisodes(AbstractLogs):
    """Logs that can gather pieces of many episodes at once."""

    def __init__(self) -> None:
        self._places: dict[int, WindowPlaces] = {}
        self._moments: dict[str, Moments] = {}

    @property
    @abstractmethod
    def column_names(self) -> tuple[str, ...]:
        """All columns, the true state among them."""

    @abstractmethod
    def column(self, name: str, episode: int) -> np.ndarray:
        """Any column `[time+1 ...]` of an episode, read-only; the last row of a column of actions or rewards is padding.

        Raises:
            MissingColumnError: there is no such column.
        """

    @abstractmethod
    def gather(self, episodes: np.ndarray, starts: np.ndarray, num_steps: int) -> tuple[Tree, np.ndarray]:
        """Observations `[num num_steps+1 ...]` and actions `[num num_steps action]` of the pieces that begin at row
        `starts` `[num]` of `episodes` `[num]`; fresh arrays."""

    @abstractmethod
    def unit(self, name: str) -> str:
        """Unit of a column; empty if nobody said.

        Raises:
            MissingColumnError: there is no such column.
        """

    @property
    def info_names(self) -> tuple[str, ...]:
        """Names of the parts of the true state."""
        return tuple(name.removeprefix(INFO) for name in self.column_names if name.startswith(INFO))

    def info(self, name: str, episode: int) -> np.ndarray:
        """A part of the true state `[time+1 ...]` of an episode: for evaluation, never for training.

        Raises:
            MissingColumnError: the logs do not carry it.
        """
        return self.column(INFO + name, episode)

    def windows(self, rng: np.random.Generator, num: int, num_steps: int, *, per_episode: int = 1) -> Windows:
        if num < 1 or num_steps < 1 or per_episode < 1 or num % per_episode:
            raise ConfigError(
                f"A batch of {num} windows of {num_steps} steps, {per_episode} per episode, cannot be drawn.",
                expected="positive numbers, and a batch that the number per episode divides",
            )
        if num_steps not in self._places:
            self._places[num_steps] = WindowPlaces(self.lengths, num_steps)
        episodes, starts = self._places[num_steps].draw(rng, num, per_episode=per_episode)
        observations, actions = self.gather(episodes, starts, num_steps)
        return Windows(observations, actions, episodes)

    def moments(self, name: str) -> Moments:
        """In the column's own unit (0 to 255 for pictures); actions without the padding."""
        if name not in self._moments:
            leaves = leaf_spaces(self.spaces)
            if name not in leaves:
                raise missing_column(name, tuple(leaves))
            space = leaves[name]
            self._moments[name] = _moments(self._chunks(name), space.channels if isinstance(space, PixelSpace) else None)
        return self._moments[name]

    def _chunks(self, name: str) -> Iterator[np.ndarray]:
        for episode in range(self.num_episodes):
            rows = self.column(name, episode)
            rows = rows[:-1] if name == "action" else rows
            step = max(1, CHUNK_NUMBERS // max(1, rows[0].size))
            for start in range(0, len(rows), step):
                yield rows[start : start + step]


def missing_column(name: str, known: tuple[str, ...]) -> MissingColumnError:
    return MissingColumnError(f"The logs have no column '{name}'.", expected=f"one of {', '.join(sorted(known))}")


# Infinite values give moments that are no numbers; whoever asks has to look.
@np.errstate(invalid="ignore")
def _moments(chunks: Iterator[np.ndarray], channels: int | None) -> Moments:
    """Merges the moments of chunks `[rows ...]` (Chan, Golub, LeVeque 1979), which stays exact where sums of squares cancel."""
    count, mean, squares = 0, np.zeros(()), np.zeros(())
    for chunk in chunks:
        values = chunk.reshape(len(chunk), -1).astype(np.float64)
        chunk_mean = values.mean(0)
        values -= chunk_mean
        delta, total = chunk_mean - mean, count + len(chunk)
        squares = squares + np.einsum("rn,rn->n", values, values) + delta**2 * (count * len(chunk) / total)
        mean = mean + delta * (len(chunk) / total)
        count = total
    variance = squares / count
    if channels is not None:
        # A channel's variance: the mean over its pixels of their variance, plus the variance of their means.
        pixels = mean.reshape(-1, channels)
        mean, variance = pixels.mean(0), variance.reshape(-1, channels).mean(0) + pixels.var(0)
    return Moments(tuple(map(float, mean)), tuple(map(float, np.sqrt(variance))))
