"""Pictures of the benchmark: crashes and speed of everybody, and some seconds of one trip."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from benchmarks.highway.drive import AbstractDriver, Trips
from benchmarks.highway.road import STEPS
from telos.core.drawings import save_figure
from telos.envs import foreign

SHOWN = 8
"""Pictures of the strip."""
ROAD = 0.64
"""Share of a picture in which the lanes lie; below it is grass."""


def bars(found: Mapping[str, Trips], file: Path) -> None:
    """Crash rates with their intervals, and mean speeds beside them."""
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    names, trips = list(found)[::-1], list(found.values())[::-1]
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(8.5, 3.2), sharey=True, layout="constrained")
    rates = np.array([[100 * part.crashes.value, *(100 * np.array(part.crashes.interval))] for part in trips])
    colours = ["tab:green" if name.startswith("z") else "tab:red" if name == "deterministic" else "0.7" for name in names]
    left.barh(
        names, rates[:, 0], color=colours, xerr=(rates[:, 0] - rates[:, 1], rates[:, 2] - rates[:, 0]), error_kw={"linewidth": 1, "ecolor": "0.25"}
    )
    left.set(xlabel="episodes with a crash, %", xlim=(0, 100))
    right.barh(names, [part.mean_speed for part in trips], color=colours)
    right.set(xlabel="mean speed, m/s", xlim=(18, 30))
    for axis in (left, right):
        axis.spines[["top", "right"]].set_visible(False)
    save_figure(figure, file)
    pyplot.close(figure)


def strip(driver: AbstractDriver, file: Path, *, seed: int) -> None:
    """One trip from above, a picture every few seconds; the car that is driven is green, or red when it has crashed."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    road = foreign.make("gym:highway-fast-v0", render_mode="rgb_array")
    seen, _ = road.reset(seed=seed)
    driver.begin([road])
    pictures, over = [foreign.render(road, "highway")], False
    while not over and len(pictures) <= STEPS:
        seen, _, crashed, out_of_time, _ = road.step(int(driver.choose([road], seen.reshape(1, -1))[0]))
        pictures.append(foreign.render(road, "highway"))
        over = crashed or out_of_time
    road.close()
    times = np.unique(np.linspace(0, len(pictures) - 1, SHOWN).round().astype(int))
    figure, axes = pyplot.subplots(len(times), 1, figsize=(6, 1.1 * len(times)), layout="constrained")
    for axis, time in zip(np.atleast_1d(axes), times, strict=True):
        axis.imshow(pictures[time][: int(ROAD * len(pictures[time]))])
        axis.set_axis_off()
        axis.set_title(f"{time} s", fontsize=7, loc="left", pad=1)
    figure.savefig(file, dpi=120)
    pyplot.close(figure)
