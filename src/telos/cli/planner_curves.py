"""What the terminal shows of planners with many budgets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from telos.core.run import Run


def show_planners(curves: Mapping[str, Any], run: Run) -> None:
    """A row a setting, in groups by planner: success, what is lost to the best on the same starts and goals, and what a plan costs."""
    from rich.table import Table

    from telos.cli.terminal import percent, results, say

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for title in ("", "success", "95 % interval", "to the best", "ms of CPU"):
        table.add_column(title, justify="left" if not title else "right", no_wrap=True)
    for index, row in enumerate(curves["rows"]):
        spans = (_span(row, "success", "{:.1f}"), _span(row, "difference", "{:+.1f}"))
        style = "bold" if index == curves["knee"] else None
        table.add_row(f"  {row['setting']}", percent(row["success"]), *spans, f"{1000 * row['cpu_seconds']:.1f}", style=style)
    results.print()
    results.print(table)
    say(f"\n  {curves['says']}")
    if curves["knee"] is not None:
        say(f"  next     telos evaluate {run.path} --planner auto   takes it, here and wherever this run plans")


def _span(row: Mapping[str, Any], name: str, form: str) -> str:
    low, high = (form.format(100 * row[f"{name}_{end}"]) for end in ("low", "high"))
    return f"{low} to {high}"
