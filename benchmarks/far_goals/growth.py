"""How success and planning time grow with the distance of the goal, row by row.

Reads what `python -m benchmarks.far_goals RUN... --out OUT` has left, near, middle and far goals together; all rows played the same pairs.

Run: python -m benchmarks.far_goals.growth OUT docs/images/far-goals-growth.svg --rows flat "2 levels" "3 levels" --json growth.json
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.far_goals.play import Result
from telos.core.drawings import save_figure
from telos.evaluation.intervals import wilson

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = ("#8b9098", "#1c6bb0", "#7a4fa3", "#c2611a", "#24804e", "#9a7a12", "#bd3535")
INK, GRID = "#2b2f36", "#e4e6ea"


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """Episodes of one row whose goals are about equally far."""

    row: str
    shortest: float
    """Steps of the scripted expert, the mean."""
    episodes: int
    success: float
    low: float
    high: float
    """95 % interval of the success (Wilson)."""
    cpu_seconds: float
    """Of planning, the mean of an episode."""
    cpu_low: float
    cpu_high: float
    """Its 95 % interval."""


def stretches(results: Sequence[Result], row: str, edges: Sequence[float]) -> list[Stretch]:
    """One row, stretch by stretch; those without episodes are left out.

    Args:
        edges: steps of the expert at which a new stretch begins, the first and the end among them.
    """
    episodes = [episode for found in results if found["row"] == row for episode in found["episodes"]]
    ways = np.array([episode["shortest"] for episode in episodes], dtype=float)
    success = np.array([episode["success"] for episode in episodes], dtype=bool)
    seconds = np.array([episode["cpu_seconds"] for episode in episodes], dtype=float)
    found = []
    for low, high in pairwise(edges):
        inside = (ways >= low) & (ways < high)
        if not inside.any():
            continue
        num, spread = int(inside.sum()), 1.96 * seconds[inside].std() / np.sqrt(inside.sum())
        share, mean = wilson(int(success[inside].sum()), num), float(seconds[inside].mean())
        found.append(
            Stretch(
                row=row,
                shortest=float(ways[inside].mean()),
                episodes=num,
                success=float(success[inside].mean()),
                low=share[0],
                high=share[1],
                cpu_seconds=mean,
                cpu_low=mean - float(spread),
                cpu_high=mean + float(spread),
            )
        )
    return found


def edges_of(results: Sequence[Result], num: int) -> list[float]:
    """Stretches with about as many episodes each, over all rows together."""
    ways = np.array([episode["shortest"] for found in results for episode in found["episodes"]], dtype=float)
    inner = np.quantile(ways, np.linspace(0, 1, num + 1)[1:-1])
    return [0.0, *sorted({float(np.ceil(edge)) for edge in inner}), float(ways.max() + 1)]


def shared(results: Sequence[Result], rows: Sequence[str]) -> list[Result]:
    """What all of the rows have played, so that they are compared on the same pairs."""
    played = [{(found["run"], found["kind"]) for found in results if found["row"] == row} for row in rows]
    common = set.intersection(*played)
    return [found for found in results if found["row"] in rows and (found["run"], found["kind"]) in common]


def draw(lines: dict[str, list[Stretch]], file: Path) -> None:
    """Success at the left, planning time at the right."""
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    matplotlib.rcParams |= {"svg.fonttype": "none", "svg.hashsalt": "growth", "font.family": "sans-serif", "font.size": 10}
    figure = Figure(figsize=(8.6, 3.5), layout="constrained", facecolor="white")
    FigureCanvasSVG(figure)
    left, right = figure.subplots(1, 2)
    for place, (row, parts) in enumerate(lines.items()):
        ways = [part.shortest for part in parts]
        style: dict[str, Any] = {"color": COLOURS[place % len(COLOURS)], "linewidth": 2, "marker": "o", "markersize": 4, "label": row}
        left.plot(ways, [100 * part.success for part in parts], **style)
        left.fill_between(
            ways, [100 * part.low for part in parts], [100 * part.high for part in parts], color=style["color"], alpha=0.12, linewidth=0
        )
        right.plot(ways, [part.cpu_seconds for part in parts], **style)
        right.fill_between(ways, [part.cpu_low for part in parts], [part.cpu_high for part in parts], color=style["color"], alpha=0.12, linewidth=0)
    _dress(left, "reached in time, %")
    left.set_ylim(-3, 103)
    _dress(right, "CPU seconds of planning, per episode")
    right.set_ylim(bottom=0)
    right.legend(frameon=False, fontsize=9, labelcolor=INK, loc="upper left")
    file.parent.mkdir(parents=True, exist_ok=True)
    save_figure(figure, file, dpi=130)


def _dress(axes: "Axes", title: str) -> None:
    axes.set_title(title, fontsize=10, color=INK, loc="left")
    axes.set_xlabel("steps that the scripted expert needs", color=INK)
    axes.grid(visible=True, color=GRID, linewidth=0.8)
    axes.tick_params(colors=INK, length=0)
    axes.spines[["top", "right", "left", "bottom"]].set_visible(False)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("out", type=Path, help="where the results of benchmarks.far_goals lie")
    parser.add_argument("figure", type=Path)
    parser.add_argument("--rows", nargs="+", default=["flat", "2 levels", "3 levels"])
    parser.add_argument("--runs", nargs="+", help="names of runs, such as random-15-0-s0; by default all")
    parser.add_argument("--stretches", type=int, default=8)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    results = [json.loads(file.read_text(encoding="utf-8")) for file in sorted(options.out.glob("*/*/*.json"))]
    results = shared([found for found in results if options.runs is None or found["run"] in options.runs], options.rows)
    if not results:
        parser.error(f"there is nothing that all of {', '.join(options.rows)} have played in {options.out}")
    print(f"{len({found['run'] for found in results})} runs: {', '.join(sorted({found['run'] for found in results}))}")
    edges = edges_of(results, options.stretches)
    lines = {row: parts for row in options.rows if (parts := stretches(results, row, edges))}
    draw(lines, options.figure)
    told = [asdict(part) for parts in lines.values() for part in parts]
    for part in told:
        print("{row:<24} {shortest:6.1f} steps {episodes:5d} episodes {success:6.1%} {cpu_seconds:7.2f} CPU s".format(**part))
    if options.json is not None:
        options.json.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
