"""A picture of a store on one page: film strips of some episodes, or curves, with what was done beneath."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from telos.core.errors import DataError, MissingExtraError
from telos.core.logs import AbstractLogs, Trajectory
from telos.core.run import atomic_file
from telos.core.spaces import DiscreteSpace, PixelSpace, TreeSpace

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, QUIET, PALE = "#22262b", "#8a9099", "#e3e6ea"
COLOURS = ("#2563a8", "#d9742b", "#3b8f5c", "#8d4fa8", "#b8323a", "#5f6b78")
"""Of the numbers of an action or a vector, in turn."""
MOST_CURVES = 6
WIDTH = 11.0
"""Inches."""
LEFT, ACROSS = 0.05, 0.91
"""Of the width: where the rows begin, and how far they reach."""


def contact_sheet(logs: AbstractLogs, out: Path | str, *, episodes: int = 6, frames: int = 10) -> Path:
    """Draws some episodes, spread over the logs, as a PNG.

    Each row is an episode: frames evenly from its beginning to its end (curves, for vectors), and its actions beneath.

    Raises:
        MissingExtraError: matplotlib is not installed.
        DataError: the file cannot be written.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError.of("matplotlib", extra="report", purpose="A contact sheet") from error
    out = Path(out)
    chosen = np.unique(np.linspace(0, logs.num_episodes - 1, min(episodes, logs.num_episodes)).round().astype(int))
    picture = _picture_part(logs)
    strip_height = WIDTH * ACROSS / frames * _aspect(logs, picture) if picture is not None else 1.2
    row_height, head, foot = strip_height + 0.98, 0.62, 0.1
    height = head + foot + row_height * len(chosen)
    figure = Figure(figsize=(WIDTH, height), dpi=110, facecolor="white")
    FigureCanvasAgg(figure)
    _title(figure, logs, height)
    for row, index in enumerate(map(int, chosen)):
        _draw_episode(figure, logs, index, picture, frames, top=height - head - row * row_height, strip_height=strip_height)
    try:
        with atomic_file(out) as temporary:
            figure.savefig(temporary, format="png")
    except OSError as error:
        raise DataError(f"The picture {out} cannot be written: {error.strerror or error}.", fix="choose another place") from error
    return out


def _draw_episode(figure: "Figure", logs: AbstractLogs, index: int, picture: str | None, frames: int, *, top: float, strip_height: float) -> None:
    """One row of the page, from `top` (inches above the bottom) down."""
    episode, height = logs.episode(index), figure.get_figheight()
    figure.text(LEFT, (top - 0.08) / height, f"episode {index}   {episode.num_steps:,} steps", fontsize=8, color=INK, va="center")
    share = 1.0 if picture is None else min(frames, episode.num_steps + 1) / frames
    upper = figure.add_axes((LEFT, (top - 0.34 - strip_height) / height, ACROSS * share, strip_height / height))
    lower = figure.add_axes((LEFT, (top - 0.34 - strip_height - 0.4) / height, ACROSS * share, 0.34 / height))
    if picture is None:
        _draw_curves(upper, _vector(episode), step=False)
        upper.set_xticks([])
    else:
        _draw_strip(upper, _frames(episode, picture), frames)
    _draw_actions(lower, logs, episode)
    lower.set_xticks([0, episode.num_steps] if picture is None else [])


def _title(figure: "Figure", logs: AbstractLogs, height: float) -> None:
    environment = getattr(logs, "environment", None)
    name = environment.get("name") if isinstance(environment, Mapping) else None
    figure.text(LEFT, 1 - 0.24 / height, str(name or "Logs"), fontsize=12, color=INK, weight="bold", va="center")
    facts = (
        f"{logs.num_episodes:,} episodes   {logs.num_steps:,} steps   {logs.spaces.observation.describe()}   action: {logs.spaces.action.describe()}"
    )
    figure.text(LEFT, 1 - 0.44 / height, facts, fontsize=8, color=QUIET, va="center")


def _picture_part(logs: AbstractLogs) -> str | None:
    """The part of the observation to show: "" when it is a picture itself, None when there is none."""
    space = logs.spaces.observation
    if isinstance(space, TreeSpace):
        return next((name for name, part in space.spaces.items() if isinstance(part, PixelSpace)), None)
    return "" if isinstance(space, PixelSpace) else None


def _aspect(logs: AbstractLogs, picture: str) -> float:
    space = logs.spaces.observation
    space = space.spaces[picture] if isinstance(space, TreeSpace) else space
    assert isinstance(space, PixelSpace)
    return space.height / space.width


def _frames(episode: Trajectory, picture: str) -> np.ndarray:
    return episode.observations[picture] if picture else episode.observations


def _vector(episode: Trajectory) -> np.ndarray:
    """`[time number]`"""
    observations = episode.observations
    return np.concatenate(list(observations.values()), axis=1) if isinstance(observations, Mapping) else observations


def _draw_strip(axes: "Axes", rows: np.ndarray, num: int) -> None:
    """Frames side by side with a thin gap, each with its time step."""
    times = np.unique(np.linspace(0, len(rows) - 1, num).round().astype(int))
    size = rows.shape[2]
    wide = size + max(1, round(size * 0.04))
    canvas = np.full((rows.shape[1], wide * len(times), 3), 255, dtype=np.uint8)
    for place, time in enumerate(times):
        frame = rows[time] if rows.shape[3] >= 3 else np.repeat(rows[time][..., :1], 3, axis=-1)
        canvas[:, place * wide : place * wide + size] = frame[..., :3]
        axes.text(place * wide / canvas.shape[1], 1.02, str(time), transform=axes.transAxes, fontsize=6, color=QUIET, va="bottom")
    axes.imshow(canvas, interpolation="nearest", aspect="auto")
    axes.set_axis_off()


def _draw_curves(axes: "Axes", rows: np.ndarray, *, step: bool) -> None:
    for number in range(min(rows.shape[1], MOST_CURVES)):
        axes.plot(rows[:, number], color=COLOURS[number % len(COLOURS)], linewidth=0.9, drawstyle="steps-post" if step else "default")
    if rows.shape[1] > MOST_CURVES:
        axes.text(1, 1.02, f"{MOST_CURVES} of {rows.shape[1]} numbers", transform=axes.transAxes, fontsize=6, color=QUIET, ha="right", va="bottom")
    _quiet(axes)


def _draw_actions(axes: "Axes", logs: AbstractLogs, episode: Trajectory) -> None:
    from matplotlib.colors import ListedColormap

    space, actions = logs.spaces.action, episode.actions
    if isinstance(space, DiscreteSpace):
        colours = ListedColormap(COLOURS[: space.num]) if space.num <= len(COLOURS) else "viridis"
        extent = (0, len(actions), 0, 1)
        axes.imshow(actions.T, aspect="auto", cmap=colours, vmin=0, vmax=space.num - 1, interpolation="nearest", extent=extent, alpha=0.85)
        _quiet(axes)
        axes.set_yticks([])
    else:
        _draw_curves(axes, np.concatenate([actions, actions[-1:]]), step=True)
        if space.bounded:
            low, high = float(space.bounds[0].min()), float(space.bounds[1].max())
            axes.set_ylim(low - 0.08 * (high - low), high + 0.08 * (high - low))
            axes.set_yticks([low, high])
    axes.set_xlim(0, len(actions))
    middle = axes.get_position()
    axes.figure.text(LEFT - 0.024, (middle.y0 + middle.y1) / 2, "action", fontsize=6, color=QUIET, ha="right", va="center", rotation=90)


def _quiet(axes: "Axes") -> None:
    """Takes away the box and what else shouts."""
    for side in ("top", "right", "bottom", "left"):
        axes.spines[side].set_visible(side == "bottom")
        axes.spines[side].set_color(PALE)
    axes.tick_params(labelsize=5.5, colors=QUIET, length=0, pad=2)
    axes.margins(x=0)
