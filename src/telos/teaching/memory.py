"""Teaching a run what is worth remembering: what its model is usually wrong by, and how far apart places are, from its logs."""

from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from telos.agent.memory import EpisodicMemory, EpisodicMemoryConfig
from telos.core.contracts import AbstractWorldModel
from telos.core.errors import ConfigError, DataError
from telos.core.logs import AbstractLogs
from telos.core.run import Run
from telos.core.seeding import numpy_generator
from telos.core.taught import save_taught
from telos.core.weights import fingerprint
from telos.data import AbstractEpisodes, split
from telos.recipes.knowledge import MEMORY, load_world_model
from telos.recipes.run_logs import logs_of
from telos.training.codes import CodeWindows

NUM_WINDOWS, WINDOW = 1024, 12
FALSE_MEMORIES = 0.005
"""Share of the usual steps that may be taken for something new."""
STEPS_WITHIN_REACH = 2.0
"""A door is about as wide as a step or two: what was found in a place is expected so far around it."""
FEWEST = 500
"""Steps that so small a share can be told from."""


def teach_memory(
    run: Run | Path | str,
    logs: AbstractEpisodes | None = None,
    *,
    slots: int = 8,
    half_life: float | None = None,
    alpha: float = FALSE_MEMORIES,
    seed: int = 0,
) -> EpisodicMemory:
    """Finds what is worth remembering, and keeps it as RUN/memory: `telos.load_agent(RUN, memory="episode")` then remembers.

    Args:
        logs: of usual life; by default those that the run was trained on, of which the episodes held out are looked at.
        slots: things that are remembered at the most, as `EpisodicMemoryConfig` says.
        half_life: steps after which a memory that is not seen to be true again is believed half as much, as `EpisodicMemoryConfig` says.
        alpha: share of usual steps that may be taken for something new.
        seed: of which steps are looked at.

    Raises:
        RunError: training did not come to its end.
        DataError: the run's logs are gone or changed, or hold too few steps.
        ConfigError: `alpha` is no share.
    """
    if not 0 < alpha < 1:
        raise ConfigError(f"A memory is to be taught with alpha = {alpha}.", expected="a share of usual steps, above 0 and below 1")
    run = run if isinstance(run, Run) else Run.open(Path(run))
    world_model = load_world_model(run).requires_grad_(False)
    logs = logs_of(run) if logs is None else logs
    _, held_out = split(logs, held_out=run.description["held_out"], seed=run.description["seed"])
    errors, moves = usual_steps(world_model, held_out, seed=seed)
    config = EpisodicMemoryConfig(
        threshold=float(errors.double().quantile(1 - alpha)),
        latent_reach=STEPS_WITHIN_REACH * float(moves.double().median()),
        slots=slots,
        half_life=half_life,
    )
    memory = config.build()
    save_taught(run.path / MEMORY, config, memory, tie=fingerprint(world_model))
    return memory


@torch.no_grad()
def usual_steps(world_model: AbstractWorldModel, logs: AbstractLogs, *, seed: int = 0) -> tuple[Float[Tensor, " steps"], Float[Tensor, " steps"]]:
    """Of many logged steps: how far the latent was from what was expected one step before, and how far it had moved.

    Raises:
        DataError: there are too few.
    """
    windows = CodeWindows(world_model, logs)
    length = min(WINDOW, int(windows.lengths.max(initial=0)))
    if int(windows.lengths.sum()) < FEWEST:
        raise DataError(
            f"The held-out logs have {int(windows.lengths.sum())} steps.",
            expected=f"at least {FEWEST}, to tell what is unusual",
            fix="collect more episodes",
        )
    found = windows.windows(numpy_generator(seed, "memory"), NUM_WINDOWS, length)
    states = world_model.assemble(found.observations, found.actions, found.frames)
    ahead = world_model.foresee(states, found.actions)
    return (states.latent[:, 1:] - ahead.latent).norm(dim=-1).flatten(), (states.latent[:, 1:] - states.latent[:, :-1]).norm(dim=-1).flatten()
