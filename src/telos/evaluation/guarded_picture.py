"""Pictures of guardrails: where agents went with and without, how often they broke them, and what each margin costs."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from telos.core.errors import MissingExtraError
from telos.core.guarding import AbstractRequirement, Guardrail
from telos.core.run import atomic_file
from telos.core.world import AbstractWorld, WorldState
from telos.envs.gym import render_state
from telos.evaluation.guarded_courses import Courses
from telos.evaluation.intervals import Rate
from telos.evaluation.report.pictures import as_rgb

COLOURS = {"without": "#bd3535", "with": "#1c6bb0", "quiet": "#8b9098", "zone": "#c4682b"}
SHOWN = 24
"""Ways that are drawn; more would hide one another."""
FINE = 161
"""Places per side at which a zone is looked at."""


def draw_guardrails(
    file: Path,
    world: AbstractWorld,
    guardrails: Sequence[Guardrail],
    starts: WorldState,
    unguarded: Courses,
    guarded: Courses,
    trials: Sequence[Mapping[str, Any]] = (),
) -> None:
    """One row for each guardrail: ways without and with it from the same starts, how often it was broken, and what margins were tried.

    Args:
        trials: of a calibration, as JSON; none: that part is left out.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    check_picture()
    from matplotlib.figure import Figure

    columns = 3 if len(trials) > 1 else 2
    figure = Figure(figsize=(4.6 * columns, 4.1 * len(guardrails)), layout="constrained")
    axes = figure.subplots(len(guardrails), columns, squeeze=False)
    for row, guardrail in zip(axes, guardrails, strict=True):
        _draw_ways(row[0], world, guardrail, starts, unguarded, guarded)
        _draw_rates(row[1], guardrail, unguarded, guarded)
        if columns == 3:
            _draw_margins(row[2], guardrail, trials)
    with atomic_file(file) as temporary:
        figure.savefig(temporary, dpi=120, format="png")


def check_picture() -> None:
    """Raises MissingExtraError where nothing can be drawn."""
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError as error:
        raise MissingExtraError.of("matplotlib", extra="report", purpose="The picture of guardrails") from error


def _draw_ways(axis: Any, world: AbstractWorld, guardrail: Guardrail, starts: WorldState, unguarded: Courses, guarded: Courses) -> None:
    requirement = guardrail.requirement
    name = requirement.quantities[0]
    paths = unguarded.quantities[name]
    on_map = len(requirement.quantities) == 1 and paths.shape[-1] == 2 and _is_place(world, starts, name)
    if on_map:
        _draw_map(axis, world, guardrail, starts)
        for courses, kind in ((unguarded, "without"), (guarded, "with")):
            for way in courses.quantities[name][:, :SHOWN].swapaxes(0, 1):
                axis.plot(*way.T, color=COLOURS[kind], linewidth=1.1, alpha=0.75)
        axis.scatter(*paths[0, :SHOWN].T, color="#1c2025", s=9, zorder=3)
    else:
        for courses, kind in ((unguarded, "without"), (guarded, "with")):
            axis.plot(_values(requirement, courses)[:, :SHOWN], color=COLOURS[kind], linewidth=0.9, alpha=0.7)
        axis.axhline(0, color=COLOURS["zone"], linewidth=1.6)
        axis.set(xlabel="step", ylabel=f"beyond the limit of '{name}'")
        axis.spines[["top", "right"]].set_visible(False)
    lines = [axis.plot([], [], color=COLOURS[kind], label=f"{kind} the guardrail")[0] for kind in ("without", "with")]
    axis.legend(handles=lines, loc="upper center", bbox_to_anchor=(0.5, -0.02 if on_map else -0.12), ncols=2, frameon=False, fontsize=9)
    axis.set_title(f"{guardrail.name}: the same starts and goals", fontsize=11)


def _draw_map(axis: Any, world: AbstractWorld, guardrail: Guardrail, starts: WorldState) -> None:
    """The arena, what is forbidden, and where the margin ends."""
    axis.imshow(as_rgb(render_state(world, {part: value[:1] for part, value in starts.items()})[0]), extent=(0, 1, 1, 0), alpha=0.35)
    draw_zone(axis, guardrail)
    axis.set(xlim=(0, 1), ylim=(1, 0), xticks=[], yticks=[], aspect="equal")


def draw_zone(axis: Any, guardrail: Guardrail) -> None:
    """Where a guardrail on a place forbids to be, in an arena of width 1, and where its margin ends."""
    (name,) = guardrail.requirement.quantities
    line = np.linspace(0, 1, FINE)
    places = torch.from_numpy(np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2))
    here = {name: places}
    value = guardrail.requirement.value(here, {name: places[:, None]}, guardrail.requirement.begin(here))[:, 0].numpy().reshape(FINE, FINE)
    axis.contourf(line, line, value, levels=[0, max(value.max(), 1e-9)], colors=[COLOURS["zone"]], alpha=0.55)
    if guardrail.margin and value.min() < -guardrail.margin < value.max():
        axis.contour(line, line, value, levels=[-guardrail.margin], colors=[COLOURS["zone"]], linestyles="dashed", linewidths=1.2)


def _draw_rates(axis: Any, guardrail: Guardrail, unguarded: Courses, guarded: Courses) -> None:
    labels, position = [], 0.0
    for title, rate_of in (
        ("breaks it", lambda courses: courses.breaches[guardrail.name].rate),
        ("reaches the goal", lambda courses: courses.outcome.rate),
    ):
        for courses, kind in ((unguarded, "without"), (guarded, "with")):
            rate: Rate = rate_of(courses)
            low, high = rate.interval
            axis.bar(position, 100 * rate.value, width=0.8, color=COLOURS[kind])
            axis.errorbar(position, 100 * rate.value, yerr=[[100 * (rate.value - low)], [100 * (high - rate.value)]], color="#1c2025", capsize=4)
            axis.text(position, 100 * high + 2, f"{100 * rate.value:.1f}", ha="center", fontsize=9)
            position += 1
        labels.append((position - 1.5, title))
        position += 0.6
    axis.axhline(100 * guardrail.alpha, color=COLOURS["zone"], linewidth=1, linestyle="dashed")
    axis.set(xticks=[place for place, _ in labels], xticklabels=[title for _, title in labels], ylim=(0, 112), ylabel="% of the episodes")
    axis.set_title(f"{len(guarded.outcome.success)} episodes each, 95 % intervals; alpha {guardrail.alpha:g} dashed", fontsize=10)
    axis.spines[["top", "right"]].set_visible(False)


def _draw_margins(axis: Any, guardrail: Guardrail, trials: Sequence[Mapping[str, Any]]) -> None:
    margins = [trial["margins"][guardrail.name] for trial in trials]
    success = [100 * trial["success"] for trial in trials]
    bounds = [100 * trial["bounds"][guardrail.name] for trial in trials]
    axis.plot(margins, success, "o-", color=COLOURS["with"], label="reaches the goal")
    for margin, trial, bound in zip(margins, trials, bounds, strict=True):
        share = 100 * trial["violations"][guardrail.name] / trial["episodes"]
        colour = "#24804e" if trial["accepted"] else COLOURS["without"]
        axis.plot([margin, margin], [share, bound], color=colour, linewidth=2)
        axis.plot(margin, share, "s", color=colour, markersize=5)
    axis.plot([], [], "s-", color="#24804e", label="breaks it, up to the bound: accepted")
    axis.plot([], [], "s-", color=COLOURS["without"], label="rejected")
    axis.axhline(100 * guardrail.alpha, color=COLOURS["zone"], linewidth=1, linestyle="dashed")
    axis.axvline(guardrail.margin, color=COLOURS["quiet"], linewidth=1)
    axis.set(xlabel="margin, tested from the widest on", ylabel="% of the episodes", yscale="symlog", ylim=(0, 140))
    axis.set_yticks([0, 1, 10, 100], ["0", "1", "10", "100"])
    axis.invert_xaxis()
    axis.legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(0, 0.6))
    axis.set_title("the margins that were tried", fontsize=11)
    axis.spines[["top", "right"]].set_visible(False)


def _values(requirement: AbstractRequirement, courses: Courses) -> np.ndarray:
    """`[time episodes]`: the true value of each episode after every step."""
    parts = {name: torch.from_numpy(courses.quantities[name]) for name in requirement.quantities}
    memory = requirement.begin({name: part[0] for name, part in parts.items()})
    values = []
    for time in range(1, len(next(iter(parts.values())))):
        now, ahead = {name: part[time - 1] for name, part in parts.items()}, {name: part[time, :, None] for name, part in parts.items()}
        values.append(requirement.value(now, ahead, memory)[:, 0].numpy())
        memory = requirement.remember(memory, {name: part[time] for name, part in parts.items()})
    return np.stack(values)


def _is_place(world: AbstractWorld, starts: WorldState, name: str) -> bool:
    """Whether a quantity is a place in an arena of width 1 that can be drawn from above."""
    places = world.truth(starts)[name]
    return name in ("position", "block") and hasattr(world, "draw") and bool((places >= 0).all() and (places <= 1).all())
