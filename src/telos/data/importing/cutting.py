"""Cuts an episode as it streams past: at gaps in time, and every so many frames; what is over is counted, never dropped in silence.

Inside, every column has a row per frame: one that is counted per step has nothing to say in the last frame of an episode.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from telos.core.errors import DataError
from telos.data.checks import pad
from telos.data.importing.outcome import BadEpisode, Outcome
from telos.data.importing.selection import Plan

Rows = Mapping[str, np.ndarray]
GAP = 1.5
"""Frame times between two frames from which on one is missing in between."""
MOST_HELD = 100
"""Missing frames that are made up at most; a longer gap ends the episode whatever was asked for."""


@dataclass(frozen=True)
class Piece:
    """Rows for the store, by column of the store."""

    rows: Rows
    ends: bool
    """Whether an episode of the store ends with them; its last row of what is counted per step is padding."""


def cut(chunks: Iterable[Rows], plan: Plan, outcome: Outcome) -> Iterator[Piece]:
    """The pieces that an episode becomes. Raises BadEpisode, or DataError where gaps are refused."""
    strides = _Strides(plan, outcome)
    for rows, begins in _runs(_frames(chunks, plan), plan, outcome):
        if begins:
            yield from strides.end()
        yield from strides.feed(rows)
    yield from strides.end()


def _frames(chunks: Iterable[Rows], plan: Plan) -> Iterator[dict[str, np.ndarray]]:
    """Rows by column of the store, as many of each."""
    for chunk in chunks:
        rows = {column.target: chunk[column.source.name] for column in plan.columns}
        observed, stepped = ({len(rows[column.target]) for column in plan.columns if column.source.per == per} for per in ("observation", "step"))
        num = min(stepped) if plan.shortened else max(observed)
        if max(len(observed), len(stepped)) > 1 or any(not 0 <= more - less <= 1 for more in observed for less in stepped):
            raise BadEpisode("its columns differ in length")
        if num:
            yield {name: part[:num] if len(part) >= num else pad(part) for name, part in rows.items()}


def _runs(frames: Iterable[dict[str, np.ndarray]], plan: Plan, outcome: Outcome) -> Iterator[tuple[Rows, bool]]:
    """Rows without a gap, and whether one lies before them."""
    if plan.time is None:
        yield from ((rows, False) for rows in frames)
        return
    clock = _Clock(plan, outcome)
    for rows in frames:
        yield from clock.feed(rows)


class _Clock:
    """Watches the time stamps of one episode."""

    def __init__(self, plan: Plan, outcome: Outcome) -> None:
        self.plan, self.outcome = plan, outcome
        self.period = 1 / plan.description.fps if plan.description.fps else None
        self.last: dict[str, np.ndarray] = {}
        self.begins = False
        """Whether what comes after the last gap is another episode."""

    def feed(self, rows: dict[str, np.ndarray]) -> Iterator[tuple[Rows, bool]]:
        assert self.plan.time is not None
        times = rows[self.plan.time.target].reshape(-1).astype(np.float64)
        before = self.last[self.plan.time.target].reshape(-1).astype(np.float64) if self.last else times[:1]
        passed = np.diff(times, prepend=before)
        steps = passed if self.last else passed[1:]
        if self.period is None and len(steps):
            self.period = float(np.median(steps))
        period = self.period or 1.0
        # Written so that a time which is no number counts as a gap.
        broken = ~((passed > 0) & (passed <= GAP * period))
        broken[0] &= bool(self.last)
        if len(steps) > 1 and 2 * broken.sum() > len(steps):
            raise BadEpisode(f"its time stamps do not grow by {period:.4g} s a frame")
        start, begins = 0, False
        for place in map(int, np.flatnonzero(broken)):
            if start < place:
                yield _slice(rows, start, place), begins
            yield from self._gap(rows, place, float(passed[place]), period)
            start, begins = place, self.begins
        yield _slice(rows, start, len(times)), begins
        self.last = {name: part[-1:].copy() for name, part in rows.items()}

    def _gap(self, rows: Rows, place: int, passed: float, period: float) -> Iterator[tuple[Rows, bool]]:
        plan, outcome = self.plan, self.outcome
        if plan.options.missing == "refuse":
            raise DataError(
                f"Episode {outcome.episode} has a gap in its time stamps: {passed:.4g} s where {period:.4g} s were expected.",
                fix="--missing split, or hold, or leave the time stamps out with --columns time=none",
            )
        outcome.gaps += 1
        missing = round(passed / period) - 1 if 0 < passed < np.inf else 0
        self.begins = plan.options.missing == "split" or not 0 < missing <= MOST_HELD
        if self.begins:
            outcome.lost += 1
            return
        outcome.held += missing
        before = _slice(rows, place - 1, place) if place else self.last
        held = {name: np.repeat(part, missing, axis=0) for name, part in before.items()}
        assert plan.time is not None
        time = before[plan.time.target].astype(np.float64)
        held[plan.time.target] = time + period * np.arange(1, missing + 1).reshape(-1, *[1] * (time.ndim - 1))
        yield held, False


class _Strides:
    """Keeps every so many frames of a run, with the actions from one to the next combined."""

    def __init__(self, plan: Plan, outcome: Outcome) -> None:
        self.plan, self.outcome, self.stride = plan, outcome, plan.stride
        self.per_step = {column.target for column in plan.columns if column.per_step}
        self.num_steps = 0
        self.waiting: dict[str, np.ndarray] = {}
        """The last kept frame, and what is counted per step from there on: whether an action follows is not known yet."""
        self.num_waiting = 0

    def feed(self, rows: Rows) -> Iterator[Piece]:
        num = len(next(iter(rows.values())))
        kept = (self.num_waiting + num - 1) // self.stride
        if self.num_waiting == 0:
            self.waiting = {name: part[:0] if name in self.per_step else part[:1].copy() for name, part in rows.items()}
        steps = {name: np.concatenate([self.waiting[name], rows[name]]) for name in self.per_step}
        first = self.stride - self.num_waiting if self.num_waiting else 0
        if kept:
            moved = {name: self._combine(name, part[: kept * self.stride]) for name, part in steps.items()}
            seen = {name: part for name, part in rows.items() if name not in self.per_step}
            if self.num_waiting:
                yield Piece({**{name: self.waiting[name] for name in seen}, **{name: part[:1] for name, part in moved.items()}}, False)
                moved = {name: part[1:] for name, part in moved.items()}
            more = kept - bool(self.num_waiting)
            if more:
                yield Piece({**{name: part[first :: self.stride][:more] for name, part in seen.items()}, **moved}, False)
            last = first + more * self.stride
            self.waiting = {name: part[last : last + 1].copy() for name, part in seen.items()}
            self.num_steps += kept
        self.waiting.update({name: part[kept * self.stride :].copy() for name, part in steps.items()})
        self.num_waiting += num - kept * self.stride

    def end(self) -> Iterator[Piece]:
        """The last frame of a run: its actions lead nowhere."""
        if self.num_waiting == 0:
            return
        self.outcome.lost += self.num_waiting - 1
        if self.num_steps:
            empty = {name: self._combine(name, np.zeros((self.stride, *part.shape[1:]), part.dtype)) for name, part in self._waiting_steps()}
            yield Piece({**self.waiting, **empty}, True)
            self.outcome.lengths.append(self.num_steps)
        else:
            self.outcome.short += 1
        self.waiting, self.num_waiting, self.num_steps = {}, 0, 0

    def _waiting_steps(self) -> Iterator[tuple[str, np.ndarray]]:
        return ((name, part) for name, part in self.waiting.items() if name in self.per_step)

    def _combine(self, name: str, rows: np.ndarray) -> np.ndarray:
        """`[num * stride ...]` as `[num ...]`; columns other than the actions keep the last of each stride."""
        if self.stride == 1:
            return rows
        groups = rows.reshape(-1, self.stride, *rows.shape[1:])
        match self.plan.options.combine if name == self.plan.action.target else "last":
            case "sum":
                return groups.sum(axis=1, dtype=np.float64)
            case "mean":
                return groups.mean(axis=1, dtype=np.float64)
            case "stack":
                return groups.reshape(len(groups), -1)
        return groups[:, -1]


def _slice(rows: Rows, start: int, stop: int) -> dict[str, np.ndarray]:
    return {name: part[start:stop] for name, part in rows.items()}
