"""Whether torch.compile pays: plans with compiled rollouts beside plans with plain ones, by kind of predictor."""

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


def compiled_or_plain(size: Size, search: Search, settings: Settings, folder: Path) -> list[Row]:
    """One row for each kind of predictor; compiling itself (a minute in all) is not counted."""
    inputs = folder / "inputs.pt"
    make_inputs(size, inputs, horizon=search.horizon)
    kinds = {"perceptron": MLPPredictorConfig(), "recurrent": RecurrentPredictorConfig()}
    rows = [_row(name, lambda config=config: model_around(config, size), inputs, search, settings) for name, config in kinds.items()]
    return [*rows, _row(f"transformer, {size.label}", lambda: random_model(size), inputs, search, settings)]


def _row(name: str, make, inputs: Path, search: Search, settings: Settings) -> Row:
    def measured(*, compiled: bool):
        model: AbstractWorldModel = make()
        ours = Ours(model, inputs, device=settings.device, dtype=settings.dtype, compiled=compiled)
        ours.from_latents(replace(search, iterations=1))()
        return ours.from_latents(search)

    seconds = take_turns({"compiled": measured(compiled=True), "plain": measured(compiled=False)}, settings.rounds, settings.tell)
    return Row(
        work=f"compiled rollouts, {name}",
        against="plain ones",
        ratio=Spread.ratio(*seconds.values()),
        seconds={kind: median(values) for kind, values in seconds.items()},
    )
