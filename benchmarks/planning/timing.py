"""Ratios that can be trusted on a machine with other guests: contestants take turns, and every round gives one ratio."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median

import torch

Measured = Callable[[], float]
"""Does its work once; answers the seconds that it took."""


def seconds_of(work: Callable[[], object], device: str = "cpu") -> float:
    """CPU seconds of this process; on a GPU what the clock says once all its work is done."""
    if device == "cpu":
        started = time.process_time()
        work()
        return time.process_time() - started
    torch.cuda.synchronize()
    started = time.perf_counter()
    work()
    torch.cuda.synchronize()
    return time.perf_counter() - started


def take_turns(contestants: Mapping[str, Measured], rounds: int, tell: Callable[[str], None] = lambda text: None) -> dict[str, list[float]]:
    """Seconds by contestant, round by round. The order turns round each time, so that nobody always comes after the same one."""
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    for number in range(rounds):
        for name in list(contestants)[:: 1 if number % 2 == 0 else -1]:
            tell(f"round {number + 1} of {rounds}: {name}")
            seconds[name].append(contestants[name]())
    return seconds


@dataclass(frozen=True)
class Spread:
    """The median of some numbers, with the least and the greatest."""

    middle: float
    low: float
    high: float
    num: int

    @classmethod
    def of(cls, values: list[float]) -> "Spread":
        return cls(median(values), min(values), max(values), len(values))

    @classmethod
    def ratio(cls, ours: list[float], theirs: list[float]) -> "Spread":
        """Of the ratios of each round."""
        return cls.of([mine / other for mine, other in zip(ours, theirs, strict=True)])

    def __str__(self) -> str:
        return f"{self.middle:.3g} ({self.low:.3g} to {self.high:.3g})"
