"""`telos data inspect`: what is in a store, and what is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg


@dataclass(frozen=True, kw_only=True)
class Inspect:
    """Say what is in a store, verify its checksums, and draw a contact sheet."""

    store: Annotated[Positional[Path], arg(metavar="DIR")]
    """Folder of the store."""
    quick: bool = False
    """Leave the checksums and the pictures out."""
    out: Path | None = None
    """Where the contact sheet goes; by default STORE-contact-sheet.png beside the store."""
    json: bool = False
    """Print one JSON object on the last line."""

    def run(self) -> int:
        from rich.markup import escape

        from telos.cli.terminal import messages, print_json, say
        from telos.data.inspection import inspect_store

        inspection = inspect_store(self.store, quick=self.quick)
        summary = inspection.to_json()
        if not self.quick and not inspection.damaged:
            from telos.data import Episodes
            from telos.data.contact_sheet import contact_sheet

            sheet = self.out or self.store.with_name(f"{self.store.name}-contact-sheet.png")
            summary["contact_sheet"] = str(contact_sheet(Episodes.open(self.store), sheet))
        if self.json:
            print_json(summary)
        else:
            say(f"{self.store}: {inspection.episodes:,} episodes, {inspection.steps:,} steps")
            for name, column in inspection.columns.items():
                numbers = "no finite number" if column.low is None else f"{column.low:.4g} to {column.high:.4g}"
                say(f"  {name:<24} {column.dtype:<8} {list(column.shape)!s:<16} {numbers}")
            if "contact_sheet" in summary:
                say(f"  contact sheet   {summary['contact_sheet']}")
        for problem in inspection.problems:
            messages.print(f"[yellow]problem:[/yellow] {escape(problem)}", soft_wrap=True)
        return 2 if inspection.damaged else 0
