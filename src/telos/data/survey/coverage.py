"""What the logs cover: how often each number took which value, and which places of the state were visited."""

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from telos.core.spaces import DiscreteSpace, PixelSpace
from telos.data.base import AbstractEpisodes
from telos.data.manifest import INFO, leaf_spaces

NUM_BINS = 30
NUM_CELLS = 24
"""Per side of a map of two numbers."""
MOST_NUMBERS = 8
"""Numbers of one column that are drawn."""
MOST_MAPS = 6
MOST_ROWS = 200_000
"""Rows that are counted; of longer logs, those of an even sample of the episodes."""


@dataclass(frozen=True)
class Histogram:
    """How often one number took which value."""

    column: str
    number: int
    counts: tuple[int, ...]
    low: float
    high: float
    choices: bool = False
    """Whether each bar is one choice of a discrete action."""


@dataclass(frozen=True)
class Occupancy:
    """Which places two numbers of one column visited together."""

    column: str
    numbers: tuple[int, int]
    counts: np.ndarray
    """`[cells cells]`: rows along the second number, columns along the first."""
    low: tuple[float, float]
    high: tuple[float, float]

    @property
    def visited(self) -> float:
        """Share of the cells in which a frame lies."""
        return float((self.counts > 0).mean())


@dataclass(frozen=True)
class Coverage:
    """Of all columns that hold a few numbers."""

    histograms: tuple[Histogram, ...]
    maps: tuple[Occupancy, ...]
    """Of true quantities where the logs carry them, and of readings, as many as fit."""


def coverage(logs: AbstractEpisodes) -> Coverage:
    """Counts actions, readings and true quantities; pictures have none that could be counted."""
    leaves = leaf_spaces(logs.spaces)
    readings = [name for name, space in leaves.items() if name != "action" and not isinstance(space, PixelSpace)]
    truths = [name for name in logs.column_names if name.startswith(INFO) and 0 < logs.column(name, 0)[0].size <= MOST_NUMBERS]
    histograms: list[Histogram] = []
    maps: list[Occupancy] = []
    for name in ("action", *truths, *readings):
        rows = column_rows(logs, name)
        histograms += _histograms(logs, name, rows)
        if name != "action" and len(maps) < MOST_MAPS:
            maps += _maps(name, rows)[: MOST_MAPS - len(maps)]
    return Coverage(tuple(histograms), tuple(maps))


def column_rows(logs: AbstractEpisodes, name: str) -> np.ndarray:
    """Rows `[rows numbers]` of a column, those with a value that is no finite number left out."""
    num = logs.num_episodes
    keep = num if logs.num_steps <= MOST_ROWS else max(1, num * MOST_ROWS // logs.num_steps)
    chosen = np.unique(np.linspace(0, num - 1, keep).round().astype(int))
    parts = [logs.column(name, int(index))[: -1 if name == "action" else None] for index in chosen]
    rows = np.concatenate(parts).reshape(-1, max(1, parts[0][0].size)).astype(np.float64)
    return rows[np.isfinite(rows).all(axis=1)]


def _histograms(logs: AbstractEpisodes, name: str, rows: np.ndarray) -> list[Histogram]:
    space = logs.spaces.action
    if not len(rows):
        return []
    if name == "action" and isinstance(space, DiscreteSpace):
        counts = np.bincount(rows[:, 0].astype(int), minlength=space.num)
        return [Histogram(name, 0, tuple(map(int, counts)), 0, space.num - 1, choices=True)]
    found = []
    for number in range(min(rows.shape[1], MOST_NUMBERS)):
        values = rows[:, number]
        low, high = float(values.min()), float(values.max())
        if name == "action" and not isinstance(space, DiscreteSpace) and space.bounded:
            low, high = min(low, float(space.bounds[0][number])), max(high, float(space.bounds[1][number]))
        counts, _ = np.histogram(values, bins=NUM_BINS, range=(low, high if high > low else low + 1))
        found.append(Histogram(name, number, tuple(map(int, counts)), low, high))
    return found


def _maps(name: str, rows: np.ndarray) -> list[Occupancy]:
    """Pairs of numbers that vary."""
    if not len(rows):
        return []
    varying = [number for number in range(min(rows.shape[1], MOST_NUMBERS)) if rows[:, number].std() > 1e-9]
    found = []
    for first, second in combinations(varying, 2):
        low = (float(rows[:, first].min()), float(rows[:, second].min()))
        high = (float(rows[:, first].max()), float(rows[:, second].max()))
        counts, _, _ = np.histogram2d(rows[:, second], rows[:, first], bins=NUM_CELLS, range=((low[1], high[1]), (low[0], high[0])))
        found.append(Occupancy(name, (first, second), counts.astype(int), low, high))
    return found
