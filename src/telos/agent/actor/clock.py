"""Keeps a search within its budget: whether there is time for a round, and for how much of it."""

import time

from telos.agent.actor.pace import Pace

SHARES = (16, 12, 8, 6, 4, 3, 2, 1)
"""Sixteenths of a round. Where the whole does not fit a part of it may; few sizes, since a model sets itself up for each."""
FEWEST = 4
"""Candidates, without which a part of a round is no search."""


class RoundClock:
    """The time of one plan.

    Args:
        pace: what rounds cost so far.
        num_problems: plans that are made side by side.
        budget_ms: wall-clock time from now; None: no limit, and nothing is measured.
    """

    def __init__(self, pace: Pace, num_problems: int, budget_ms: float | None) -> None:
        self.pace, self.num_problems = pace, num_problems
        self.seconds_allowed = None if budget_ms is None else budget_ms / 1000
        self.started = self._since = time.perf_counter()
        self.ran_out = False
        self._granted: int | None = None
        self._rows = 0
        self._measured: set[int] = set()

    @property
    def seconds(self) -> float:
        """Wall-clock time since planning began."""
        return time.perf_counter() - self.started

    @property
    def left(self) -> float:
        """Seconds until the last moment at which the way to the finished plan has to begin; endless without a budget."""
        if self.seconds_allowed is None:
            return float("inf")
        return self.seconds_allowed - self.seconds - self.pace.rest_seconds(self.num_problems) - self.pace.reserve

    def ask(self, num_candidates: int, num_problems: int | None = None) -> bool:
        """Whether there is time for a round of so many candidates for each problem, or at least for a part of it that `take` then gives.

        Args:
            num_problems: how many the round is for; None: all, as before any has settled.
        """
        num_problems = self.num_problems if num_problems is None else num_problems
        if self.seconds_allowed is None:
            return True
        left = self.left
        granted = 0
        for num in [num_candidates, *(-(-num_candidates * share // SHARES[0]) for share in SHARES[1:])]:
            if (num == num_candidates or num >= FEWEST) and left > self.pace.round_seconds(num_problems, num):
                granted = num
                break
            if num_problems * num not in self._measured:
                self.pace.refuse(num_problems * num)
        fits = left > 0 if num_candidates == 0 else granted > 0
        self.ran_out |= not fits or granted < num_candidates
        self._granted = granted if 0 < granted < num_candidates else None
        self._since, self._rows = time.perf_counter(), 0
        return fits

    def take(self, num_candidates: int) -> int:
        """How many of these candidates of a round there is time to judge."""
        if self._granted is None:
            return num_candidates
        taken = min(num_candidates, self._granted)
        self._granted -= taken
        return taken

    def judged(self, rows: int) -> None:
        """So many futures were imagined."""
        self._rows += rows

    def round_ended(self) -> None:
        """A round is through."""
        if self.seconds_allowed is None:
            return
        now = time.perf_counter()
        if self._rows:
            self.pace.note_round(self._rows, now - self._since)
            self._measured.add(self._rows)
        self._granted, self._since, self._rows = None, now, 0

    def plan_imagined(self) -> None:
        """What the plan leads to has been imagined: the way from the last round is through."""
        if self.seconds_allowed is not None:
            self.pace.note_rest(self.num_problems, time.perf_counter() - self._since)

    def plan_ended(self) -> None:
        """The plan is there."""
        if self.seconds_allowed is not None:
            self.pace.note_plan(self.seconds, self.seconds_allowed)
