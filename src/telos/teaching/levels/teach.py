"""Teaching a run levels: world models of its world model, one above the other, from the logs that it was trained on."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from lightning_fabric import Fabric

from telos.agent.levels import Level
from telos.core.errors import ConfigError, EpisodeTooShortError
from telos.core.logs import AbstractLogs
from telos.core.run import Run
from telos.core.weights import fingerprint
from telos.data import AbstractEpisodes, split
from telos.recipes.experiment import make_fabric
from telos.recipes.knowledge import LEVELS, LOWEST, load_world_model
from telos.recipes.run_logs import logs_of
from telos.teaching.levels.climbing import bottom_of
from telos.teaching.levels.curriculum import LevelRecipe
from telos.teaching.levels.together import train_together
from telos.teaching.levels.training import LevelTraining, Seen
from telos.training.trainer import Watcher


@dataclass(frozen=True, kw_only=True)
class LevelLesson:
    """What was taught, level by level from the lowest up."""

    levels: tuple[Level, ...]
    metrics: tuple[dict[str, Any], ...]
    """The last line of each one's metrics, on held-out episodes."""

    def to_json(self) -> list[dict[str, Any]]:
        told = ("phase", "latent_size", "error", "nothing_moves", "relative_error", "explained_error", "information", "effective_rank", "gain")
        return [
            {
                "level": LOWEST + place,
                "stride": level.stride,
                "steps": level.steps,
                "landmarks": len(level.landmarks),
                **{name: found.get(name) for name in told},
            }
            for place, (level, found) in enumerate(zip(self.levels, self.metrics, strict=True))
        ]


def teach_levels(
    run: Run | Path | str,
    strides: Sequence[int] = (8, 4),
    logs: AbstractEpisodes | None = None,
    *,
    recipe: LevelRecipe | None = None,
    jointly: bool = False,
    seed: int = 0,
    watcher: Watcher | None = None,
    fabric: Fabric | None = None,
) -> LevelLesson:
    """Trains levels above a run's world model, and keeps them as RUN/levels/2, RUN/levels/3 and so on; agents that are loaded later have them.

    Those that were there are replaced, all of them, since each stands on the one below. Where this was killed it goes on.

    Args:
        strides: steps of the level below in one step of each level, the lowest first.
        logs: episodes to learn from; by default those that the run was trained on.
        recipe: sizes of the levels, and how long they are trained.
        jointly: train all levels together at the end, so that the upper ones shape how the lower ones see. The world model stays as it is:
            what was taught of its beliefs holds on. This part begins anew where it was killed.
        seed: of weights and batches.
        watcher: told how training goes; its phases begin with the level's number.

    Raises:
        RunError: training of the world model did not come to its end.
        DataError: the run's logs are gone or changed.
        ConfigError: a stride is below 2, or there is none; or one level is to be trained jointly.
        EpisodeTooShortError: no episode, or none of those that are held out, is as long as a step of the highest level.
        CollapseError: the latents of a level have collapsed, and do not recover.
    """
    run = run if isinstance(run, Run) else Run.open(Path(run))
    _check(strides, jointly)
    world_model = load_world_model(run).requires_grad_(False)
    logs = logs_of(run) if logs is None else logs
    known, held_out = split(logs, held_out=run.description["held_out"], seed=run.description["seed"])
    _check_lengths(strides, known, held_out)
    training = LevelTraining(run, recipe or LevelRecipe(), seed, fabric or make_fabric(), watcher or (lambda progress: None))
    bottom = Seen(bottom_of(world_model, known), bottom_of(world_model, held_out))
    forget_levels(run)
    levels, seen = training.one_by_one(bottom, strides)
    if jointly:
        train_together(training, levels, bottom)
        seen = training.settle(levels, bottom)
    lesson = LevelLesson(levels=levels, metrics=tuple(training.keep(levels, seen, tie=fingerprint(world_model))))
    training.clear(levels)
    return lesson


def forget_levels(run: Run) -> None:
    """Removes all levels that a run was taught; what a killed training left to go on with stays."""
    for file in (run.path / LEVELS).glob("*.*"):
        if file.is_file():
            file.unlink()


def _check(strides: Sequence[int], jointly: bool) -> None:
    if not strides or min(strides) < 2:
        raise ConfigError(
            f"Levels cannot have the strides {list(strides)}.",
            expected="one for each level, the lowest first: steps of the level below in one of its own, 2 or more",
        )
    if jointly and len(strides) < 2:
        raise ConfigError("One level alone is to be trained jointly.", expected="two strides or more", fix="leave jointly out")


def _check_lengths(strides: Sequence[int], *parts: AbstractLogs) -> None:
    """Before anything is trained."""
    steps, longest = prod(strides), min(int(logs.lengths.max(initial=0)) for logs in parts)
    if longest < steps:
        raise EpisodeTooShortError(
            f"The longest episode has {longest} steps, and one step of level {LOWEST + len(strides) - 1} is {steps} of the world.",
            fix="take shorter strides or fewer levels, or collect longer episodes",
        )
