"""Line charts as SVG that lives in the page: sharp at any size, and coloured by the page's own light or dark palette."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import TypeGuard

LEFT, TOP, BOTTOM = 46, 32, 34
"""Margins in pixels; the right one is as wide as the labels need."""
LETTER = 6.7
"""Mean width of a letter of a label."""
ROW = 13
"""Height of a label."""
MOST_DECADES = 4


@dataclass(frozen=True, kw_only=True)
class Line:
    """One curve, with its name at its end."""

    label: str
    x: Sequence[float]
    y: Sequence[float | None]
    """What is no finite number leaves a gap."""
    colour: str = "us"
    """A colour of the page: us, dream, floor, good, bad, violet, ochre, quiet."""
    dashed: bool = False
    dots: bool = False
    """Whether each point is marked: for few points that were measured one by one."""


@dataclass(frozen=True, kw_only=True)
class Chart:
    """Some lines over one axis."""

    title: str
    x_label: str
    lines: tuple[Line, ...]
    log: bool = False
    log_x: bool = False
    levels: tuple[tuple[float, str], ...] = ()
    """Horizontal reference lines and their names."""
    marks: tuple[tuple[float, str], ...] = ()
    """Vertical lines and what begins there."""
    from_zero: bool = True
    """Whether the axis of a chart that is not logarithmic reaches down to 0."""
    width: int = 420
    height: int = 240

    def svg(self) -> str:
        """The chart as an element of a page."""
        frame = _Frame(self)
        parts = [
            f'<text class="title" x="{LEFT}" y="12">{escape(self.title)}</text>',
            *(_tick_y(frame, value) for value in frame.ticks_y),
            *(_tick_x(frame, value) for value in frame.ticks_x),
            f'<text x="{(LEFT + frame.right) / 2:.0f}" y="{self.height - 4}" text-anchor="middle">{escape(self.x_label)}</text>',
            *(_mark(frame, x, label) for x, label in self.marks),
            *(_level(frame, y) for y, _ in self.levels),
            *(_curve(frame, line) for line in self.lines),
            *_labels(frame),
        ]
        return f'<svg class="chart" viewBox="0 0 {self.width} {self.height}" role="img" aria-label="{escape(self.title)}">{"".join(parts)}</svg>'


class _Frame:
    """Where things are."""

    def __init__(self, chart: Chart) -> None:
        self.chart = chart
        names = [line.label for line in chart.lines] + [label for _, label in chart.levels]
        self.right = chart.width - 10 - LETTER * max(map(len, names), default=0)
        self.bottom = chart.height - BOTTOM
        xs = [value for line in chart.lines for value in line.x] or [0.0, 1.0]
        if chart.log_x:
            xs = [math.log10(value) for value in xs if value > 0] or [0.0]
        self.x_low, self.x_high = min(xs), max(max(xs), min(xs) + 1e-9)
        ys = [value for line in chart.lines for value in line.y if is_finite(value)] + [y for y, _ in chart.levels] or [0.0, 1.0]
        if chart.from_zero and not chart.log:
            ys.append(0.0)
        self.ticks_y = _log_ticks(ys) if chart.log else _ticks(min(ys), max(ys))
        low, high = self.ticks_y[0], self.ticks_y[-1]
        self.y_low, self.y_high = (math.log10(low), math.log10(high)) if chart.log else (low, high)
        if chart.log_x:
            self.ticks_x = _round_numbers(10**self.x_low, 10**self.x_high)
        else:
            self.ticks_x = [tick for tick in _ticks(self.x_low, self.x_high, 4) if self.x_low <= tick <= self.x_high]

    def x(self, value: float) -> float:
        value = math.log10(max(value, 10**self.x_low)) if self.chart.log_x else value
        return LEFT + (value - self.x_low) / (self.x_high - self.x_low) * (self.right - LEFT)

    def y(self, value: float) -> float:
        value = math.log10(max(value, 10**self.y_low)) if self.chart.log else value
        return self.bottom - (value - self.y_low) / max(self.y_high - self.y_low, 1e-12) * (self.bottom - TOP)


def is_finite(value: float | None) -> TypeGuard[float]:
    """Whether there is something to draw."""
    return value is not None and math.isfinite(value)


def _ticks(low: float, high: float, num: int = 4) -> list[float]:
    """Round numbers from at or below `low` to at or above `high`."""
    span = max(high - low, 1e-9)
    power = 10 ** math.floor(math.log10(span / num))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power * num >= span * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [index * step for index in range(first, last + 1)]


def _log_ticks(values: Sequence[float]) -> list[float]:
    """Powers of ten, at most `MOST_DECADES` of them down from the greatest value; what lies below is drawn at the bottom."""
    positive = [math.log10(value) for value in values if value > 0] or [0.0]
    high = math.ceil(max(positive))
    low = max(math.floor(min(positive)), high - MOST_DECADES)
    step = max(1, math.ceil((high - low) / 5))
    return [10.0**power for power in range(low, max(high, low + 1) + 1, step)]


def _round_numbers(low: float, high: float) -> list[float]:
    """1, 2 and 5 times powers of ten between `low` and `high`; powers of ten alone where they are many."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    ticks = [factor * 10.0**power for power in powers for factor in ((1,) if len(powers) > MOST_DECADES else (1, 2, 5))]
    return [tick for tick in ticks if low <= tick * (1 + 1e-9) and tick <= high * (1 + 1e-9)]


def number(value: float) -> str:
    """A number as an axis shows it."""
    if value == 0:
        return "0"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}" if abs(value) >= 1e-4 else f"{value:.0e}"


def _tick_y(frame: _Frame, value: float) -> str:
    y = frame.y(value)
    return (
        f'<line class="grid" x1="{LEFT}" x2="{frame.right:.1f}" y1="{y:.1f}" y2="{y:.1f}"/>'
        f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{number(value)}</text>'
    )


def _tick_x(frame: _Frame, value: float) -> str:
    return f'<text x="{frame.x(value):.1f}" y="{frame.bottom + 15}" text-anchor="middle">{number(value)}</text>'


def _mark(frame: _Frame, value: float, label: str) -> str:
    x = frame.x(value)
    # To the left of its line where there is no room for it on the right.
    place = f'x="{x - 3:.1f}" text-anchor="end"' if x + LETTER * len(label) > frame.right else f'x="{x + 3:.1f}"'
    return (
        f'<line class="mark" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP - 6}" y2="{frame.bottom}"/>'
        f'<text class="mark-name" {place} y="{TOP - 4}">{escape(label)}</text>'
    )


def _level(frame: _Frame, value: float) -> str:
    y = frame.y(value)
    return f'<line class="level" x1="{LEFT}" x2="{frame.right:.1f}" y1="{y:.1f}" y2="{y:.1f}"/>'


def _curve(frame: _Frame, line: Line) -> str:
    pieces: list[list[str]] = [[]]
    for x, y in zip(line.x, line.y, strict=True):
        if is_finite(y):
            pieces[-1].append(f"{frame.x(x):.1f},{frame.y(y):.1f}")
        else:
            pieces.append([])
    style = f"stroke:var(--{line.colour})" + (";stroke-dasharray:5 4" if line.dashed else "")
    curve = "".join(f'<polyline class="curve" style="{style}" points="{" ".join(piece)}"/>' for piece in pieces if piece)
    places = [point.split(",") for piece in pieces for point in piece] if line.dots else []
    return curve + "".join(f'<circle cx="{x}" cy="{y}" r="2.6" style="fill:var(--{line.colour})"/>' for x, y in places)


def _labels(frame: _Frame) -> list[str]:
    """Names beside the ends of the lines, moved apart where they would overlap."""
    wanted = [(frame.y(y), label, "quiet") for y, label in frame.chart.levels]
    for line in frame.chart.lines:
        drawn = [y for y in line.y if is_finite(y)]
        if drawn:
            wanted.append((frame.y(drawn[-1]), line.label, line.colour))
    wanted.sort()
    heights = [y for y, _, _ in wanted]
    for _ in range(50):
        for index in range(1, len(heights)):
            if (overlap := ROW - (heights[index] - heights[index - 1])) > 0:
                heights[index - 1] -= overlap / 2
                heights[index] += overlap / 2
    # Not even many names at the upper edge may leave the picture.
    lowest = ROW / 2
    for index, height in enumerate(heights):
        heights[index] = max(height, lowest)
        lowest = heights[index] + ROW
    texts = []
    for height, (_, label, colour) in zip(heights, wanted, strict=True):
        texts.append(f'<text class="name" x="{frame.right + 6:.1f}" y="{height + 4:.1f}" style="fill:var(--{colour})">{escape(label)}</text>')
    return texts
