"""Teaches a run to read a quantity."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import torch

from telos.agent.readouts import AbstractReadoutConfig, KernelRidgeReadoutConfig, LinearReadoutConfig, PerceptronReadoutConfig, ReadoutDescription
from telos.core.contracts import AbstractWorldModel
from telos.core.errors import UnknownNameError
from telos.core.readouts import AbstractReadout
from telos.core.run import Run
from telos.core.seeding import derive_seed, torch_generator
from telos.core.taught import save_taught
from telos.core.weights import fingerprint
from telos.recipes.knowledge import READOUTS, load_recipe, load_untrained, load_world_model
from telos.teaching.readouts.distillation import fit_perceptron
from telos.teaching.readouts.fidelity import Reading, measure, read_held_out
from telos.teaching.readouts.lesson import Lesson, dreamt_beliefs, labelled_beliefs, other_beliefs, plan_lesson
from telos.teaching.readouts.ridge import Scale, fit_kernel_ridge, fit_linear
from telos.teaching.readouts.sources import find_labels

Kind = Literal["auto", "linear", "kernel-ridge", "perceptron"]
LINEAR_ENOUGH = 1.1
"""A linear readout is taken where its error is at most so many times that of the kernel: it is the fastest, and cannot surprise."""
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, kw_only=True)
class Taught:
    """A readout that was taught, and how well it reads."""

    readout: AbstractReadout
    description: ReadoutDescription
    parts: tuple[str, ...]
    """What each of its numbers is called."""
    reading: Reading
    """Of held-out episodes."""
    path: Path
    """In the run's folder, without a suffix."""


def teach_readout(
    run: Run | Path | str,
    column: str | None = None,
    *,
    name: str | None = None,
    unit: str | None = None,
    labels: Path | str | None = None,
    data: Path | str | None = None,
    kind: Kind = "auto",
    num_labels: int | None = None,
    seed: int = 0,
    progress: Progress = lambda stage, done, total: None,
) -> Taught:
    """Teaches a trained run to read a quantity, measures how well it does on held-out episodes, and keeps it in `RUN/readouts`.

    Args:
        run: a finished run; its weights stay as they are.
        column: a column of the logs: a part of the true state such as `position`, or any other; `observation[0:2]` takes two of its numbers.
        name: what guardrails and tasks will call it; by default the column.
        unit: of its numbers; by default what the logs say. An angle (`radians`, `degrees`) is read as its cosine and sine.
        labels: a CSV file of labelled frames in place of a column, with the header `episode,frame,NUMBER,...`.
        data: a store in place of the one that the run was trained on.
        kind: `linear`, `kernel-ridge`, `perceptron` (which learns from a kernel, and plans fast), or `auto`: linear if that is as good, else
            a perceptron.
        num_labels: most labels to make use of.
        seed: of the choice of frames, and of fitting.

    Raises:
        RunError: training did not come to its end.
        DataError: the logs or labels cannot be used as they are; MissingColumnError: there is no such column.
        ConfigError: neither or both of column and labels are given, or a setting is out of range.
        UnknownNameError: there is no such kind.
    """
    if kind not in get_args(Kind):
        raise UnknownNameError.of("kind of readout", kind, get_args(Kind))
    run = run if isinstance(run, Run) else Run.open(Path(run))
    world_model = load_world_model(run).requires_grad_(False)
    found = find_labels(run, column=column, labels=labels, data=data, name=name, unit=unit, num_labels=num_labels, seed=seed)
    horizon = load_recipe(run).agent.planner.horizon
    lesson = plan_lesson(found.logs, found.labels, found.held_out, num_labels=num_labels, horizon=horizon, seed=seed)
    progress("teach", 0, 3)
    fitted = _fit(world_model, lesson, kind, name=found.name, seed=seed)
    progress("teach", 1, 3)
    # Its weights are drawn from torch's own generator, which belongs to whoever calls.
    with torch.random.fork_rng(devices=[]):
        untrained = load_untrained(run).requires_grad_(False)
    floor = _fit(untrained, lesson, fitted.kind, name=found.name, seed=seed)
    progress("teach", 2, 3)
    readout, reading = fitted.readout, read_held_out(fitted.readout, world_model, lesson)
    readout.fidelity = measure(reading, read_held_out(floor.readout, untrained, lesson), lesson.labels, len(lesson.labelled))
    description = ReadoutDescription(
        kind=fitted.config,
        name=found.name,
        unit=found.labels.unit,
        size=readout.size,
        belief_size=fitted.belief_size,
        fidelity=readout.fidelity,
        source=found.labels.source,
    )
    path = run.path / READOUTS / found.name
    save_taught(path, description, readout, tie=fingerprint(world_model))
    progress("teach", 3, 3)
    return Taught(readout=readout.requires_grad_(False).eval(), description=description, parts=found.labels.parts, reading=reading, path=path)


@dataclass(frozen=True, kw_only=True)
class _Fitted:
    readout: AbstractReadout
    config: AbstractReadoutConfig
    kind: Kind
    belief_size: int


def _fit(world_model: AbstractWorldModel, lesson: Lesson, kind: Kind, *, name: str, seed: int) -> _Fitted:
    """A readout of this kind, for the beliefs of this world model."""
    labelled = labelled_beliefs(world_model, lesson, lesson.labelled)
    others = other_beliefs(world_model, lesson, labelled)
    if world_model.filters and (dreamt := dreamt_beliefs(world_model, lesson)) is not None:
        labelled = labelled.joined(dreamt)
    scale = Scale.of(torch.cat([labelled.beliefs, others]).double())
    unit, belief_size = lesson.labels.unit, labelled.beliefs.shape[1]
    linear, linear_error = fit_linear(labelled, scale, name=name, unit=unit)
    as_linear = _Fitted(readout=linear, config=LinearReadoutConfig(), kind="linear", belief_size=belief_size)
    if kind == "linear":
        return as_linear
    generator = torch_generator(seed, "centres")
    teacher, error = fit_kernel_ridge(labelled, scale, config=KernelRidgeReadoutConfig(), name=name, unit=unit, generator=generator)
    if kind == "kernel-ridge":
        config = KernelRidgeReadoutConfig(num_centres=len(teacher.centres))
        return _Fitted(readout=teacher, config=config, kind=kind, belief_size=belief_size)
    # Both errors are squares.
    if kind == "auto" and linear_error <= LINEAR_ENOUGH**2 * error:
        return as_linear
    student = fit_perceptron(labelled, others, teacher, scale, config=PerceptronReadoutConfig(), seed=derive_seed(seed, "perceptron"))
    return _Fitted(readout=student, config=PerceptronReadoutConfig(), kind="perceptron", belief_size=belief_size)
