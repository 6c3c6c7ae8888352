"""`telos export`: encoder, step, search and policy as graphs that run with torch alone."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg


@dataclass(frozen=True, kw_only=True)
class Export:
    """Write encoder, step and search as torch.export graphs, and the policy of a run that has practised; each is compared with the model."""

    run_folder: Annotated[Positional[Path], arg(metavar="RUN")]
    """Folder of the run."""
    out: Path
    """Folder of the graphs."""
    planner: str | None = None
    """Planner whose search becomes policy.pt2; by default the recipe's."""
    seed: int = 0
    """Of what the graphs are compared on."""
    json: bool = False
    """Print one JSON object on the last line."""

    def run(self) -> int:
        from dataclasses import asdict

        from telos.cli.planners import planner_for
        from telos.cli.terminal import print_json, remark
        from telos.core.run import Run
        from telos.recipes.experiment import load_agent
        from telos.serving.graphs import export_graphs

        run = Run.open(self.run_folder)
        graphs = export_graphs(load_agent(run, planner=planner_for(run, self.planner)), self.out, seed=self.seed)
        if self.json:
            print_json({"out": str(self.out), "graphs": [asdict(graph) for graph in graphs]})
            return 0
        for graph in graphs:
            inputs = ", ".join(f"{name} {shape}" for name, shape in graph.inputs.items())
            remark(f"  {graph.file:<12} differs from the model by {graph.difference:.1g} of its largest number   takes {inputs}")
        remark(f'  next   torch.export.load("{self.out / graphs[0].file}").module()')
        return 0
