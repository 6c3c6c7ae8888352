"""From a run to its report, with whatever is left of the world and the logs that it came from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from telos.agent.loop import Agent
    from telos.core.run import Run
    from telos.core.world import AbstractWorld
    from telos.data import Selection
    from telos.evaluation.report import Sources


def report_run(
    run: Run,
    result: Mapping[str, Any] | None,
    *,
    offline: Mapping[str, Any] | None = None,
    seed: int,
    progress: Callable[..., None] = lambda stage, done, total, note="": None,
) -> Path:
    """Writes RUN/report.html.

    Args:
        result: what `evaluate_run` returned; None if the run has not been evaluated, or cannot be.
        offline: what `evaluate_offline_run` returned, if it was asked.
        seed: of the decoder, and of the attempts if there is no result.
        progress: called with the stage, how much is done, of how much, and a note.

    Raises:
        RunError: training did not come to its end.
        MissingExtraError: what makes videos is not installed.
    """
    from telos.evaluation.report import write_report

    return write_report(find_sources(run, result, seed=seed), result, offline=offline, seed=seed, progress=progress)


def find_sources(run: Run, result: Mapping[str, Any] | None, *, seed: int) -> Sources:
    """The agent as it was evaluated, and what is left of its world and logs; what is not gets a sentence. Raises RunError."""
    from telos.evaluation.report import Sources

    agent = _agent_of(run, result, seed)
    missing: list[str] = []
    training, held_out = _logs_of(run, missing)
    world = _world_of(run, missing)
    if world is not None and not agent.world_model.spaces.fit(world.spaces):
        missing.append(f"Attempts to reach goals, and their energies. The world has changed since {run.path} was trained: {world.spaces.describe()}.")
        world = None
    if world is not None and result is None:
        missing.append(f"How often the agent reaches its goals: the run has not been evaluated. To do so: telos evaluate {run.path}")
    return Sources(run=run, agent=agent, world=world, training=training, held_out=held_out, missing=tuple(missing))


def _agent_of(run: Run, result: Mapping[str, Any] | None, seed: int) -> Agent:
    """The agent as it was evaluated. Raises ConfigError if what it was taught has been taken away since."""
    from telos.cli.acting import AS_USUAL, Acting
    from telos.core import config
    from telos.core.contracts import AbstractPlanner

    if result is None:
        return AS_USUAL.load(run, seed=seed)
    planner = config.from_json(result["planner"])
    assert isinstance(planner, AbstractPlanner)
    # The planner itself, and not its name: what `auto` stands for may have been measured anew.
    acting = Acting(**{**result.get("acting", {}), "planner": None})
    return acting.load(run, planner=planner, seed=result["seed"])


def _world_of(run: Run, missing: list[str]) -> AbstractWorld | None:
    from telos.cli.worlds import world_of
    from telos.core.errors import TelosError

    try:
        return world_of(run)
    except TelosError as error:
        missing.append(f"Attempts to reach goals, and their energies. {error.what}")
        return None


def _logs_of(run: Run, missing: list[str]) -> tuple[Selection, Selection] | tuple[None, None]:
    """The training and the held-out episodes, or None and None."""
    from telos.cli.worlds import held_out_logs
    from telos.core.errors import TelosError
    from telos.data import split

    try:
        held_out = held_out_logs(run)
    except TelosError as error:
        missing.append(f"Pictures of what was imagined, and the map of the latents: both need the logs. {error.what}")
        return None, None
    about = run.description
    return split(held_out.logs, held_out=about["held_out"], seed=about["seed"])
