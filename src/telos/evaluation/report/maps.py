"""Maps of the arena: paths, energies, and scattered points. All from above, x to the right and y downwards."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from telos.core.world import AbstractWorld, WorldState
from telos.envs.gym import render_state
from telos.evaluation.report import colours
from telos.evaluation.report.landscape import Landscape
from telos.evaluation.report.pictures import RGB, as_rgb, data_uri, fit, png

MAP_SIZE = 160
ENERGY_SIZE = 480


def path_map(world: AbstractWorld, start: WorldState, path: Float[np.ndarray, "time 2"], goal: Float[np.ndarray, "2"], *, reached: bool) -> str:
    """The world as it was at the start, the way that was taken, and a ring around the goal."""
    return _map(drawn(world, start, MAP_SIZE), path, goal, width=1.8, colour="#1c6bb0" if reached else "#bd3535")


def energy_map(world: AbstractWorld, landscape: Landscape, path: Float[np.ndarray, "time 2"]) -> str:
    """The energy of every free place, over the world; the way that the agent took, and a ring around the goal."""
    picture = drawn(world, landscape.goal, ENERGY_SIZE)
    free = np.isfinite(landscape.energies)
    highest = float(np.nanmax(landscape.energies))
    shades = colours.ramp(np.nan_to_num(landscape.energies) / max(highest, 1e-9))
    mask = fit(free[..., None].astype(np.uint8), ENERGY_SIZE, ENERGY_SIZE).astype(bool)
    shown = _map(np.where(mask, fit(shades, ENERGY_SIZE, ENERGY_SIZE), picture), path, landscape.goal["position"][0], width=0.9, colour="#2f7fd6")
    scale = f'<div class="scale" style="background: {colours.ramp_css()}"></div>'
    return f'{shown}{scale}<div class="ends"><span>energy 0: looks like the goal</span><span>{highest:.1f}: looks least like it</span></div>'


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
    x, y = (f"{100 * value:.1f}" for value in goal)
    return (
        f'<svg class="map" viewBox="0 0 100 100"><image href="{data_uri(png(picture), "image/png")}" width="100" height="100"/>'
        f'<polyline class="under" stroke-width="{2.2 * width}" points="{points}"/>'
        f'<polyline class="path" stroke="{colour}" stroke-width="{width}" points="{points}"/>'
        f'<circle cx="{x}" cy="{y}" r="6" fill="none" stroke="#fff" stroke-opacity=".85" stroke-width="{1.8 * width}"/>'
        f'<circle cx="{x}" cy="{y}" r="6" fill="none" stroke="#24804e" stroke-width="{0.9 * width:.2f}"/></svg>'
    )
