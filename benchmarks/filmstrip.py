"""The picture of the README: the first attempt of a run's evaluation, beside what the agent had imagined of it.

    python benchmarks/filmstrip.py RUN docs/images/filmstrip.png

Which attempt is shown is not chosen: it is the first of the run's newest evaluation, as in its report.
"""

import argparse
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from telos.cli.report import find_sources
from telos.core.run import Run
from telos.evaluation.report.decoder import DecoderConfig
from telos.evaluation.report.findings import find
from telos.evaluation.report.footage import Footage

MOST_FRAMES = 8
CARD, TEXT, EDGE = "#fbfaf7", "#1d2733", "#b9b2a2"


def draw(footage: Footage, file: Path) -> None:
    """What was seen above what was imagined, step by step; the goal in a column of its own."""
    assert footage.pictures is not None and footage.goal is not None
    times = np.unique(np.linspace(0, footage.num_steps, min(MOST_FRAMES, footage.num_steps + 1)).round().astype(int))
    rows = [("seen", footage.pictures)]
    for way in footage.imagined:
        assert way.pictures is not None and footage.first is not None
        rows.append((way.label.replace(", ", ",\n").replace(" steps ", " steps\n"), np.concatenate([footage.first, way.pictures])))
    figure = Figure(figsize=(9.6, 0.96 * len(rows) + 0.26), facecolor=CARD, layout="constrained")
    figure.get_layout_engine().set(w_pad=0.06, h_pad=0.05)
    axes = figure.subplots(len(rows), len(times) + 1, squeeze=False)
    for number, (label, frames) in enumerate(rows):
        for axis, time in zip(axes[number], times, strict=False):
            show(axis, frames[time], f"step {time}" if number == 0 else "")
        axes[number, 0].set_ylabel(label, rotation=0, ha="right", va="center", labelpad=8, fontsize=9, color=TEXT)
        axes[number, -1].set_axis_off()
    axes[0, -1].set_axis_on()
    show(axes[0, -1], footage.goal, "goal")
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, dpi=150)


def show(axis, picture: np.ndarray, title: str) -> None:
    axis.imshow(picture, interpolation="nearest")
    axis.set(xticks=[], yticks=[])
    axis.set_title(title, fontsize=9, color=TEXT)
    axis.spines[:].set(color=EDGE, linewidth=0.6)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("file", type=Path)
    arguments = parser.parse_args()
    run = Run.open(arguments.run)
    newest = max((run.path / "evaluations").glob("*.json"), key=lambda file: file.stat().st_mtime)
    result = run.read_json(f"evaluations/{newest.name}")
    seed = run.description["seed"]
    attempts = find(find_sources(run, result, seed=seed), result, seed=seed, decoder=DecoderConfig(), progress=lambda *_: None).attempts
    assert attempts is not None
    draw(attempts.footage, arguments.file)


if __name__ == "__main__":
    main()
