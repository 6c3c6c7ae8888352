"""Which folder a training goes into: the one of the same run that was killed, or a new one; never another run's."""

from pathlib import Path
from typing import Any

from lightning_fabric import Fabric

from telos.core.errors import RunError, SpaceError
from telos.core.run import Run
from telos.core.spaces import Spaces


def finished(run: Run) -> Run:
    """The run itself. Raises RunError if training did not come to its end."""
    if not run.finished:
        raise RunError(f"The run {run.path} has not been trained to its end.", fix="repeat its 'telos train' command; it goes on where it stopped")
    return run


def earlier_run(path: Path, description: dict[str, Any]) -> Run | None:
    """The run at `path`, if there is one. Raises RunError if it has another recipe, seed or split, or other data."""
    if not (path / "run.json").is_file():
        return None
    run = Run.open(path)
    for key in ("recipe", "seed", "spaces", "held_out", "from_run"):
        if run.description.get(key) != description[key]:
            raise RunError(f"{path} holds a run with another {key.replace('_', ' ')}.", fix="choose another --out, or remove the folder")
    if [part["fingerprint"] for part in run.description["data"]] != [part["fingerprint"] for part in description["data"]]:
        raise RunError(f"{path} holds a run on other data.", fix="choose another --out, or remove the folder")
    return run


def create_run(path: Path, description: dict[str, Any], fabric: Fabric) -> Run:
    """A new run folder, made by one process once all have seen that there was none; if it cannot be made, all of them say so."""
    fabric.barrier()
    refusal = None
    if fabric.is_global_zero:
        try:
            Run.create(path, description)
        except RunError as error:
            refusal = error
    refusal = fabric.broadcast(refusal)
    if refusal is not None:
        raise refusal
    return Run.open(path)


def check_same_spaces(source: Run, spaces: Spaces) -> None:
    """Raises SpaceError if the run was trained on other observations or actions."""
    trained = Spaces.from_json(source.description["spaces"])
    if not trained.fit(spaces):
        raise SpaceError(
            f"The run {source.path} was trained on {trained.describe()}; these logs hold {spaces.describe()}.",
            expected="the same observations and actions",
            fix="train a new run without --from",
        )
