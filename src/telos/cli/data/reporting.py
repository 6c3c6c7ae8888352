"""`telos data report`: a page about a store: what it covers, and what looks wrong."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg


@dataclass(frozen=True, kw_only=True)
class Report:
    """Write a page about a store: coverage, duplicates, dead columns, and episodes that look wrong."""

    store: Annotated[Positional[Path], arg(metavar="DIR")]
    """Folder of the store."""
    out: Path | None = None
    """Where the page goes; by default STORE-report.html beside the store."""
    seed: int = 0
    """Of the frames that are compared with one another."""
    json: bool = False
    """Print one JSON object on the last line."""

    def run(self) -> int:
        from telos.cli.terminal import bars, print_json, say
        from telos.data import Episodes
        from telos.data.survey.survey import survey_store
        from telos.evaluation.dataset_report import write_dataset_report

        with bars() as progress:
            survey = survey_store(self.store, seed=self.seed, progress=progress.update)
        out = write_dataset_report(survey, Episodes.open(self.store), self.out or self.store.with_name(f"{self.store.name}-report.html"))
        if self.json:
            print_json({**survey.to_json(), "report": str(out)})
            return 2 if survey.inspection.damaged else 0
        say(f"{self.store}: {survey.inspection.episodes:,} episodes, {survey.inspection.steps:,} steps")
        for finding in survey.findings:
            say(f"  - {finding.says}")
        if not survey.findings:
            say("  nothing stood out")
        say(f"  report   {out}")
        return 2 if survey.inspection.damaged else 0
