"""What a run knows: its world model, and what it was taught beside."""

from pathlib import Path
from typing import TypeVar

import torch

from telos.core import config
from telos.core.acting import AbstractArbiter, AbstractPolicy, AbstractSurprise
from telos.core.contracts import AbstractCost, AbstractWorldModel
from telos.core.errors import RunError
from telos.core.levels import AbstractLevel, AbstractTimeToGo
from telos.core.memory import AbstractMemory
from telos.core.readouts import AbstractReadout, Knowledge
from telos.core.run import Run
from telos.core.seeding import derive_seed
from telos.core.spaces import Spaces
from telos.core.taught import load_taught
from telos.core.taught_files import TEACH_AGAIN, taught_in
from telos.core.weights import fingerprint, load_weights
from telos.recipes.recipe import Recipe
from telos.recipes.run_folder import finished

READOUTS, CRITICS, TIMES, FAMILIARITY = "readouts", "critics", "times", "familiarity"
LEVELS, LOWEST = "levels", 2
"""Levels above the world model are kept as `levels/NUMBER`, counted on from the world model, which is level 1."""
POLICY, ARBITER, SURPRISE, MEMORY = "policy", "arbiter", "surprise", "memory"
"""Where a run folder keeps what was taught: `readouts/NAME`, `critics/NAME`, `familiarity` and so on; each a JSON and a safetensors file."""
Kind = TypeVar("Kind")


def load_recipe(run: Run) -> Recipe:
    """The recipe that a run was made with. Raises RunError if it is not readable."""
    recipe = config.from_json(run.description.get("recipe"))
    if not isinstance(recipe, Recipe):
        raise RunError(f"{run.path / 'run.json'} holds no recipe.", fix="restore the file, or train again")
    return recipe


def load_world_model(run: Run | Path | str) -> AbstractWorldModel:
    """The trained world model of a finished run, in evaluation mode. Raises RunError if training did not come to its end."""
    run = finished(run if isinstance(run, Run) else Run.open(Path(run)))
    world_model = load_recipe(run).world_model.build(Spaces.from_json(run.description["spaces"]))
    load_weights(run.weights_file, world_model)
    return world_model.eval()


def load_untrained(run: Run) -> AbstractWorldModel:
    """The run's model as it was before training, normalisation and all: the floor for whatever is read from the trained one."""
    torch.manual_seed(derive_seed(run.description["seed"], "weights"))
    fresh = load_recipe(run).world_model.build(Spaces.from_json(run.description["spaces"]))
    trained = load_world_model(run)
    constants = {name for name, _ in trained.named_buffers()}
    fresh.load_state_dict({name: value for name, value in trained.state_dict().items() if name in constants}, strict=False)
    return fresh.eval()


def load_knowledge(run: Run | Path | str, *, device: torch.device | str = "cpu") -> Knowledge:
    """All that a run knows, frozen: planning by gradient asks for the slope of actions alone.

    Raises:
        RunError: training did not come to its end; a file is damaged, or was taught on other weights than the run has now.
        RunVersionError: a newer Telos taught it.
    """
    run = run if isinstance(run, Run) else Run.open(Path(run))
    world_model = load_world_model(run).requires_grad_(False)
    tie = fingerprint(world_model)
    readouts = _named(run.path / READOUTS, AbstractReadout, tie, device)
    for name, readout in readouts.items():
        if readout.name != name:
            raise RunError(f"The readout {run.path / READOUTS / name}.json reads '{readout.name}'.", fix=TEACH_AGAIN)
    return Knowledge(
        world_model=world_model.to(device),
        readouts=readouts,
        critics=_named(run.path / CRITICS, AbstractCost, tie, device),
        familiarity=_one(run.path, FAMILIARITY, AbstractCost, tie, device),
        policy=_one(run.path, POLICY, AbstractPolicy, tie, device),
        arbiter=_one(run.path, ARBITER, AbstractArbiter, tie, device),
        surprise=_one(run.path, SURPRISE, AbstractSurprise, tie, device),
        levels=load_levels(run, tie=tie, device=device),
        times=_named(run.path / TIMES, AbstractTimeToGo, tie, device),
    )


def load_levels(run: Run, *, tie: str, device: torch.device | str = "cpu") -> tuple[AbstractLevel, ...]:
    """The levels above a run's world model, the lowest first; none where nobody has taught it any.

    Args:
        tie: fingerprint of the world model.

    Raises:
        RunError: a file is damaged or missing, or was taught on another level below than is there now.
    """
    levels: list[AbstractLevel] = []
    for number, path in enumerate(sorted(taught_in(run.path / LEVELS), key=lambda path: (len(path.name), path.name)), LOWEST):
        if path.name != str(number):
            raise RunError(f"{path}.json stands on a level {number} that is not there.", fix=f"teach all levels again: telos levels {run.path}")
        levels.append(load_taught(path, AbstractLevel, tie=tie, device=device))
        tie = fingerprint(levels[-1])
    return tuple(levels)


def load_memory(run: Run | Path | str, *, device: torch.device | str = "cpu") -> AbstractMemory:
    """What a run was taught to remember. Raises RunError if nobody has taught it, or on other weights than the run has now."""
    run = run if isinstance(run, Run) else Run.open(Path(run))
    memory = _one(run.path, MEMORY, AbstractMemory, fingerprint(load_world_model(run)), device)
    if memory is None:
        raise RunError(f"The run {run.path} was not taught what is worth remembering.", fix="telos remember RUN")
    return memory


def _named(folder: Path, kind: type[Kind], tie: str, device: torch.device | str) -> dict[str, Kind]:
    return {path.name: load_taught(path, kind, tie=tie, device=device) for path in taught_in(folder)}


def _one(folder: Path, name: str, kind: type[Kind], tie: str, device: torch.device | str) -> Kind | None:
    path = folder / name
    return load_taught(path, kind, tie=tie, device=device) if path in taught_in(folder) else None
