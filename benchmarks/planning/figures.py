"""The growth of a plan's cost, drawn: seconds at the left, the same as multiples of the floor at the right, where bends show."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.planning.growth import Point
from telos.core.drawings import save_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = {"Telos": "#1c6bb0", "torch-world": "#c2611a", "Telos, perceptron": "#7a4fa3", "floor": "#8b9098", "floor, perceptron": "#b7bbc1"}
INK, GRID = "#2b2f36", "#e4e6ea"
LABELS = {
    "candidates": "candidates in a round",
    "horizon": "horizon, steps",
    "problems": "problems in a batch",
    "parameters": "parameters of the predictor, millions",
}


def draw(points: Sequence[Point], sweep: str, path: Path) -> None:
    """One sweep as an SVG file."""
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    matplotlib.rcParams |= {"svg.fonttype": "none", "svg.hashsalt": sweep, "font.family": "sans-serif", "font.size": 10}
    figure = Figure(figsize=(8.6, 3.3), layout="constrained", facecolor="white")
    FigureCanvasSVG(figure)
    left, right = figure.subplots(1, 2)
    lines = _lines(points, sweep)
    for name, (xs, seconds, multiples) in lines.items():
        style = {"color": COLOURS[name], "linewidth": 2 if name.startswith("Telos") else 1.5, "label": name}
        marker = {} if name.startswith("floor") else {"marker": "o", "markersize": 3.5}
        left.plot(xs, seconds, linestyle="--" if name.startswith("floor") else "-", **style, **marker)
        if not name.startswith("floor"):
            right.plot(xs, multiples, **style, **marker)
    _dress(left, "CPU seconds of a plan of two rounds", sweep)
    left.set_yscale("log")
    left.legend(frameon=False, fontsize=9, labelcolor=INK)
    _dress(right, "the same, as a multiple of the floor", sweep)
    right.set_ylim(bottom=0)
    right.axhline(1, color=COLOURS["floor"], linestyle="--", linewidth=1.5)
    save_figure(figure, path)


def _lines(points: Sequence[Point], sweep: str) -> dict[str, tuple[list[float], list[float], list[float]]]:
    """By contestant: where, seconds, and multiples of the floor; the floors come last."""
    lines: dict[str, tuple[list[float], list[float], list[float]]] = {}
    for name in ("Telos", "torch-world", "Telos, perceptron"):
        own = sorted((point for point in points if point.sweep == sweep and point.who == name), key=lambda point: point.x)
        if own:
            lines[name] = ([point.x for point in own], [point.seconds for point in own], [point.seconds / point.floor for point in own])
    for name, floor in (("Telos", "floor"), ("Telos, perceptron", "floor, perceptron")):
        own = sorted((point for point in points if point.sweep == sweep and point.who == name), key=lambda point: point.x)
        if own:
            lines[floor] = ([point.x for point in own], [point.floor for point in own], [1.0] * len(own))
    return lines


def _dress(axes: "Axes", title: str, sweep: str) -> None:
    axes.set_xscale("log")
    axes.set_title(title, fontsize=10, color=INK, loc="left")
    axes.set_xlabel(LABELS[sweep], color=INK)
    axes.grid(visible=True, which="major", color=GRID, linewidth=0.8)
    axes.tick_params(colors=INK, which="both", length=0)
    for side in ("top", "right", "left", "bottom"):
        axes.spines[side].set_visible(False)
