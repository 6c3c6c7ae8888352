"""Pictures of tasks: where they lead, and the ways that were taken or are planned."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from telos.agent.tasks import AbstractQuantityTask, FollowPath, ReachRegion, ReachValue
from telos.agent.tasks.quantity import Reading
from telos.agent.tasks.targets import AbstractTargetsTask
from telos.core.errors import ConfigError, MissingExtraError
from telos.core.guarding import Guardrail
from telos.core.tasks import AbstractTask, Together
from telos.core.world import AbstractWorld, WorldState
from telos.evaluation.guarded import true_quantities
from telos.evaluation.guarded_picture import draw_zone
from telos.evaluation.protocols import select_rows
from telos.evaluation.report.maps import drawn

WON, LOST, TARGET = "#1c6bb0", "#bd3535", "#24804e"
COLUMNS = 4
PLACE = "position"
"""The quantity that worlds draw."""


def draw_task_paths(
    file: Path,
    world: AbstractWorld,
    task: AbstractTask,
    starts: WorldState,
    paths: Sequence[WorldState],
    success: np.ndarray,
    *,
    guardrails: Sequence[Guardrail] = (),
    num: int = 8,
) -> None:
    """The first episodes: the way that was taken, the targets, and where it may not go; over the world where the quantity is a place in it.

    Raises:
        MissingExtraError: matplotlib is not installed.
        ConfigError: it draws no files of that kind.
    """
    figure_of = figure_kind()
    parts = quantity_parts(task)
    name = parts[0].quantities[0]
    num = min(num, len(paths))
    columns = min(COLUMNS, num)
    rows = -(-num // columns)
    figure = figure_of(figsize=(2.3 * columns, 2.4 * rows + 0.2), layout="constrained")
    for number, axis in enumerate(np.atleast_1d(figure.subplots(rows, columns)).flat):
        if number >= num:
            axis.set_axis_off()
            continue
        way = true_quantities(world, paths[number], [name])[name].numpy()
        colour = WON if success[number] else LOST
        if way.shape[1] == 2:
            axis.plot(*way.T, color=colour, lw=1.6)
            axis.plot(*way[0], "o", color=colour, ms=4)
            widen(axis, parts, name)
            # Only a place is a place in the picture of the world.
            draw_plane(axis, world if name == PLACE else None, select_rows(starts, slice(number, number + 1)), parts, number)
            for guardrail in guardrails if name == PLACE else ():
                if guardrail.requirement.quantities == (PLACE,) and guardrail.requirement.graded:
                    draw_zone(axis, guardrail)
        else:
            draw_lines(axis, way, name, parts, number)
        axis.set_title(f"{'in' if success[number] else 'not in'} {len(way) - 1} steps", fontsize=8)
    save(figure, file)


def draw_plane(axis: Any, world: AbstractWorld | None, start: WorldState | None, parts: Sequence[AbstractQuantityTask], row: int) -> None:
    """Where the parts of a task lead, in the plane of a quantity of two numbers; y downwards, as in pictures."""
    if world is not None and start is not None:
        axis.imshow(drawn(world, start, 192), extent=(0, 1, 1, 0))
        axis.set(xlim=(0, 1), ylim=(1, 0))
    for part in parts:
        if isinstance(part, FollowPath):
            points = np.asarray(part.points)
            points = points[row] if points.ndim == 3 else points
            axis.plot(*points.T, color=TARGET, lw=5, alpha=0.35, solid_capstyle="round")
        elif isinstance(part, AbstractTargetsTask):
            for number, target in enumerate(part.targets):
                centre = _outline(axis, target, row)
                if len(part.targets) > 1:
                    axis.annotate(str(number + 1), centre, color=TARGET, ha="center", va="center", fontsize=8, fontweight="bold")
    axis.set_aspect("equal")
    axis.set_xticks([])
    axis.set_yticks([])


def widen(axis: Any, parts: Sequence[AbstractQuantityTask], name: str) -> None:
    """Makes room for where a task leads."""
    for part in parts:
        if isinstance(part, FollowPath) and part.quantity == name:
            points = np.asarray(part.points)
            axis.plot(*(points[0] if points.ndim == 3 else points).T, alpha=0)
        for target in part.targets if isinstance(part, AbstractTargetsTask) else ():
            if target.quantity == name:
                aim = target.aims(Reading(size=2), 1, torch.zeros(1, dtype=torch.float64))[0]
                axis.plot(*aim.numpy(), ".", alpha=0)
    axis.margins(0.25)


def draw_lines(axis: Any, way: np.ndarray, name: str, parts: Sequence[AbstractQuantityTask], row: int) -> None:
    """A quantity over time, and the values that it is to reach."""
    axis.plot(way, lw=1.4)
    for part in parts:
        for target in part.targets if isinstance(part, AbstractTargetsTask) else ():
            if isinstance(target, ReachValue) and target.quantity == name:
                for value in np.atleast_1d(_value(target, row)):
                    axis.axhspan(value - target.within, value + target.within, color=TARGET, alpha=0.2)
    axis.set_xlabel("step", fontsize=8)
    axis.set_ylabel(name, fontsize=8)
    axis.spines[["top", "right"]].set_visible(False)


def quantity_parts(task: AbstractTask) -> list[AbstractQuantityTask]:
    """The parts of a task that speak of quantities. Raises ConfigError if there are none to draw."""
    parts = [part for part in (task.tasks if isinstance(task, Together) else (task,)) if isinstance(part, AbstractQuantityTask)]
    if not parts:
        raise ConfigError("A task that speaks of no quantity cannot be drawn.", expected="a task such as ReachValue")
    return parts


def save(figure: Any, file: Path) -> None:
    """Writes a figure. Raises ConfigError for a kind of file that matplotlib does not draw."""
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        figure.savefig(file, dpi=120)
    except ValueError as error:
        raise ConfigError(f"{file} cannot be drawn: {error}.", fix="choose a name that ends in .png, .svg or .pdf") from error


def _outline(axis: Any, target: Any, row: int) -> tuple[float, float]:
    """Draws a target; answers where its middle is."""
    from matplotlib.patches import Circle

    if isinstance(target, ReachValue):
        x, y = _value(target, row)
        axis.add_patch(Circle((x, y), target.within, color=TARGET, alpha=0.35, lw=0))
        return float(x), float(y)
    assert isinstance(target, ReachRegion)
    left, right = sorted(axis.get_xlim())
    low, high = sorted(axis.get_ylim())
    columns, rows = np.meshgrid(np.linspace(left, right, 200), np.linspace(low, high, 200))
    points = torch.from_numpy(np.stack([columns, rows], axis=-1))
    distance = target.region.distance(points).numpy()
    axis.contourf(columns, rows, distance <= 0, levels=[0.5, 1.5], colors=[TARGET], alpha=0.35)
    deepest = np.unravel_index(distance.argmin(), distance.shape)
    return float(columns[deepest]), float(rows[deepest])


def _value(target: ReachValue, row: int) -> np.ndarray:
    values = np.asarray(target.value)
    return values[row] if values.ndim == 2 else values


def figure_kind() -> Any:
    """Matplotlib's figure. Raises MissingExtraError if it is not installed."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError.of("matplotlib", extra="report", purpose="The picture of a task") from error
    return Figure
