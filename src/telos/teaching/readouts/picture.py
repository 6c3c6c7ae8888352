"""What a readout reads, drawn: beside the truth on held-out frames, and how far it strays while the agent imagines."""

from pathlib import Path

import numpy as np

from telos.core.errors import DataError, MissingExtraError
from telos.core.run import atomic_file
from telos.teaching.readouts.teach import Taught

COLOURS = ("#2563a8", "#d9742b", "#3b8f5c", "#8d4fa8", "#b8323a", "#5f6b78")
"""Of the numbers of a quantity, in turn."""
OURS, FLOOR, PALE = "#2563a8", "#8a9099", "#c3c8ce"
MOST_NAMED = 6
"""Numbers that a legend names."""


def draw_reading(taught: Taught) -> Path:
    """`RUN/readouts/NAME.png`: on the left what is read against what is true, on the right the error over imagined steps, with floors.

    Raises:
        MissingExtraError: matplotlib is not installed.
        DataError: the file cannot be written.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError.of("matplotlib", extra="report", purpose="The picture of a readout") from error
    file = taught.path.with_name(taught.path.name + ".png")
    figure = Figure(figsize=(10, 4.3), dpi=120, facecolor="white", layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    unit = f" [{taught.readout.unit}]" if taught.readout.unit else ""
    _draw_held_out(left, taught, unit)
    _draw_ahead(right, taught, unit)
    for axis in (left, right):
        axis.spines[["top", "right"]].set_visible(False)
    verdict = "" if taught.readout.fidelity.readable else ": cannot be read well enough to carry a guardrail"
    figure.suptitle(f"{taught.readout.name}{verdict}", x=0.01, ha="left", fontsize=13, weight="bold")
    try:
        with atomic_file(file) as temporary:
            figure.savefig(temporary, format="png")
    except OSError as error:
        raise DataError(f"The picture {file} cannot be written: {error.strerror or error}.", fix="check the permissions of the folder") from error
    return file


def _draw_held_out(axis, taught: Taught, unit: str) -> None:
    reading, fidelity = taught.reading, taught.readout.fidelity
    low, high = float(reading.true.min()), float(reading.true.max())
    axis.plot([low, high], [low, high], color=PALE, linewidth=1, zorder=0)
    for number, name in enumerate(taught.parts):
        colour = COLOURS[number % len(COLOURS)]
        axis.scatter(reading.true[:, number], reading.read[:, number], s=5, color=colour, alpha=0.5, linewidths=0, label=name)
    axis.set(xlabel=f"true{unit}", ylabel=f"read{unit}")
    axis.set_title(f"{len(reading.true):,} held-out frames, error {fidelity.error:.3g}", fontsize=10, loc="left")
    if 1 < len(taught.parts) <= MOST_NAMED:
        axis.legend(frameon=False, markerscale=3, fontsize=9)


def _draw_ahead(axis, taught: Taught, unit: str) -> None:
    fidelity = taught.readout.fidelity
    steps = np.arange(1, len(fidelity.step_errors) + 1)
    axis.plot([0, *steps], [fidelity.error, *fidelity.step_errors], color=OURS, marker="o", markersize=3, label="read")
    axis.plot(steps, fidelity.step_floors, color=FLOOR, linestyle="--", label="nothing changes")
    last = max(1, len(steps))
    for value, name, style in ((fidelity.floor, "always the mean", ":"), (fidelity.untrained, "untrained encoder", "-.")):
        axis.plot([0, last], [value, value], color=FLOOR, linestyle=style, linewidth=1, label=name)
    axis.set(xlabel="steps imagined ahead", ylabel=f"error{unit}", xlim=(0, last), ylim=(0, None))
    axis.xaxis.get_major_locator().set_params(integer=True)
    axis.set_title("error while imagining (root mean square)", fontsize=10, loc="left")
    axis.legend(frameon=False, fontsize=9)
