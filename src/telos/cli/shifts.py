"""What the terminal shows of an evaluation in other looks."""

from collections.abc import Mapping
from typing import Any


def show_shifts(result: Mapping[str, Any]) -> None:
    """A row a look: success, and what is lost on the same starts and goals."""
    from rich.table import Table

    from telos.cli.terminal import percent, results, say

    shifts = result["shifts"]
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0))
    for title in ("", "success", "95 % interval", "less plain", "95 % interval"):
        table.add_column(title, justify="left" if not title else "right")
    table.add_row("  as it was learned", percent(result["success"]), _span(result, "success", "{:.1f}"), "–", "–")
    for row in shifts["rows"]:
        lost = f"{100 * row['difference']:+.1f}"
        table.add_row(f"  {row['label']}", percent(row["success"]), _span(row, "success", "{:.1f}"), lost, _span(row, "difference", "{:+.1f}"))
    results.print()
    results.print(table)
    shown = "as everything else" if shifts["goals"] == "shifted" else "in the look that was learned"
    say(f"\n  the same starts and goals in other looks; goals are shown {shown}")
    for row in shifts["left_out"]:
        say(f"  left out  {row['label']}: {row['why']}")


def _span(row: Mapping[str, Any], name: str, form: str) -> str:
    low, high = (form.format(100 * row[f"{name}_{end}"]) for end in ("low", "high"))
    return f"{low} to {high}"
