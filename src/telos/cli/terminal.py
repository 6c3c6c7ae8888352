"""What the terminal shows: quiet, aligned, every number with its company. In a pipe: no bars, no colours."""

import json
import math
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from telos.core.run import plain

messages = Console(stderr=True, highlight=False)
"""Progress and remarks; never mixed with results."""
results = Console(highlight=False)
"""Results for people."""


def print_error(text: str) -> None:
    """One mistake, on standard error."""
    messages.print(f"[red]error:[/red] {escape(text)}", soft_wrap=True)


def print_problem(text: str) -> None:
    """Something that may be wrong, and does not stop anything."""
    messages.print(f"  [yellow]problem:[/yellow] {escape(text)}", soft_wrap=True)


def say(text: str = "") -> None:
    """A line of results, as it stands: paths are neither wrapped nor read as markup."""
    results.print(text, markup=False, soft_wrap=True)


def remark(text: str) -> None:
    """A line on standard error, as it stands."""
    messages.print(text, markup=False, soft_wrap=True)


def print_json(value: Mapping[str, Any]) -> None:
    """One JSON object on the last line of standard output; what is no number becomes null."""
    sys.stdout.write(json.dumps(plain(value), allow_nan=False) + "\n")
    sys.stdout.flush()


class Bars:
    """Progress bars, one a stage; each ends with the sentence that sums it up."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks: dict[str, TaskID] = {}

    def update(self, stage: str, done: int, total: int, note: str = "") -> None:
        """Moves the bar of `stage`."""
        if stage not in self._tasks:
            self._tasks[stage] = self._progress.add_task(stage, total=total, note="")
        self._progress.update(self._tasks[stage], completed=done, total=total)
        if note:
            self._progress.update(self._tasks[stage], note=escape(note))

    def remark(self, text: str) -> None:
        """A line above the bars."""
        self._progress.console.print(escape(text), soft_wrap=True)


@contextmanager
def bars() -> Iterator[Bars]:
    """Progress bars on standard error while the block runs; nothing moves in a pipe."""
    columns = (
        TextColumn("  {task.description:<12}"),
        BarColumn(bar_width=24),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )
    with Progress(*columns, console=messages, disable=not messages.is_terminal, refresh_per_second=4) as progress:
        yield Bars(progress)


def percent(value: float | None) -> str:
    """`0.985` as `98.5 %`."""
    return "–" if value is None or not math.isfinite(value) else f"{100 * value:.1f} %"


def success_table(evaluation: Mapping[str, Any]) -> Table:
    """The agent above its floors, with intervals and steps."""
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0))
    for title in ("", "success", "95 % interval", "at any step", "steps"):
        table.add_column(title, justify="left" if not title else "right")
    planner = evaluation["planner"]["class"].rpartition(":")[2]
    rows = {f"Telos, {planner}": evaluation, **{LABELS[name]: floor for name, floor in evaluation["floors"].items()}}
    for label, row in rows.items():
        if row is None:
            table.add_row(f"  {label}", "–", "not in this world", "–", "–")
            continue
        steps = row["steps"]
        table.add_row(
            f"  {label}",
            percent(row["success"]),
            f"{100 * row['success_low']:.1f} to {100 * row['success_high']:.1f}",
            percent(row["success_any"]),
            f"{steps:.0f}" if steps is not None and math.isfinite(steps) else "–",
        )
    return table


LABELS = {"random": "random", "zero": "zero action", "scripted": "scripted expert", "guarded expert": "guarded expert"}
