"""How fast a search gets on, measured round by round, so that the next round is begun only where there is time for it."""

from bisect import bisect_left
from collections import deque

KEPT = 9
"""Measurements that count for a number of rows; older ones are of another time."""
CAUTION = 0.8
"""Of the measurements that count, the share that must be within the forecast: a median would be exceeded every second time."""
FORGIVENESS = 0.99
"""Factor of a forecast each time it forbids a round: a single slow measurement must not forbid that round for ever."""
PER_ROW = 0.5
"""Least share of a measured time that grows with the rows, where more of them than ever measured are forecast."""
LATE = 0.1
"""Share of the plans that may be later than their budget; those are late by little, as long as the last round is the only guess."""
STEP, MOST = 0.03, 0.5
"""Share of the budget by which the reserve follows what it finds, and its most."""


class Pace:
    """What the rounds of a search cost, and what comes after the last one. An agent keeps it from plan to plan."""

    def __init__(self) -> None:
        self._rounds, self._rest = Measurements(), Measurements()
        self.reserve = 0.0
        """Seconds that a plan leaves unused: as many as it takes for `LATE` of the plans to be late, on a machine that others use too."""
        self._above: Pace | None = None

    @property
    def above(self) -> "Pace":
        """That of the level above, where there is one: its model is another one."""
        self._above = self._above or Pace()
        return self._above

    @property
    def known(self) -> bool:
        """Whether anything was measured yet."""
        return bool(self._rest)

    def round_seconds(self, num_problems: int, num_candidates: int) -> float:
        """How long a round takes that judges so many candidates for each problem; 0 as long as nothing is known.

        What comes after the last round is a pass of one or two candidates. It stands in for a round of none; and before any round
        was measured, every candidate is taken to cost as much, which is far too much, and safe.
        """
        rest = self.rest_seconds(num_problems)
        return self._rounds.forecast(num_problems * num_candidates, least=rest) if self._rounds else rest * num_candidates

    def rest_seconds(self, num_problems: int) -> float:
        """How long the way from the last round to the finished plan takes."""
        return self._rest.forecast(num_problems)

    def note_round(self, rows: int, seconds: float) -> None:
        """A round was measured."""
        self._rounds.note(rows, seconds)

    def note_rest(self, num_problems: int, seconds: float) -> None:
        """The way from the last round to the plan was measured."""
        self._rest.note(num_problems, seconds)

    def note_plan(self, seconds: float, allowed: float) -> None:
        """A plan with a budget is there. The reserve tracks a quantile: after Gibbs & Candès (2021), arXiv 2106.00170."""
        change = 1 - LATE if seconds > allowed else -LATE
        self.reserve = min(max(0.0, self.reserve + STEP * allowed * change), MOST * allowed)

    def refuse(self, rows: int) -> None:
        """A round was not begun for lack of time."""
        self._rounds.forgive(rows)

    def give_up(self, num_problems: int) -> None:
        """There was not even time to imagine a plan that was known already."""
        self._rest.forgive(num_problems)


class Measurements:
    """Seconds by size; a forecast in between, and beyond."""

    def __init__(self) -> None:
        self._seconds: dict[int, deque[float]] = {}

    def __bool__(self) -> bool:
        return bool(self._seconds)

    def note(self, size: int, seconds: float) -> None:
        """One more measurement."""
        self._seconds.setdefault(size, deque(maxlen=KEPT)).append(seconds)

    def forgive(self, size: int) -> None:
        """Takes what was measured for this size for a little less."""
        if (kept := self._seconds.get(size)) is not None:
            self._seconds[size] = deque((FORGIVENESS * seconds for seconds in kept), maxlen=KEPT)

    def forecast(self, size: int, *, least: float = 0.0) -> float:
        """Seconds for this size: as measured, or on the line between the sizes around it; 0 if there is nothing to go by.

        Args:
            least: seconds for a size of nothing at all.
        """
        if size in self._seconds:
            return self._cautious(size)
        sizes = sorted(self._seconds)
        if not sizes:
            return least
        above = bisect_left(sizes, size)
        if above == len(sizes):
            low, seconds = sizes[-1], self._cautious(sizes[-1])
            return seconds + max(PER_ROW * seconds, seconds - least) / low * (size - low)
        low, before = (0, min(least, self._cautious(sizes[0]))) if above == 0 else (sizes[above - 1], self._cautious(sizes[above - 1]))
        high, after = sizes[above], self._cautious(sizes[above])
        return before + (after - before) * (size - low) / (high - low)

    def _cautious(self, size: int) -> float:
        kept = sorted(self._seconds[size])
        return kept[min(int(CAUTION * len(kept)), len(kept) - 1)]
