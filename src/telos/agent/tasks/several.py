"""Several targets: any of them, one after the other, or all in the best order."""

from dataclasses import dataclass, replace
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from telos.agent.tasks.orders import best_first
from telos.agent.tasks.quantity import Numbers
from telos.agent.tasks.targets import AbstractTarget, AbstractTargetsTask, Visits
from telos.core.errors import ConfigError

MOST = 8
"""Targets of which the best order is found exactly."""
STUBBORN = 0.8
"""Another target is headed for only if the way is shorter by a fifth; who changes his mind at every step arrives nowhere."""
PATIENCE, NEARER = 8, 0.97
"""Steps without coming nearer, by 3 % at the least, after which another target is tried."""


@dataclass(frozen=True, init=False)
class AbstractSeveral(AbstractTargetsTask):
    """A task with several targets: `Kind(one, another, ...)`, each such as `ReachValue(...)` or `ReachRegion(...)`."""

    places: tuple[AbstractTarget, ...]

    def __init__(self, *places: AbstractTarget) -> None:
        object.__setattr__(self, "places", tuple(_flat(places)))
        if not self.places or not all(isinstance(place, AbstractTarget) for place in self.places):
            given = ", ".join(type(place).__name__ for place in self.places) or "nothing"
            raise ConfigError(f"{type(self).__name__} is given {given}.", expected="targets such as ReachValue or ReachRegion, one or more")
        self._check()

    def _check(self) -> None:
        """Raises ConfigError if these targets do not go together."""

    @property
    def targets(self) -> tuple[AbstractTarget, ...]:
        return self.places


@dataclass(frozen=True, init=False)
class ReachAny(AbstractSeveral):
    """Reach any of several targets, whichever is the easiest to come to."""

    def enough(self, reached: Bool[Tensor, "batch targets"]) -> Bool[Tensor, " batch"]:
        return reached.any(dim=1)

    def head_for(self, progress: Visits, numbers: Numbers) -> Visits:
        return replace(progress, current=progress.outside.argmin(dim=1))

    def heading(self, progress: Visits, arrivals: Float[Tensor, "targets batch horizon"]) -> Int[Tensor, " batch"]:
        # Not the nearest one now: what is near may lie behind a wall, which imagined paths show.
        return arrivals.sum(dim=2).argmin(dim=0)


@dataclass(frozen=True, init=False)
class VisitInOrder(AbstractSeveral):
    """Reach one target after the other, in the order in which they are given; being inside of a later one does not count yet."""

    def enough(self, reached: Bool[Tensor, "batch targets"]) -> Bool[Tensor, " batch"]:
        return reached.all(dim=1)

    def counts(self, progress: Visits) -> Bool[Tensor, "batch targets"]:
        return torch.arange(len(self.targets), device=progress.current.device) == progress.current[:, None]

    def head_for(self, progress: Visits, numbers: Numbers) -> Visits:
        return replace(progress, current=progress.reached.sum(dim=1).clamp_max(len(self.targets) - 1))


@dataclass(frozen=True, init=False)
class VisitAll(AbstractSeveral):
    """Reach all targets, in the order that makes the way short; it is found exactly, and again at every step.

    Ways are measured straight, in the quantity that the targets share.

    Raises:
        ConfigError: there are more than 8 targets, or they speak of different quantities, between which no way can be measured.
    """

    def _check(self) -> None:
        if len(self.places) > MOST:
            raise ConfigError(f"VisitAll is given {len(self.places)} targets.", expected=f"at most {MOST}", fix="say an order: VisitInOrder(...)")
        if len(self.quantities) > 1:
            raise ConfigError(f"VisitAll speaks of {' and '.join(self.quantities)}: there is no way from one to the other.", fix="VisitInOrder(...)")

    def enough(self, reached: Bool[Tensor, "batch targets"]) -> Bool[Tensor, " batch"]:
        return reached.all(dim=1)

    def head_for(self, progress: Visits, numbers: Numbers) -> Visits:
        here, rows = numbers[self.quantities[0]], torch.arange(len(progress.time), device=progress.time.device)
        first, lengths = best_first(here, torch.stack(progress.aims, dim=1), progress.reached)
        before = progress.current
        outside = progress.outside[rows, before]
        nearer = (outside < NEARER * progress.nearest) | (outside <= 0)
        stalled = torch.where(nearer, 0, progress.stalled + 1)
        # Where the straight way does not lead on, another target may be easier to come to, and this one from there.
        gave_up = (stalled >= PATIENCE) & ((~progress.reached).sum(dim=1) > 1)
        other = lengths.scatter(1, before[:, None], torch.inf).argmin(dim=1)
        better = lengths[rows, first] < STUBBORN * lengths[rows, before]
        anew = (progress.reached[rows, before] | better | gave_up | (progress.time == 0)) & ~progress.reached.all(dim=1)
        current = torch.where(anew, torch.where(gave_up, other, first), before)
        changed = current != before
        nearest = torch.where(changed, progress.outside[rows, current], torch.where(nearer, outside, progress.nearest))
        return replace(progress, current=current, nearest=nearest, stalled=torch.where(changed, 0, stalled))


def _flat(places: tuple[Any, ...]) -> tuple[Any, ...]:
    """Targets given one by one, or as one list."""
    return tuple(places[0]) if len(places) == 1 and isinstance(places[0], (list, tuple)) else places
