"""Four rooms in a picture: what the agent sees, and the ways round a shut door.

Run: python -m benchmarks.far_worlds.picture docs/images/four-rooms.png
"""

import sys
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from telos.core.drawings import save_figure
from telos.core.world import WorldState
from telos.envs import FourRooms
from telos.evaluation.protocols import select_rows

SHUT = (0, 3, 4)
"""Doors that are shut in the three pictures: none, the left one, the right one."""
SIZE = 480


def scene(world: FourRooms) -> tuple[WorldState, WorldState]:
    """One start and goal under three doors, with the same others."""
    starts, goals = world.sample_pairs(np.random.default_rng(8), 1, "two-doors")
    starts, goals = ({name: np.repeat(part, len(SHUT), axis=0) for name, part in state.items()} for state in (starts, goals))
    for state, place in ((starts, (0.12, 0.16)), (goals, (0.86, 0.88))):
        state["position"][:], state["shut"][:] = place, SHUT
        state["present"][:] = True
    return starts, goals


def way(world: FourRooms, starts: WorldState, goals: WorldState) -> np.ndarray:
    """`[steps batch 2]`: where the scripted expert goes."""
    states, places = starts, [starts["position"]]
    for _ in range(world.farthest):
        states = world.advance(states, world.expert(states, goals))
        places.append(states["position"])
    return np.stack(places)


def draw(file: Path) -> None:
    """What the agent sees on the left, in its own 32 pixels, and the ways on the right."""
    world = FourRooms()
    starts, goals = scene(world)
    places = way(world, starts, goals)
    figure = Figure(figsize=(11, 3.1), layout="constrained")
    axes = figure.subplots(1, 1 + len(SHUT))
    axes[0].imshow(world.observe(select_rows(starts, slice(0, 1)))[0])
    axes[0].set_title("what the agent sees", fontsize=10)
    titles = ("every door open", "a door shut: the other way round", "another door shut: the usual way")
    for index, (axis, title) in enumerate(zip(axes[1:], titles, strict=True)):
        axis.imshow(world.draw(select_rows(starts, slice(index, index + 1)), SIZE)[0])
        axis.plot(*(places[:, index] * SIZE).T, color="#de3c32", linewidth=1.5)
        axis.scatter(*(goals["position"][index] * SIZE), s=90, facecolors="none", edgecolors="#de3c32", linewidths=1.8)
        axis.set_title(title, fontsize=10)
    for axis in axes:
        axis.set_axis_off()
    save_figure(figure, file, dpi=110)


if __name__ == "__main__":
    draw(Path(sys.argv[1]))
