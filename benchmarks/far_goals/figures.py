"""The picture of who gets how far."""

from pathlib import Path

from matplotlib.figure import Figure

from benchmarks.far_goals.play import Result
from benchmarks.far_goals.table import lines_of
from telos.core.drawings import save_figure

COLOURS = {"near": "#9aa7b8", "middle": "#2f6fb0", "far": "#de3c32"}
APART = 0.22
"""Between the dots of one row, which would hide one another."""


def draw_rows(results: list[Result], file: Path) -> None:
    """A panel for each size of maze, a line for each row, a dot with its interval for each kind of pair."""
    sizes = sorted({found["cells"] for found in results})
    rows = list(dict.fromkeys(found["row"] for found in results))
    figure = Figure(figsize=(1.8 + 3.4 * len(sizes), 1.0 + 0.42 * len(rows)), layout="constrained")
    for axis, cells in zip(figure.subplots(1, len(sizes), squeeze=False, sharey=True)[0], sizes, strict=True):
        for number, (kind, colour) in enumerate(COLOURS.items()):
            lines = lines_of([found for found in results if (found["kind"], found["cells"]) == (kind, cells)])
            places = [rows.index(row) + (number - 1) * APART for row in lines]
            rates = [100 * line.rate.value for line in lines.values()]
            around = [[100 * (line.rate.value - line.rate.interval[0]), 100 * (line.rate.interval[1] - line.rate.value)] for line in lines.values()]
            if lines:
                axis.errorbar(rates, places, xerr=list(zip(*around, strict=True)), fmt="o", color=colour, label=kind, markersize=5, linewidth=1)
        axis.set(xlim=(-3, 103), xlabel="reached in time (%)", title=f"{cells} × {cells} cells")
        axis.set_yticks(range(len(rows)), rows)
        axis.grid(axis="x", alpha=0.3)
        axis.spines[["top", "right", "left"]].set_visible(False)
    figure.axes[0].invert_yaxis()
    # Beside the drawing: dots may lie anywhere in it.
    figure.legend(*figure.axes[0].get_legend_handles_labels(), frameon=False, fontsize=9, loc="outside lower center", ncols=len(COLOURS))
    save_figure(figure, file, dpi=130)
