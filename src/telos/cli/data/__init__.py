"""`telos data`: get logs, and look at them. One file a verb."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from tyro.conf import subcommand

from telos.cli.data.collecting import Collect
from telos.cli.data.curve import Curve
from telos.cli.data.exporting import Export
from telos.cli.data.importing import Import
from telos.cli.data.inspecting import Inspect
from telos.cli.data.reporting import Report


@dataclass(frozen=True, kw_only=True)
class Data:
    """Collect, import and inspect logged episodes."""

    verb: (
        Annotated[Collect, subcommand("collect")]
        | Annotated[Import, subcommand("import")]
        | Annotated[Export, subcommand("export")]
        | Annotated[Inspect, subcommand("inspect")]
        | Annotated[Report, subcommand("report")]
        | Annotated[Curve, subcommand("curve")]
    )

    def run(self) -> int:
        return self.verb.run()
