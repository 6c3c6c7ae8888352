"""What an import says when it is done: nothing is left out in silence."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from telos.core.spaces import PixelSpace, VectorSpace
from telos.data.importing.outcome import Outcome
from telos.data.importing.selection import Plan
from telos.data.store import Episodes

NAMED = 5
"""Episodes that are named before it is only counted."""


@dataclass(frozen=True)
class LeftOut:
    """Something of the source that is not in the store."""

    num: int
    what: str
    """`episodes`, `steps` or `columns`."""
    why: str
    which: tuple[str, ...] = ()
    """The first few."""

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "LeftOut":
        return cls(data["num"], data["what"], data["why"], tuple(data["which"]))

    def __str__(self) -> str:
        named = f" ({', '.join(self.which)}{', ...' if self.num > len(self.which) else ''})" if self.which else ""
        return f"{self.num:,} {self.what}{named}: {self.why}"


@dataclass(frozen=True, kw_only=True)
class ImportResult:
    """What was imported, and what was not."""

    path: Path
    format: str
    episodes: int
    steps: int
    left_out: tuple[LeftOut, ...]
    notes: tuple[str, ...]
    """What was assumed or changed, a sentence each."""
    columns: Mapping[str, str]
    """What each column of the store was called in the source."""
    resumed: int = 0
    """Episodes of the source that an earlier attempt had finished."""

    @property
    def store(self) -> Episodes:
        """The imported logs, open."""
        return Episodes.open(self.path)

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "path": str(self.path), "left_out": [asdict(part) for part in self.left_out]}


def left_out(plan: Plan, outcomes: Sequence[Outcome]) -> tuple[LeftOut, ...]:
    """Everything that was not taken, and why."""
    found = []
    if plan.left_out:
        found.append(LeftOut(len(plan.left_out), "columns", "not taken", plan.left_out[:NAMED]))
    if other := len(plan.description.lengths) - len(plan.episodes):
        found.append(LeftOut(other, "episodes", "not chosen"))
    reasons: dict[str, list[int]] = {}
    for outcome in outcomes:
        if outcome.why:
            reasons.setdefault(outcome.why, []).append(outcome.episode)
    found += [LeftOut(len(episodes), "episodes", why, _named(episodes)) for why, episodes in reasons.items()]
    if short := [outcome.episode for outcome in outcomes if not outcome.why and not outcome.lengths]:
        found.append(LeftOut(len(short), "episodes", "too short for a single step", _named(short)))
    if pieces := sum(outcome.short for outcome in outcomes if outcome.lengths):
        found.append(LeftOut(pieces, "pieces", "too short for a single step, between gaps"))
    if lost := sum(outcome.lost for outcome in outcomes):
        found.append(LeftOut(lost, "steps", _why_lost(plan, outcomes)))
    return tuple(found)


def notes(plan: Plan, outcomes: Sequence[Outcome]) -> tuple[str, ...]:
    """What was assumed or changed."""
    return (*plan.description.notes, *_gaps(plan, outcomes), *_changes(plan, outcomes))


def _changes(plan: Plan, outcomes: Sequence[Outcome]) -> Iterable[str]:
    options = plan.options
    for column in plan.columns:
        source, space = column.source.space, column.space
        if isinstance(source, PixelSpace) and source != space and isinstance(space, PixelSpace):
            how = "of their middle" if options.crop == "square" else "squeezed" if source.height != source.width else "averaged over areas"
            yield f"Pictures of '{column.source.name}' went from {source.height} x {source.width} to {space.height} x {space.width} pixels, {how}."
    for name, dtype in {name: dtype for outcome in outcomes for name, dtype in outcome.rounded.items()}.items():
        yield f"'{name}' was {dtype} and is float32 in the store."
    if plan.stride > 1:
        yield f"Every frame out of {plan.stride} was kept; the actions between were combined by '{options.combine}'."
    if plan.relative_to is not None:
        yield f"The actions are relative to '{plan.relative_to}' as it was when they began."
    if plan.shortened:
        yield "The last observation of every episode was left out, since a column that was taken has no row for it."
    if plan.learns_bounds:
        yield "The bounds of the actions are the least and the greatest that were logged."
    elif isinstance(action := plan.spaces.action, VectorSpace) and not action.bounded:
        yield "The actions have no bounds: a model can be trained, but nothing can be planned."


def _gaps(plan: Plan, outcomes: Sequence[Outcome]) -> Iterable[str]:
    if gaps := sum(outcome.gaps for outcome in outcomes):
        held = sum(outcome.held for outcome in outcomes)
        split = sum(max(0, len(outcome.lengths) - 1) for outcome in outcomes)
        yield f"{gaps:,} gaps in the time stamps: {held:,} frames were filled with the ones before, {split:,} episodes more came from splitting."


def _why_lost(plan: Plan, outcomes: Sequence[Outcome]) -> str:
    reasons = ["across a gap"] if any(outcome.gaps for outcome in outcomes) else []
    reasons += ["after the last whole stride"] if plan.stride > 1 else []
    return " or ".join(reasons) or "of episodes that are too short"


def _named(episodes: Sequence[int]) -> tuple[str, ...]:
    return tuple(map(str, episodes[:NAMED]))
