"""What a store holds, and what is wrong with it, before hours of training go into it."""

import dataclasses
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from telos.core.errors import DamagedStoreError
from telos.core.spaces import AbstractSpace, PixelSpace, VectorSpace
from telos.data.manifest import INFO, leaf_spaces
from telos.data.store import Episodes

QUICK_EPISODES = 32
FROZEN_SHARE = 0.5
"""Share of an episode's frames that may equal the one before; an agent that bumps into walls stands still for a while."""
BLANK_LEVELS = 3
"""Grey levels between the darkest and the brightest number of a picture that shows nothing."""
MOST_NAMED_NUMBERS = 64
"""Numbers a row beyond which the constant ones are not named one by one."""
NAMED_EPISODES = 5
"""Episodes that a sentence names before it goes on to count."""


@dataclass(frozen=True)
class ColumnStatistics:
    """Of one column, over all its numbers; the padding of actions is left out."""

    shape: tuple[int, ...]
    dtype: str
    unit: str = ""
    low: float | None = None
    """The least finite number; None when there is none."""
    high: float | None = None
    mean: float | None = None
    num_not_finite: int = 0
    constant: tuple[int, ...] = ()
    """Numbers of the row that never change, by their place; not of pictures."""


@dataclass(frozen=True)
class Inspection:
    """What `inspect_store` found."""

    path: str
    episodes: int = 0
    steps: int = 0
    shortest: int = 0
    longest: int = 0
    median_length: float = 0.0
    inspected: int = 0
    """Episodes that were read; all of them unless it had to be quick."""
    columns: dict[str, ColumnStatistics] = field(default_factory=dict)
    environment: Any = None
    behaviour: Any = None
    problems: list[str] = field(default_factory=list)
    """One sentence each; empty when all is well."""
    damaged: bool = False
    """Whether a file is cut, altered or gone; the first problems say which."""

    def to_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)


def inspect_store(path: Path | str, quick: bool = False) -> Inspection:
    """Reads a store with suspicion.

    Args:
        path: Its folder.
        quick: Reads 32 episodes spread over the store, and compares no checksums.

    Raises:
        DataError: there is no store, it cannot be read, or a newer Telos wrote it. Damage is reported, not raised.
    """
    problems: list[str] = []
    try:
        store = Episodes.open(path)
    except DamagedStoreError as error:
        return Inspection(str(path), problems=[error.what], damaged=True)
    if not quick:
        problems += store.damage()
    damaged = bool(problems)
    num = min(QUICK_EPISODES, store.num_episodes) if quick else store.num_episodes
    chosen = np.unique(np.linspace(0, store.num_episodes - 1, num).round().astype(int))
    leaves = leaf_spaces(store.spaces)
    columns = {}
    for column in store.manifest.columns:
        rows = (_without_padding(store, column.name, int(index)) for index in chosen)
        columns[column.name] = dataclasses.replace(_statistics(rows, column.shape, np.dtype(column.dtype).name), unit=column.unit)
        problems += _column_problems(column.name, columns[column.name], leaves.get(column.name), quick)
    for name, space in leaves.items():
        if isinstance(space, PixelSpace):
            problems += _picture_problems(store, name, chosen)
    problems += _duplicates(store, chosen)
    return Inspection(
        str(path),
        store.num_episodes,
        store.num_steps,
        int(store.lengths.min()),
        int(store.lengths.max()),
        float(np.median(store.lengths)),
        len(chosen),
        columns,
        store.environment,
        store.behaviour,
        problems,
        damaged,
    )


def _without_padding(store: Episodes, name: str, episode: int) -> np.ndarray:
    rows = store.column(name, episode)
    return rows[:-1] if name == "action" else rows


def _statistics(parts: Iterator[np.ndarray], shape: tuple[int, ...], dtype: str) -> ColumnStatistics:
    size = int(np.prod(shape))
    least, most = np.full(size, np.inf), np.full(size, -np.inf)
    total, count, num_rows = 0.0, 0, 0
    for rows in parts:
        rows = rows.reshape(len(rows), size)
        finite = np.isfinite(rows) if rows.dtype.kind == "f" else np.True_
        # A mask costs far more than plain arithmetic, and is hardly ever needed.
        if finite.all():
            low, high, part, num = rows.min(0), rows.max(0), rows.sum(dtype=np.float64), rows.size
        else:
            low, high = rows.min(0, where=finite, initial=np.inf), rows.max(0, where=finite, initial=-np.inf)
            part, num = rows.sum(dtype=np.float64, where=finite), int(finite.sum())
        least, most, total, count = np.minimum(least, low), np.maximum(most, high), total + float(part), count + num
        num_rows += len(rows)
    not_finite = num_rows * size - count
    if count == 0:
        return ColumnStatistics(shape, dtype, num_not_finite=not_finite)
    constant = tuple(map(int, np.flatnonzero(least == most))) if size <= MOST_NAMED_NUMBERS else ()
    return ColumnStatistics(shape, dtype, "", float(least.min()), float(most.max()), total / count, not_finite, constant)


def _column_problems(name: str, found: ColumnStatistics, space: AbstractSpace | None, quick: bool) -> Iterator[str]:
    if found.num_not_finite:
        yield f"The column '{name}' holds {found.num_not_finite:,} values that are not finite numbers (NaN or infinity)."
    size = int(np.prod(found.shape))
    where = "in the episodes that were read" if quick else "in the whole store"
    if name.startswith(INFO):
        # A true state that never changes (the place of a fixed wall) is no flaw of the logs: nobody learns from it.
        return
    if found.low is not None and found.low == found.high:
        yield f"The column '{name}' is {found.low + 0:g} everywhere {where}."
    elif found.constant and space is not None:
        yield f"{len(found.constant)} of the {size} numbers of '{name}' never change {where}: {_some(found.constant)}."
    if name == "action" and isinstance(space, VectorSpace) and space.bounded and found.low is not None and found.high is not None:
        least, most = float(space.bounds[0].min()), float(space.bounds[1].max())
        slack = 1e-4 * (most - least)
        if found.low < least - slack or found.high > most + slack:
            yield f"Actions run from {found.low:g} to {found.high:g}, outside of their bounds {least:g} to {most:g}."


def _picture_problems(store: Episodes, name: str, chosen: np.ndarray) -> Iterator[str]:
    frozen, blank = [], []
    for index in map(int, chosen):
        frames = store.column(name, index).reshape(int(store.lengths[index]) + 1, -1)
        same = (frames[1:] == frames[:-1]).all(1).mean()
        if len(frames) > 2 and same > FROZEN_SHARE:
            frozen.append(index)
        if (frames.max(1).astype(int) - frames.min(1) < BLANK_LEVELS).any():
            blank.append(index)
    if frozen:
        yield f"Most frames of '{name}' equal the one before in {_count(frozen)}: the camera or the agent stands still."
    if blank:
        yield f"'{name}' has black or empty frames in {_count(blank)}."


def _duplicates(store: Episodes, chosen: np.ndarray) -> Iterator[str]:
    seen: dict[bytes, int] = {}
    twins = []
    for index in map(int, chosen):
        checksum = hashlib.blake2b(digest_size=16)
        for name in leaf_spaces(store.spaces):
            checksum.update(np.ascontiguousarray(_without_padding(store, name, index)).view(np.uint8).data)
        if seen.setdefault(checksum.digest(), index) != index:
            twins.append(index)
    if twins:
        yield f"The same episode twice: an earlier one returns as {_count(twins)}."


def _count(episodes: list[int]) -> str:
    if len(episodes) == 1:
        return f"episode {episodes[0]}"
    return f"{len(episodes)} episodes ({_some(episodes)})"


def _some(numbers: tuple[int, ...] | list[int]) -> str:
    more = len(numbers) - NAMED_EPISODES
    return ", ".join(map(str, numbers[:NAMED_EPISODES])) + (f" and {more} more" if more > 0 else "")
