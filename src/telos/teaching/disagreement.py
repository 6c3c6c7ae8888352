"""How far an ensemble usually disagrees: the unit of `Disagreement`, from logs that it was not trained on."""

from pathlib import Path

import torch

from telos.agent.cost.disagreement import Disagreement
from telos.core.contracts import AbstractWorldModel
from telos.core.errors import ConfigError
from telos.core.logs import AbstractLogs
from telos.core.run import Run
from telos.core.seeding import numpy_generator
from telos.data import AbstractEpisodes, split
from telos.recipes.knowledge import load_recipe, load_world_model
from telos.recipes.run_logs import logs_of
from telos.training.codes import CodeWindows

NUM_WINDOWS = 1024


def measure_disagreement(run: Run | Path | str, logs: AbstractEpisodes | None = None, *, level: float = 0.99, seed: int = 0) -> Disagreement:
    """The cost of disagreeing more than along the run's held-out episodes.

    Args:
        logs: whose held-out episodes show what is usual; by default the logs that the run was trained on.
        level: share of what is imagined along them that costs nothing.
        seed: of which windows are looked at.

    Raises:
        RunError: training did not come to its end.
        DataError: the run's logs are gone or changed.
        ConfigError: the run's model is no ensemble, or the level is no share.
    """
    run = run if isinstance(run, Run) else Run.open(Path(run))
    world_model = load_world_model(run).requires_grad_(False)
    _, held_out = split(logs_of(run) if logs is None else logs, held_out=run.description["held_out"], seed=run.description["seed"])
    return usual_disagreement(world_model, held_out, horizon=load_recipe(run).agent.planner.horizon, level=level, seed=seed)


@torch.no_grad()
def usual_disagreement(world_model: AbstractWorldModel, held_out: AbstractLogs, *, horizon: int, level: float = 0.99, seed: int = 0) -> Disagreement:
    """The same for a model, and logs that it was not trained on. The unit is the standard deviation along them.

    Raises:
        ConfigError: the model is no ensemble, or the level is no share.
    """
    if not 0 < level < 1:
        raise ConfigError(f"A level of {level} is no share of what is imagined.", expected="more than 0, and less than 1")
    horizon = min(horizon, int(held_out.lengths.max()))
    drawn = CodeWindows(world_model, held_out).windows(numpy_generator(seed, "disagreement"), NUM_WINDOWS, horizon)
    codes, actions = torch.as_tensor(drawn.observations), torch.as_tensor(drawn.actions)
    found = world_model.rollout(world_model.assemble(codes, actions, drawn.frames).at(0), actions).disagreement
    if found is None:
        raise ConfigError("This model cannot disagree with itself: it is no ensemble.", fix="train it with --recipe ensemble")
    deviations = found.sqrt()
    return Disagreement(threshold=float(deviations.quantile(level)), unit=float(deviations.std()))
