"""Bars, maps of visited places, and strips of frames, as elements that live in the page and take its colours."""

import math
from collections.abc import Sequence
from html import escape

import numpy as np

from telos.data.survey.coverage import Histogram, Occupancy
from telos.evaluation.report.chart import number
from telos.evaluation.report.pictures import RGB, picture_uri

WIDTH, HEIGHT = 260, 120
TOP, BOTTOM, SIDE = 22, 18, 6
MAP = 200


def bars(histogram: Histogram, title: str, bounds: tuple[float, float] | None = None) -> str:
    """How often each value was taken.

    Args:
        bounds: drawn as two lines, where they lie within the picture.
    """
    counts = np.array(histogram.counts, dtype=float)
    step = (WIDTH - 2 * SIDE) / len(counts)
    tall = (HEIGHT - TOP - BOTTOM) * counts / max(counts.max(), 1)
    rects = "".join(
        f'<rect x="{SIDE + index * step:.1f}" y="{HEIGHT - BOTTOM - height:.1f}" width="{max(step - 0.6, 0.5):.1f}" height="{height:.1f}" '
        f'style="fill:var(--us)"/>'
        for index, height in enumerate(tall)
        if height > 0
    )
    lines = "".join(_bound(histogram, value) for value in bounds or ())
    return (
        f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">'
        f'<text class="title" x="{SIDE}" y="12">{escape(title)}</text>{rects}{lines}'
        f'<line class="grid" x1="{SIDE}" x2="{WIDTH - SIDE}" y1="{HEIGHT - BOTTOM}" y2="{HEIGHT - BOTTOM}"/>'
        f'<text x="{SIDE}" y="{HEIGHT - 4}">{number(histogram.low)}</text>'
        f'<text x="{WIDTH - SIDE}" y="{HEIGHT - 4}" text-anchor="end">{number(histogram.high)}</text></svg>'
    )


def _bound(histogram: Histogram, value: float) -> str:
    width = histogram.high - histogram.low
    if not math.isfinite(value) or width <= 0 or not histogram.low <= value <= histogram.high:
        return ""
    x = SIDE + (value - histogram.low) / width * (WIDTH - 2 * SIDE)
    return f'<line class="level" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP - 4}" y2="{HEIGHT - BOTTOM}"/>'


def places(occupancy: Occupancy, title: str) -> str:
    """Where two numbers were together; the fuller the colour, the more often (on a logarithmic scale). What is empty was never seen."""
    counts = occupancy.counts
    cell = MAP / len(counts)
    shades = np.log1p(counts) / max(float(np.log1p(counts.max())), 1e-9)
    rects = "".join(
        f'<rect x="{column * cell:.1f}" y="{MAP - (row + 1) * cell:.1f}" width="{cell:.1f}" height="{cell:.1f}" '
        f'style="fill:var(--us)" fill-opacity="{0.15 + 0.85 * shades[row, column]:.2f}"/>'
        for row, column in zip(*np.nonzero(counts), strict=True)
    )
    ends = [f"{number(low)} to {number(high)}" for low, high in zip(occupancy.low, occupancy.high, strict=True)]
    caption = f"{escape(title)}: {100 * occupancy.visited:.0f} % of the cells visited. Across {ends[0]}, upwards {ends[1]}."
    drawn = f'<svg class="scatter" viewBox="0 0 {MAP} {MAP}" role="img" aria-label="{escape(title)}">{rects}</svg>'
    return f"<figure>{drawn}<figcaption>{caption}</figcaption></figure>"


def strip(pictures: RGB, times: Sequence[int], label: str, *, num_columns: int, marked: int | None = None) -> str:
    """Frames side by side, with their steps above; the one at step `marked` is framed."""
    empty = "<div></div>" * (num_columns - len(times))
    head = "".join(f'<div class="step">{time}</div>' for time in times) + empty
    frames = "".join(
        f'<img class="{"goal" if time == marked else ""}" src="{picture_uri(picture, 96)}" alt="step {time}">'
        for time, picture in zip(times, pictures, strict=True)
    )
    columns = f"grid-template-columns: 86px repeat({num_columns}, 1fr)"
    return (
        f'<div class="scroll"><div class="strip" style="{columns}"><div class="row">step</div>{head}'
        f'<div class="row">{escape(label)}</div>{frames}</div></div>'
    )
