"""How well a readout reads: on held-out frames, on what is imagined, beside what anybody could say."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float

from telos.core.contracts import AbstractWorldModel
from telos.core.readouts import AbstractReadout, Fidelity
from telos.teaching.readouts.beliefs import actions_after, imagine, states_at
from telos.teaching.readouts.labels import Labels
from telos.teaching.readouts.lesson import Lesson, values_at

MOST_LEFT = 1 / 3
"""Share of a number's spread that reading it may leave unexplained, as a root mean square; eight ninths of its variance are then read.
A linear readout of position from folded latents left 0.4, and was of no use as a guardrail's."""
FEWEST_TARGETS = 8
"""Labelled frames that an error after so many imagined steps is worth mentioning with."""


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What was read and what was true, for the judge and for the picture."""

    read: Float[np.ndarray, "frames size"]
    true: Float[np.ndarray, "frames size"]
    imagined: Float[np.ndarray, "rows horizon size"]
    """Read from what was imagined."""
    kept: Float[np.ndarray, "rows size"]
    """What it was when imagining began: nothing changes."""
    ahead: Float[np.ndarray, "rows horizon size"]
    """What it was then; NaN where nobody knows."""
    mean: Float[np.ndarray, " size"]
    """Of the labels that it was taught on."""


def read_held_out(readout: AbstractReadout, world_model: AbstractWorldModel, lesson: Lesson) -> Reading:
    """Reads held-out frames, and futures imagined from held-out frames under what was really done."""
    true = values_at(lesson.labels, lesson.judged)
    mean = values_at(lesson.labels, lesson.labelled).mean(axis=0)
    read = _read(readout, states_at(world_model, lesson.logs, lesson.judged).belief)
    windows, size = lesson.windows, readout.size
    if not len(windows):
        nothing = np.zeros((0, lesson.horizon, size))
        return Reading(read=read, true=true, imagined=nothing, kept=nothing[:, 0], ahead=nothing, mean=mean)
    states = states_at(world_model, lesson.logs, windows)
    imagined = _read(readout, imagine(world_model, states, actions_after(lesson.logs, windows, lesson.horizon)))
    steps = np.arange(1, lesson.horizon + 1)
    pieces = [lesson.labels.values[episode][frames[:, None] + steps] for episode, frames in windows.by_episode().items()]
    # Where nobody knows what it was, it is what was read.
    first = values_at(lesson.labels, windows)
    kept = np.where(np.isfinite(first), first, _read(readout, states.belief))
    return Reading(read=read, true=true, imagined=imagined, kept=kept, ahead=np.concatenate(pieces), mean=mean)


def measure(reading: Reading, untrained: Reading, labels: Labels, num_labels: int) -> Fidelity:
    """Errors and floors, and whether the quantity may carry a guardrail."""
    targets = np.isfinite(reading.ahead).all(axis=2).sum(axis=0)
    num_steps = int((np.cumsum(targets < FEWEST_TARGETS) == 0).sum())
    ahead = reading.ahead[:, :num_steps]
    why = _refusal(reading, labels, ahead)
    return Fidelity(
        error=_rms(reading.read - reading.true),
        floor=_rms(reading.mean - reading.true),
        untrained=_rms(untrained.read - untrained.true),
        step_errors=tuple(_rms(reading.imagined[:, step] - ahead[:, step]) for step in range(num_steps)),
        step_floors=tuple(_rms(reading.kept - ahead[:, step]) for step in range(num_steps)),
        num_labels=num_labels,
        readable=not why,
        why=why,
    )


def _refusal(reading: Reading, labels: Labels, ahead: np.ndarray) -> str:
    """Why the quantity cannot be read; empty if it can. Each number is judged by itself: one that is read well hides none that is not."""
    for number, part in enumerate(labels.parts):
        spread = _rms(reading.mean[number] - reading.true[:, number])
        if spread <= 1e-9 * (1 + abs(reading.mean[number])):
            return f"{part} never changes in these logs, so that there is nothing to read."
        left = _rms(reading.read[:, number] - reading.true[:, number]) / spread
        if left > MOST_LEFT:
            return (
                f"{part} cannot be read from what the agent believes: the error on held-out frames is {left:.0%} of that of always saying "
                f"the mean, and {MOST_LEFT:.0%} is the most that a guardrail may rest on."
            )
        if ahead.shape[1] and (left := _rms(reading.imagined[:, 0, number] - ahead[:, 0, number]) / spread) > MOST_LEFT:
            return (
                f"{part} is lost as soon as the agent imagines: after one step the error is {left:.0%} of that of always saying the mean, "
                f"and {MOST_LEFT:.0%} is the most that a guardrail may rest on."
            )
    return ""


@torch.no_grad()
def _read(readout: AbstractReadout, beliefs: torch.Tensor) -> np.ndarray:
    return readout(beliefs).double().cpu().numpy()


def _rms(errors: np.ndarray | Sequence[float]) -> float:
    return float(np.sqrt(np.nanmean(np.square(errors))))
