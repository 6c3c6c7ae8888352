"""Looking at episodes: strips of frames, or curves where there is no picture."""

from collections.abc import Sequence

import numpy as np

from telos.core.logs import Trajectory, first_leaf
from telos.core.spaces import PixelSpace, TreeSpace
from telos.data import AbstractEpisodes
from telos.evaluation.dataset_report.drawings import strip
from telos.evaluation.report.chart import Chart, Line
from telos.evaluation.report.imagery import as_numbers
from telos.evaluation.report.pictures import as_rgb, fit

MOST_FRAMES = 9
LARGEST = 96
"""Pixels per side of a frame; larger pictures are thinned out, so that the page stays small."""
MOST_CURVES = 6
COLOURS = ("us", "dream", "good", "violet", "bad", "ochre")


def look(logs: AbstractEpisodes, episode: int, label: str, at: int | None = None) -> str:
    """One episode from beginning to end; or, with a step to look `at`, what lies around it."""
    trajectory, camera = logs.episode(episode), _camera(logs)
    last = trajectory.num_steps
    if at is None:
        times = np.unique(np.linspace(0, last, min(last + 1, MOST_FRAMES)).round().astype(int))
    else:
        first = int(np.clip(at - MOST_FRAMES // 2 + 1, 0, max(0, last + 1 - MOST_FRAMES)))
        times = np.arange(first, min(last + 1, first + MOST_FRAMES))
    if camera is None:
        return _curves(trajectory, label, at)
    frames = trajectory.observations[camera] if camera else trajectory.observations
    pictures = as_rgb(np.ascontiguousarray(frames[times]))
    height, width = pictures.shape[1:3]
    if max(height, width) > LARGEST:
        scale = LARGEST / max(height, width)
        pictures = fit(pictures, max(1, round(height * scale)), max(1, round(width * scale)))
    # What is odd about a step shows in the frame that it leads to.
    return strip(pictures, list(map(int, times)), label, num_columns=MOST_FRAMES, marked=None if at is None else at + 1)


def evenly(num: int, most: int) -> Sequence[int]:
    """At most `most` of `num` episodes, from the first to the last."""
    return [int(index) for index in np.unique(np.linspace(0, num - 1, min(most, num)).round())]


def _camera(logs: AbstractEpisodes) -> str | None:
    """The part of the observation that is a picture: "" when it is one itself, None when there is none."""
    space = logs.spaces.observation
    if isinstance(space, TreeSpace):
        return next((name for name, part in space.spaces.items() if isinstance(part, PixelSpace)), None)
    return "" if isinstance(space, PixelSpace) else None


def _curves(trajectory: Trajectory, label: str, at: int | None) -> str:
    numbers = as_numbers(trajectory.observations)
    steps = list(map(float, range(len(first_leaf(trajectory.observations)))))
    lines = tuple(
        Line(label=f"number {index}", x=steps, y=numbers[:, index].tolist(), colour=colour)
        for index, colour in zip(range(min(numbers.shape[1], MOST_CURVES)), COLOURS, strict=False)
    )
    marks = () if at is None else ((float(at), f"step {at}"),)
    return Chart(title=label, x_label="step", lines=lines, marks=marks, from_zero=False, width=840, height=170).svg()
