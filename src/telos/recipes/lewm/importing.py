"""A run made of weights that others have trained: every verb that takes a run takes it."""

from collections.abc import Sequence
from pathlib import Path

import telos
from telos.agent.actor import CEM
from telos.agent.cost import FinalDistance
from telos.agent.loop import AgentSettings
from telos.agent.perception.weights import checksum
from telos.core import config
from telos.core.run import Run
from telos.core.weights import save_weights
from telos.recipes.experiment import describe, open_logs, stores_of
from telos.recipes.lewm.loading import build, config_of, convert
from telos.recipes.lewm.sizes import Untold
from telos.recipes.recipe import Recipe
from telos.recipes.transformer import phases
from telos.training import Curriculum

HELD_OUT = 0.1


def import_lewm(weights: Path | str, data: Path | str | Sequence[Path | str], out: Path | str, *, untold: Untold | None = None, seed: int = 0) -> Run:
    """A finished run in the folder `out`, whose model has these weights.

    It plans as was published: 30 rounds of 300 candidates, five steps ahead, by the distance at the end. Trained further
    (`telos train DATA --from RUN`) it is as the recipe `transformer` does it.

    Args:
        weights: a safetensors file, or a torch file of tensors.
        data: logs of the world that it is for: they say what it sees and does, how actions are normalised, and where to act.
        untold: what weights do not say of themselves.
        seed: of the episodes that are kept apart for evaluation; the model may have seen them.

    Raises:
        ConfigError: the weights do not fit a LeWorldModel, or the logs do not fit the weights.
        DataError, RunError: the logs cannot be read, or the folder cannot be written.
    """
    logs, untold = open_logs(data), untold or Untold()
    tensors, sizes, source = convert(weights, untold)
    model = build(tensors, sizes, source, spaces=logs.spaces, actions=logs.moments("action") if sizes.actions == "z-scored" else None)
    planner = CEM(horizon=5, num_candidates=300, num_iterations=30, num_elites=30)
    recipe = Recipe(
        name="lewm",
        world_model=config_of(sizes),
        curriculum=Curriculum(phases=phases(logs)),
        agent=AgentSettings(planner=planner, cost=FinalDistance()),
    )
    description = {
        "telos": telos.__version__,
        "recipe": config.to_json(recipe),
        "spaces": logs.spaces.to_json(),
        "seed": seed,
        "held_out": HELD_OUT,
        "from_run": None,
        "data": [describe(store) for store in stores_of(logs)],
        "imported": {"weights": str(Path(weights).resolve()), "checksum": checksum(weights), "untold": config.to_json(untold)},
    }
    run = Run.create(Path(out), description)
    save_weights(run.weights_file, model)
    return run
