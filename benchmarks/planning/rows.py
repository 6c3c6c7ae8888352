"""What is measured, as rows of a table: a ratio with its spread, and the bar that it is held against."""

from dataclasses import asdict, dataclass, field
from typing import Any

from benchmarks.planning.timing import Spread


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the table."""

    work: str
    against: str
    ratio: Spread
    """Ours to theirs, of every round."""
    bar: float | None = None
    """What the ratio must not exceed; None: shown for company."""
    stretch: float | None = None
    seconds: dict[str, float] = field(default_factory=dict)
    """Medians, by contestant."""
    note: str = ""
    counts: bool = True
    """Whether the condition holds that the ratio stands under, if there is one."""

    @property
    def verdict(self) -> str:
        """Judged by the median."""
        if self.bar is None:
            return ""
        if not self.counts:
            return "does not count"
        if self.stretch is not None and self.ratio.middle <= self.stretch:
            return "stretch"
        return "bar" if self.ratio.middle <= self.bar else "missed"

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "verdict": self.verdict}


def fraction(value: float | None) -> str:
    """A bar as people say it: 1/8 in place of 0.125."""
    if value is None:
        return "–"
    return f"1/{1 / value:.3g}" if value < 0.55 else f"{value:.3g}"


def seconds_text(seconds: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:.3g} s" if value >= 0.1 else f"{name} {1000 * value:.3g} ms" for name, value in seconds.items())


def markdown(rows: list[Row]) -> str:
    """The table as the docs show it."""
    lines = ["| work | against | ratio (least to greatest) | bar | stretch | reached | medians |", "|---|---|---|---|---|---|---|"]
    for row in rows:
        cells = (row.work, row.against, str(row.ratio), fraction(row.bar), fraction(row.stretch), row.verdict, seconds_text(row.seconds))
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join([*lines, *(f"\n{row.work}, {row.against}: {row.note}" for row in rows if row.note)])


def lines(rows: list[Row]) -> list[str]:
    """The same for a terminal."""
    wide = max((len(row.work) for row in rows), default=0)
    against = max((len(row.against) for row in rows), default=0)
    found = []
    for row in rows:
        bars = "" if row.bar is None else f"bar {fraction(row.bar)}, stretch {fraction(row.stretch)}: {row.verdict}"
        found.append(f"  {row.work:<{wide}}  {row.against:<{against}}  {row.ratio!s:<26} {bars:<32} {seconds_text(row.seconds)}".rstrip())
        found += [f"  {'':<{wide}}  {row.note}"] if row.note else []
    return found
