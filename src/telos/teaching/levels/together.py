"""All levels trained at once: what an upper level cannot predict, or finds too fast, changes how the lower ones see."""

from dataclasses import replace
from itertools import pairwise
from math import prod

import torch
from torch import Tensor

from telos.agent.levels import Level
from telos.core.errors import EpisodeTooShortError
from telos.core.logs import Windows
from telos.core.seeding import numpy_generator
from telos.recipes.knowledge import LOWEST
from telos.teaching.levels.training import LevelTraining, Seen
from telos.training.diagnostics import health_of
from telos.training.learner import Learner
from telos.training.optimizer import make_optimizer, set_rate
from telos.training.sources import NUM_CHECKS, as_tensors
from telos.training.trainer import Progress

PHASE = "all levels together"


def train_together(training: LevelTraining, levels: tuple[Level, ...], bottom: Seen) -> None:
    """Trains all levels on the same windows. Each has its own terms, and its own watch; gradients reach all levels below, never the world model.

    Raises:
        EpisodeTooShortError: no episode is as long as a step of the highest level.
        CollapseError: the latents of a level have collapsed, and do not recover.
    """
    known, held_out = (seen.logs(levels[0].stride) for seen in bottom)
    above = prod(level.stride for level in levels[1:])
    window = above * max(1, min(2, int(known.lengths.max()) // above))
    if min(int(known.lengths.max()), int(held_out.lengths.max())) < window:
        raise EpisodeTooShortError(
            f"No episode, or none that is held out, has the {window * levels[0].steps} steps that all levels together look at.",
            fix="take shorter strides, or train the levels one after the other",
        )
    curriculum = training.recipe.curriculum(window)
    phase = replace(curriculum.phases[0], num_steps=training.recipe.num_joint_steps, batch_size=training.recipe.joint_batch, window=window)
    learners = torch.nn.ModuleList(Learner(level.train().requires_grad_(True), phase.objectives) for level in levels)
    optimizer = make_optimizer(learners, phase)
    checks = as_tensors(held_out.windows(numpy_generator(training.seed, "check together"), NUM_CHECKS, window))
    verdicts: list[list[str]] = [[] for _ in levels]
    for step in range(phase.num_steps):
        set_rate(optimizer, phase, step / phase.num_steps)
        windows = as_tensors(known.windows(numpy_generator(training.seed, "together", step), phase.batch_size, window))
        told = [learner(seen.observations, seen.actions, seen.episodes) for learner, seen in zip(learners, climbing(levels, windows), strict=True)]
        optimizer.zero_grad(set_to_none=True)
        torch.stack([loss for loss, _ in told]).sum().backward()
        torch.nn.utils.clip_grad_norm_(learners.parameters(), phase.clip_norm, error_if_nonfinite=True)
        optimizer.step()
        if (step + 1) % curriculum.log_every == 0 or step + 1 == phase.num_steps:
            _look(training, levels, learners, checks, told, verdicts, Progress(step + 1, phase.num_steps, PHASE))
    learners.eval().requires_grad_(False)


def climbing(levels: tuple[Level, ...], windows: Windows) -> list[Windows]:
    """The same windows at the clock of each level, as long as they are there; with gradients to how the lower ones see.

    Args:
        windows: at the clock of the lowest level.
    """
    seen = [windows]
    for level, above in pairwise(levels):
        latents, actions = torch.as_tensor(seen[-1].observations), torch.as_tensor(seen[-1].actions)
        ends = torch.stack([latents[:, :-1], latents[:, 1:]], dim=2).flatten(0, 1)
        with torch.no_grad():
            macros = level.summarise(ends, actions.flatten(0, 1)).unflatten(0, actions.shape[:2])
        between = macros.unflatten(1, (-1, above.stride)).flatten(2)
        seen.append(Windows(level.raised(latents)[:, :: above.stride], between, windows.episodes))
    return seen


@torch.no_grad()
def _look(
    training: LevelTraining,
    levels: tuple[Level, ...],
    learners: torch.nn.ModuleList,
    checks: Windows,
    told: list[tuple[Tensor, dict[str, Tensor]]],
    verdicts: list[list[str]],
    progress: Progress,
) -> None:
    """A line of metrics for each level, and its watch's word."""
    learners.eval()
    watch = training.recipe.curriculum(1).watch
    for number, (level, seen, (loss, terms)) in enumerate(zip(levels, climbing(levels, checks), told, strict=True), LOWEST):
        health = health_of(level, level.encode_window(seen.observations, seen.actions), seen.actions)
        own = {name: float(term) for name, term in terms.items()}
        # Counted on from the level's own training.
        step = sum(training.recipe.num_steps) + progress.step
        training.note(number, {"step": step, "phase": PHASE, "loss": float(loss), **own, **health.to_json()})
        warning = watch.check(verdicts[number - LOWEST], health)
        training.watcher(replace(progress, stage="together", metrics=health.to_json() | own, warning=f"level {number}: {warning}" if warning else ""))
    learners.train()
