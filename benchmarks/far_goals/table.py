"""The table: rows over maps and kinds of pairs, with intervals, ways, planning time and paired differences."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.far_goals.play import Result
from telos.evaluation.intervals import Rate, paired_difference


@dataclass(frozen=True)
class Line:
    """One row over the episodes of several runs, in an order that all rows share."""

    row: str
    success: np.ndarray
    ratio: np.ndarray
    """`[successes]`: steps over those of the scripted expert."""
    cpu_seconds: float
    """Of planning, mean of an episode."""

    @property
    def rate(self) -> Rate:
        return Rate(int(self.success.sum()), len(self.success))

    def to_json(self) -> dict[str, Any]:
        low, high = self.rate.interval
        return {
            "success": self.rate.value,
            "low": low,
            "high": high,
            "episodes": len(self.success),
            "ratio": float(self.ratio.mean()) if len(self.ratio) else None,
            "cpu_seconds": self.cpu_seconds,
        }


def line_of(row: str, results: Iterable[Result]) -> Line:
    """All episodes of a row; results come in by run, and each holds its episodes in the order of the pairs."""
    ordered = sorted(results, key=lambda found: (found["map"], found["training_seed"]))
    episodes = [episode for found in ordered for episode in found["episodes"]]
    success = np.array([episode["success"] for episode in episodes], dtype=bool)
    ratio = np.array([episode["steps"] / episode["shortest"] for episode in episodes])
    return Line(row, success, ratio[success], float(np.mean([episode["cpu_seconds"] for episode in episodes])))


def lines_of(results: Sequence[Result]) -> dict[str, Line]:
    """By row, in the order in which rows came in; a row that did not play on all runs is left out, since it would not be paired."""
    rows = dict.fromkeys(found["row"] for found in results)
    runs = {found["run"] for found in results}
    return {row: line_of(row, part) for row in rows if len(part := [found for found in results if found["row"] == row]) == len(runs)}


def differences(lines: dict[str, Line], against: str) -> dict[str, dict[str, float]]:
    """Of every row from the one named, on the same starts."""
    found = {}
    for name, line in lines.items():
        if name != against:
            value, low, high = paired_difference(line.success, lines[against].success)
            found[name] = {"difference": value, "low": low, "high": high}
    return found


def markdown(results: Sequence[Result], kinds: Sequence[str], against: str = "flat") -> str:
    """A table with a line for each row: success at each kind of pair, and for the last kind the way, the CPU time and the difference from
    the row `against`."""
    by_kind = {kind: lines_of([found for found in results if found["kind"] == kind]) for kind in kinds}
    last = by_kind[kinds[-1]]
    apart = differences(last, against) if against in last else {}
    head = ["", *kinds, f"way, {kinds[-1]}", f"CPU s, {kinds[-1]}", f"from {against}, {kinds[-1]}"]
    text = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for row, line in last.items():
        rates = [str(by_kind[kind][row].rate) if row in by_kind[kind] else "–" for kind in kinds]
        way = f"{line.ratio.mean():.2f}" if len(line.ratio) else "–"
        cpu = f"{line.cpu_seconds:.2f}" if line.cpu_seconds else "–"
        text.append("| " + " | ".join([row, *rates, way, cpu, _apart(apart.get(row))]) + " |")
    return "\n".join(text)


def by_map(results: Sequence[Result], kind: str) -> str:
    """A line for each row and a column for each map: success at one kind of pair, and in how many times the expert's steps."""
    maps = list(dict.fromkeys(found["map"] for found in results))
    lines = {name: lines_of([found for found in results if (found["map"], found["kind"]) == (name, kind)]) for name in maps}
    text = ["| " + " | ".join(["", *maps]) + " |", "|" + "---|" * (len(maps) + 1)]
    for row in dict.fromkeys(found["row"] for found in results):
        cells = [_rate_and_way(lines[name].get(row)) for name in maps]
        text.append("| " + " | ".join([row, *cells]) + " |")
    return "\n".join(text)


def _rate_and_way(line: Line | None) -> str:
    if line is None:
        return "–"
    return f"{line.rate}, {line.ratio.mean():.2f}" if len(line.ratio) else str(line.rate)


def _apart(found: dict[str, float] | None) -> str:
    return "–" if found is None else f"{100 * found['difference']:+.1f} ({100 * found['low']:+.1f} to {100 * found['high']:+.1f})"


def read(out: Path, runs: Sequence[str], rows: Sequence[str], kinds: Sequence[str]) -> list[Result]:
    """What was played already, in the order of `rows`."""
    files = [out / run / kind / f"{row.replace(' ', '-')}.json" for row in rows for kind in kinds for run in runs]
    return [json.loads(file.read_text(encoding="utf-8")) for file in files if file.exists()]
