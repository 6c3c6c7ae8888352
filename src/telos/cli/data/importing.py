"""`telos data import`: other people's logs become a store."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from tyro.conf import Positional, arg

if TYPE_CHECKING:
    from telos.data.importing import ImportResult, Plan


@dataclass(frozen=True, kw_only=True)
class Import:
    """Copy logs of another layout into a store: the layout is found out, what was found is shown, then it is copied.

    Repeat the command to go on after an interruption.
    """

    source: Annotated[Positional[Path], arg(metavar="SOURCE")]
    """File or folder; it is only ever read."""
    out: Path | None = None
    """Folder of the new store; needed unless this is a dry run."""
    format: str | None = None
    """Name of the layout, if it cannot be found out."""
    columns: tuple[str, ...] = ()
    """What to take as what: ROLE=COLUMN or ROLE/NAME=COLUMN; roles are observation, action, info, extra, time; ROLE=none leaves a role out."""
    episodes: str = ""
    """0:100 (without the last), or 3,5,8; by default all."""
    resize: int | None = None
    """Pictures become so many pixels wide and high, by averaging areas."""
    crop: Literal["none", "square"] = "none"
    """Of pictures that are not square: none squeezes the whole of them, square keeps the middle."""
    stride: int = 1
    """Keep one frame out of so many."""
    fps: float | None = None
    """Frames a second to keep, instead of a stride."""
    combine: Literal["last", "sum", "mean", "stack"] | None = None
    """What becomes of the actions between two kept frames; must be told where there are any."""
    relative_to: str | None = None
    """A column of observations to subtract from the actions: targets become displacements."""
    missing: Literal["split", "hold", "refuse"] = "split"
    """Gaps in the time stamps end an episode, are filled with what was there before, or are refused."""
    bad: Literal["skip", "refuse"] = "skip"
    """Episodes that are damaged or hold NaN are left out and reported, or refused."""
    bounds: str = "auto"
    """Of actions: auto (those of the files, else the least and greatest logged), LOW:HIGH, or none."""
    threads: int | None = None
    """Readers side by side; by default as many as processors. The result does not depend on it."""
    dry_run: bool = False
    """Show what was found, and stop."""
    json: bool = False
    """Print one JSON object on the last line."""

    def run(self) -> int:
        from telos.cli.terminal import bars, print_json, remark, say
        from telos.core.errors import ConfigError
        from telos.data.importing import import_logs, plan_import

        options = {name: getattr(self, name) for name in OPTIONS}
        if self.dry_run:
            plan = plan_import(self.source, **options)
            print_json(_described(plan)) if self.json else self._show(plan, say)
            return 0
        if self.out is None:
            raise ConfigError("Nobody said where the store shall be.", expected="--out DIR", fix="--dry-run shows what is there without copying it")
        if self.threads is not None and self.threads < 1:
            raise ConfigError(f"{self.threads} readers cannot read anything.", expected="--threads of 1 or more")
        with bars() as progress:
            result = import_logs(
                self.source,
                self.out,
                threads=self.threads,
                announce=None if self.json else lambda plan: self._show(plan, remark),
                progress=lambda done, total: progress.update("import", done, total),
                **options,
            )
        print_json(result.to_json()) if self.json else self._sum_up(result)
        return 0

    def _show(self, plan: Plan, tell: Callable[[str], None]) -> None:
        found = plan.description
        fps = f", {found.fps:g} frames a second" if found.fps else ""
        tell(f"{self.source}: {found.format}, {len(found.lengths):,} episodes, {sum(found.lengths):,} steps{fps}")
        taken = {column.source.name: column for column in plan.columns}
        width = max(len(column.name) for column in found.columns)
        for column in found.columns:
            becomes = f"{taken[column.name].target}" if column.name in taken else "(not taken)"
            tell(f"  {column.name:<{width}}  {column.space.describe():<44} {becomes}")
        for note in found.notes:
            tell(f"  {note}")

    def _sum_up(self, result: ImportResult) -> None:
        from telos.cli.terminal import remark, say

        again = f", {result.resumed:,} of them from an earlier attempt" if result.resumed else ""
        say(f"{result.path}: {result.episodes:,} episodes, {result.steps:,} steps{again}")
        if result.left_out:
            say("  left out")
            for part in result.left_out:
                which = f" ({', '.join(part.which)}{', ...' if part.num > len(part.which) else ''})" if part.which else ""
                say(f"    {f'{part.num:,} {part.what}':<16} {part.why}{which}")
        for note in result.notes:
            say(f"  {note}")
        remark(f"  next   telos train {result.path} --out runs/{result.path.name}")


OPTIONS = ("format", "columns", "episodes", "resize", "crop", "stride", "fps", "combine", "relative_to", "missing", "bad", "bounds")
"""What is handed on as it is."""


def _described(plan: Plan) -> dict[str, Any]:
    found = plan.description
    taken = {column.source.name: column.target for column in plan.columns}
    columns = {
        column.name: {"space": column.space.to_json(), "role": column.role, "per": column.per, "unit": column.unit, "becomes": taken.get(column.name)}
        for column in found.columns
    }
    return {
        "format": found.format,
        "episodes": len(found.lengths),
        "steps": sum(found.lengths),
        "fps": found.fps,
        "columns": columns,
        "notes": found.notes,
    }
