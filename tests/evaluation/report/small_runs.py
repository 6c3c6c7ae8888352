"""What the tests of the report share: a small run with all that belongs to it, and a decoder that is trained in a second."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tiny_runs import shrink

from telos.cli.evaluate import evaluate_run
from telos.cli.report import find_sources
from telos.core.run import Run
from telos.evaluation.report import DecoderConfig, Sources
from telos.recipes import default
from telos.recipes.experiment import train

QUICK = DecoderConfig(num_frames=1200, num_steps=150)


@dataclass(frozen=True)
class SmallRun:
    run: Run
    logs: Path
    result: dict[str, Any] | None

    @property
    def sources(self) -> Sources:
        return find_sources(self.run, self.result, seed=0)


def small_run(folder: Path, logs: Path, *, evaluated: bool = True) -> SmallRun:
    run = train(logs, folder / "run", recipe=lambda store: shrink(default(store), steps=(60, 40, 20)))
    return SmallRun(run, logs, evaluate_run(run, episodes=4, seed=3) if evaluated else None)
