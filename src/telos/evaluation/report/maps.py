"""Maps of the arena: paths, energies, and scattered points. All from above, x to the right and y downwards."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from telos.agent.aims import LOWEST
from telos.core.world import AbstractWorld, WorldState
from telos.envs.gym import render_state
from telos.evaluation.report import colours
from telos.evaluation.report.landscape import Landscape
from telos.evaluation.report.pictures import RGB, as_rgb, data_uri, fit, png
from telos.evaluation.report.storeys import Storey
from telos.evaluation.report.tree import colour_of

MAP_SIZE = 160
ENERGY_SIZE = 480
LIKE = ("energy 0: looks like the goal", "{:.1f}: looks least like it")


def path_map(world: AbstractWorld, start: WorldState, path: Float[np.ndarray, "time 2"], goal: Float[np.ndarray, "2"], *, reached: bool) -> str:
    """The world as it was at the start, the way that was taken, and a ring around the goal."""
    return _map(drawn(world, start, MAP_SIZE), path, goal, width=1.8, colour="#1c6bb0" if reached else "#bd3535")


def plan_map(world: AbstractWorld, now: WorldState, storeys: Sequence[Storey], goal: Float[np.ndarray, "2"]) -> str:
    """The world as it is now, the states that each level expects to come through, numbered above the lowest level, and a ring around the goal.

    Args:
        storeys: the highest first.
    """
    parts = [f'<image href="{data_uri(png(drawn(world, now, ENERGY_SIZE)), "image/png")}" width="100" height="100"/>']
    for storey in reversed(storeys):
        if storey.places is not None and storey.helps:
            parts.append(_stations(storey, 100 * now["position"][0]))
    return f'<svg class="map" viewBox="0 0 100 100">{"".join(parts)}{_ring(goal, 1.1)}</svg>'


def _stations(storey: Storey, start: np.ndarray) -> str:
    """A level's states on the way: dots for actions, numbers for subgoals, a ring around the one that is gone for."""
    assert storey.places is not None
    colour, places = f"var(--{colour_of(storey.level)})", 100 * storey.places
    if storey.level == LOWEST:
        way = " ".join(f"{x:.1f},{y:.1f}" for x, y in (start, *places))
        line = f'<polyline class="path" style="stroke:{colour}" stroke-width="1.3" points="{way}"/>'
        return f'<polyline class="under" stroke-width="2.6" points="{way}"/>{line}'
    marks = []
    for number, (x, y) in enumerate(places):
        chosen = number == storey.chosen
        ring = f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4.1" fill="none" style="stroke:{colour}" stroke-width=".9"/>' if chosen else ""
        marks.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.7" style="fill:{colour}" stroke="#fff" stroke-width=".4"/>{ring}'
            f'<text x="{x:.1f}" y="{y + 1.2:.1f}" text-anchor="middle">{number + 1}</text>'
        )
    return "".join(marks)


def energy_map(world: AbstractWorld, landscape: Landscape, path: Float[np.ndarray, "time 2"], ends: tuple[str, str] = LIKE) -> str:
    """The energy of every free place, over the world; the way that the agent took, and a ring around the goal.

    Args:
        ends: what the bright and the dark end of the scale say; a number goes into the second.
    """
    picture = drawn(world, landscape.goal, ENERGY_SIZE)
    free = np.isfinite(landscape.energies)
    highest = float(landscape.energies[free].max())
    shades = colours.ramp(np.where(free, landscape.energies, 0) / max(highest, 1e-9))
    mask = fit(free[..., None].astype(np.uint8), ENERGY_SIZE, ENERGY_SIZE).astype(bool)
    shown = _map(np.where(mask, fit(shades, ENERGY_SIZE, ENERGY_SIZE), picture), path, landscape.goal["position"][0], width=0.9, colour="#2f7fd6")
    near, far = ends
    return f"{shown}{scale(near, far.format(highest))}"


def scale(near: str, far: str) -> str:
    """What the bright and the dark end of the ramp of colours say."""
    bar = f'<div class="scale" style="background: {colours.ramp_css()}"></div>'
    return f'{bar}<div class="ends"><span>{near}</span><span>{far}</span></div>'


def scatter(places: Float[np.ndarray, "points 2"], shades: Sequence[str], label: str) -> str:
    """Points in a square, with one unit as long in both directions."""
    low, high = places.min(axis=0), places.max(axis=0)
    points = 150 + (places - (low + high) / 2) / max((high - low).max(), 1e-9) * 280
    dots = "".join(f'<circle cx="{x:.0f}" cy="{y:.0f}" r="2.4" fill="{shade}"/>' for (x, y), shade in zip(points, shades, strict=True))
    return f'<svg class="scatter" viewBox="0 0 300 300" role="img" aria-label="{label}">{dots}</svg>'


def drawn(world: AbstractWorld, state: WorldState, size: int) -> RGB:
    """A state `[1 ...]` as a square picture."""
    return fit(as_rgb(render_state(world, state)[0]), size, size)


def _map(picture: RGB, path: np.ndarray, goal: np.ndarray, *, width: float, colour: str) -> str:
    points = " ".join(f"{100 * x:.1f},{100 * y:.1f}" for x, y in path)
    return (
        f'<svg class="map" viewBox="0 0 100 100"><image href="{data_uri(png(picture), "image/png")}" width="100" height="100"/>'
        f'<polyline class="under" stroke-width="{2.2 * width}" points="{points}"/>'
        f'<polyline class="path" stroke="{colour}" stroke-width="{width}" points="{points}"/>{_ring(goal, width)}</svg>'
    )


def _ring(goal: np.ndarray, width: float) -> str:
    x, y = (f"{100 * value:.1f}" for value in goal)
    return (
        f'<circle cx="{x}" cy="{y}" r="6" fill="none" stroke="#fff" stroke-opacity=".85" stroke-width="{1.8 * width}"/>'
        f'<circle cx="{x}" cy="{y}" r="6" fill="none" stroke="#24804e" stroke-width="{0.9 * width:.2f}"/>'
    )
