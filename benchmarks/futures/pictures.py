"""The futures beside the mean that never happens, and the ways that agents take."""

from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patches import Rectangle

from benchmarks.futures.crossing import Crossings
from benchmarks.futures.forks import COUNTS, Forks
from benchmarks.futures.learn import WORLD
from telos.core.drawings import save_figure

PIT, WIND, TRUE, DRAWN, MEAN = "#2e3a4e", "#f3e2b8", "#8a8f98", "#2f6fb0", "#de3c32"
TITLES = {"certain": "without z", "mean": "mean of 12 futures", "cvar": "worst tenth of them (CVaR)"}


def draw_futures(certain: Forks, coded: Forks, file: Path, *, start: int = 0) -> None:
    """From one start: what happens, what is drawn, and what a model says that is certain."""
    figure, axes = plt.subplots(1, 3, figsize=(9.6, 3.3), layout="constrained")
    assert coded.sampled is not None
    panels = [
        (axes[0], coded.truth[start][:64], TRUE, "what happens, 64 times"),
        (axes[1], coded.sampled[start], DRAWN, "64 futures that are drawn"),
        (axes[2], certain.likeliest[start][None], MEAN, "the model without z"),
    ]
    for axis, paths, colour, title in panels:
        _world(axis)
        begin = np.tile(coded.starts[start], (len(paths), 1, 1)).reshape(len(paths), 1, 2)
        for path in np.concatenate([begin, paths], axis=1):
            axis.plot(*path.T, color=colour, alpha=0.35 if len(paths) > 1 else 1.0, linewidth=1.4, marker="o", markersize=3.5)
        axis.plot(*coded.starts[start], "o", color="black", markersize=5)
        axis.set_title(title, fontsize=10)
    _save(figure, file)


def draw_best_of(certain: Forks, coded: Forks, file: Path) -> None:
    """How near the nearest of so many futures comes, for the last step."""
    figure, axis = plt.subplots(figsize=(4.8, 3.2), layout="constrained")
    axis.plot(COUNTS, [coded.best_of(count) for count in COUNTS], color=DRAWN, marker="o", label="futures that are drawn")
    axis.axhline(certain.best_of(1), color=MEAN, label="the model without z")
    axis.axhline(coded.floor(), color=TRUE, linestyle="--", label="the best that one future can be")
    axis.set(xscale="log", xlabel="futures", ylabel="distance of the nearest\n(arena widths)", ylim=(0, None))
    axis.set_xticks(COUNTS, [str(count) for count in COUNTS])
    axis.legend(frameon=False, fontsize=9)
    axis.spines[["top", "right"]].set_visible(False)
    _save(figure, file)


def draw_ways(crossings: list[Crossings], file: Path, *, num: int = 60) -> None:
    """The first episodes of several agents, the same ones for all; who fell is drawn red."""
    figure, axes = plt.subplots(1, len(crossings), figsize=(3.2 * len(crossings), 3.8), layout="constrained")
    for axis, crossing in zip(np.atleast_1d(axes), crossings, strict=True):
        _world(axis)
        for path, fallen in sorted(zip(crossing.paths[:num], crossing.fallen[:num], strict=True), key=lambda way: way[1]):
            axis.plot(*path.T, color=MEAN if fallen else DRAWN, alpha=0.8 if fallen else 0.4, linewidth=1)
            if fallen:
                axis.plot(*path[-1], "x", color=MEAN, markersize=6)
        axis.set_title(f"{TITLES.get(crossing.name, crossing.name)}\n{100 * crossing.fallen.mean():.1f} % fall", fontsize=10)
    _save(figure, file)


def _save(figure, file: Path) -> None:
    save_figure(figure, file)
    plt.close(figure)


def _world(axis) -> None:
    low, high = WORLD.chasm
    for top, bottom in ((WORLD.lane, WORLD.bridge[0]), (WORLD.bridge[1], 1.0)):
        axis.add_patch(Rectangle((low, top), high - low, bottom - top, color=PIT, linewidth=0))
    axis.add_patch(Rectangle((0.5 - WORLD.windy / 2, WORLD.bridge[0]), WORLD.windy, WORLD.bridge[1] - WORLD.bridge[0], color=WIND, linewidth=0))
    axis.set(xlim=(0, 1), ylim=(1, 0), xticks=[], yticks=[], aspect="equal")
