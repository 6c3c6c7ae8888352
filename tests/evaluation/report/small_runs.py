"""What the tests of the report share: a small run with all that belongs to it, and a decoder that is trained in a second."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tiny_runs import shrink

from telos.cli.evaluate import evaluate_run
from telos.cli.report import find_sources
from telos.core.logs import AbstractLogs
from telos.core.run import Run
from telos.evaluation.report import DecoderConfig, Sources
from telos.recipes import Recipe, default
from telos.recipes.experiment import train

QUICK = DecoderConfig(num_frames=600, num_steps=100)


@dataclass(frozen=True)
class SmallRun:
    run: Run
    logs: Path
    result: dict[str, Any] | None

    @property
    def sources(self) -> Sources:
        return find_sources(self.run, self.result, seed=0)


def small_run(folder: Path, logs: Path, *, recipe: Callable[[AbstractLogs], Recipe] = default, evaluated: bool = True) -> SmallRun:
    """Trains, and evaluates, with a recipe cut down to seconds."""

    def small(store: AbstractLogs) -> Recipe:
        chosen = recipe(store)
        return shrink(chosen, steps=(60, 40, 20)[: len(chosen.curriculum.phases)])

    run = train(logs, folder / "run", recipe=small)
    return SmallRun(run, logs, evaluate_run(run, episodes=4, seed=3) if evaluated else None)
