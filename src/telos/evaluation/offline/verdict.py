"""One question about logs and model, answered: go, caution or no-go."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from telos.evaluation.offline.bootstrap import Estimate

Level = Literal["go", "caution", "no-go"]
LEVELS: tuple[Level, ...] = ("go", "caution", "no-go")
"""From good to bad."""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """An answer to one question about logs and model."""

    name: str
    """For programs."""
    question: str
    level: Level
    says: str
    """The numbers behind it, in a sentence."""
    rule: str
    """Where the lines are drawn, and why there."""
    numbers: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        numbers = {name: value.to_json() if isinstance(value, Estimate) else value for name, value in self.numbers.items()}
        return {**vars(self), "numbers": numbers}


def overall(verdicts: Sequence[Verdict]) -> Level:
    """The worst of all: a chain of modules is no better than its weakest."""
    return max((verdict.level for verdict in verdicts), key=LEVELS.index)


def lower_end(estimate: Estimate) -> float:
    """The lower end, or the value where there is no interval."""
    return estimate.value if math.isnan(estimate.low) else estimate.low


def percent_interval(estimate: Estimate) -> str:
    return "no interval" if math.isnan(estimate.low) else f"{100 * estimate.low:.1f} to {100 * estimate.high:.1f}"
