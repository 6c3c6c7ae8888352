"""Whether torch.compile pays: plans with compiled rollouts beside plans with plain ones, by kind of predictor."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import median

from benchmarks.planning.ours import Ours, model_around, random_model
from benchmarks.planning.rows import Row
from benchmarks.planning.settings import Settings
from benchmarks.planning.sizes import Search, Size, make_inputs
from benchmarks.planning.timing import Spread, take_turns
from telos.agent.world_model import MLPPredictorConfig, RecurrentPredictorConfig
from telos.core.contracts import AbstractWorldModel

FEW = 16
"""Candidates of the cheapest searches, which are made of many small operations."""


def compiled_or_plain(size: Size, search: Search, settings: Settings, folder: Path) -> list[Row]:
    """Rows for few and for many candidates of each kind of predictor; compiling itself (two minutes in all) is not counted."""
    inputs = folder / "inputs.pt"
    make_inputs(size, inputs, horizon=search.horizon)
    kinds = {"perceptron": MLPPredictorConfig(), "recurrent": RecurrentPredictorConfig()}
    models = {name: lambda config=config: model_around(config, size) for name, config in kinds.items()}
    models[f"transformer, {size.label}"] = lambda: random_model(size)
    few = replace(search, candidates=FEW, elites=FEW // 2)
    return [_row(name, make, inputs, part, settings) for name, make in models.items() for part in (few, search)]


def _row(name: str, make: Callable[[], AbstractWorldModel], inputs: Path, search: Search, settings: Settings) -> Row:
    def measured(*, compiled: bool) -> Callable[[], float]:
        ours = Ours(make(), inputs, device=settings.device, dtype=settings.dtype, compiled=compiled)
        ours.from_latents(replace(search, iterations=1))()
        return ours.from_latents(search)

    seconds = take_turns({"compiled": measured(compiled=True), "plain": measured(compiled=False)}, settings.rounds, settings.tell)
    return Row(
        work=f"compiled rollouts, {search.candidates} candidates, {name}",
        against="plain ones",
        ratio=Spread.ratio(*seconds.values()),
        seconds={kind: median(values) for kind, values in seconds.items()},
    )
