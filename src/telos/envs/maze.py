"""Mazes: straight distance misleads, and far goals need long plans."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from jaxtyping import Float, Int, Num, UInt8

from telos.core.errors import ConfigError
from telos.core.spaces import PixelSpace, Spaces, VectorSpace
from telos.core.world import AbstractWorld, WorldState
from telos.envs import canvas
from telos.envs.fields import Colour, check_choice, check_colours, check_count, check_number
from telos.envs.grids import MAP_NAMES, all_distances, distances_from, named_map, random_maze, read_map

TOLERANCE = 1e-5
"""Touching a wall is not being inside it; also forgives states that went through float32. In cells."""
SHARES = {"anywhere": (0.0, 1.0), "near": (0.0, 0.3), "middle": (0.3, 0.6), "far": (0.6, 1.0)}
"""Kinds of pairs: their shortest way, as a share of the longest of the map, lies between these."""
MAX_TRIES = 100


@dataclass(frozen=True, kw_only=True)
class Maze(AbstractWorld):
    """A disc is pushed through corridors.

    Use to see what a planner does when the straight way leads nowhere. Not as a first world; take `TwoRooms`.

    State: `position [batch 2]` (x, y), `grid [batch cells cells]` (rows from top to bottom, True for wall).
    """

    layout: Literal["fixed", "random"] = "fixed"
    """Whether the map stands still for good, or is a new perfect maze in every sampled state."""
    map: str = "zigzag"
    """The fixed map: u-maze, four-rooms, spiral; zigzag, or zigzag-6 for six corridors (any number); random-9-0 for the perfect maze of 9 cells
    a side that seed 0 makes (any side and seed); or rows of '#' for wall and '.' for floor with '/' between them."""
    start: tuple[int, int] | None = None
    """Row and column of the cell, counted from 0 at the upper left, in which every episode begins; None: anywhere. Of fixed maps only. It
    is for logs that have to find their way; the pairs of an evaluation lie everywhere."""
    cells: int = 9
    """Cells per side of random maps, an odd number."""
    size: int = 32
    """Height and width of the picture, in pixels."""
    agent_radius: float = 0.35
    """Radius of the disc, as a share of a cell."""
    max_step: float = 0.5
    """Farthest displacement per axis and repeat of an action, as a share of a cell."""
    min_distance: float = 0.08
    """Least straight distance between a start and its goal, as a share of the arena's width."""
    floor_colour: Colour = (244, 241, 234)
    """Colour of the floor."""
    wall_colour: Colour = (46, 58, 78)
    """Colour of the walls."""
    agent_colour: Colour = (222, 60, 50)
    """Colour of the disc."""

    pair_kinds: ClassVar[tuple[str, ...]] = tuple(SHARES)

    def __post_init__(self) -> None:
        check_choice(self, "layout", ("fixed", "random"))
        check_count(self, "action_repeat", 1)
        check_count(self, "cells", 5, 99)
        if self.cells % 2 == 0:
            raise ConfigError(f"A random maze cannot have cells={self.cells}.", expected="an odd number", fix=f"cells={self.cells + 1}")
        check_count(self, "size", 8, 1024)
        check_number(self, "agent_radius", 0.05, 0.45)
        check_number(self, "max_step", 0.01, 1)
        check_number(self, "min_distance", 0.01, 0.5)
        check_colours(self, "floor_colour", "wall_colour", "agent_colour")
        # Kept beside the fields: reading the map for every step would be slow.
        object.__setattr__(self, "_grid", self._read_map())
        if self.start is not None:
            self._check_start(self.start)

    @property
    def side(self) -> int:
        """Cells per side of the arena."""
        return self.cells if self.layout == "random" else self._fixed_grid.shape[0]

    @property
    def spaces(self) -> Spaces:
        bound = self.max_step / self.side
        return Spaces(PixelSpace(self.size, self.size), VectorSpace(2, (-bound, -bound), (bound, bound)))

    def sample(self, rng: np.random.Generator, num: int) -> WorldState:
        grid = self._sample_grids(rng, num)
        cells = np.empty((num, 2), np.int64)
        for i, one in enumerate(grid):
            floor = np.argwhere(~one) if self.start is None else np.array([self.start])
            cells[i] = floor[rng.integers(len(floor))]
        return {"position": self._within(rng, cells), "grid": grid}

    def sample_pairs(self, rng: np.random.Generator, num: int, kind: str) -> tuple[WorldState, WorldState]:
        self.check_pair_kind(kind)
        grid = self._sample_grids(rng, num)
        starts, goals = np.empty((num, 2)), np.empty((num, 2))
        todo = np.arange(num)
        for _ in range(MAX_TRIES):
            ends = np.stack([self._sample_ends(rng, grid[i], kind) for i in todo])
            starts[todo], goals[todo] = self._within(rng, ends[:, 0]), self._within(rng, ends[:, 1])
            todo = todo[_length(starts[todo] - goals[todo]) < self.min_distance]
            if not len(todo):
                return {"position": starts, "grid": grid}, {"position": goals, "grid": grid.copy()}
        raise ConfigError(f"Pairs of the kind '{kind}' at least {self.min_distance:g} apart are hard to find in this map.", fix="lower min_distance")

    def advance(self, state: WorldState, actions: Num[np.ndarray, "batch 2"]) -> WorldState:
        bound = self.max_step / self.side
        step = np.clip(np.asarray(actions, np.float64), -bound, bound)
        x, y = np.asarray(state["position"], np.float64).T
        walls, across = state["grid"], np.swapaxes(state["grid"], 1, 2)
        for _ in range(self.action_repeat):
            x = self._slide(x, step[:, 0], y, walls)
            y = self._slide(y, step[:, 1], x, across)
        return {"position": np.stack([x, y], axis=1), "grid": walls.copy()}

    def observe(self, state: WorldState) -> UInt8[np.ndarray, "batch size size 3"]:
        return self.draw(state, self.size)

    def draw(self, state: WorldState, size: int) -> UInt8[np.ndarray, "batch size size 3"]:
        """The picture in any size."""
        walls = canvas.cells(state["grid"], size)
        agent = canvas.discs(state["position"], self.agent_radius / self.side, size)
        return canvas.paint(self.floor_colour, (walls, self.wall_colour), (agent, self.agent_colour))

    def expert(self, state: WorldState, goal: WorldState) -> Float[np.ndarray, "batch 2"]:
        here, there = self.cell(state), self.cell(goal)
        steps = distances_from(state["grid"], there)
        rows = np.arange(len(here))
        ways = here[:, None] + np.array([[0, 0], [0, 1], [0, -1], [1, 0], [-1, 0]])
        ways = np.clip(ways, 0, self.side - 1)
        best = ways[rows, np.argmin(steps[rows[:, None], ways[..., 0], ways[..., 1]], axis=1)]
        middle = (best[:, ::-1] + 0.5) / self.side
        target = np.where((here == there).all(1, keepdims=True), goal["position"], middle)
        bound = self.max_step / self.side
        return np.clip((target - state["position"]) / self.action_repeat, -bound, bound)

    def distance(self, state: WorldState, goal: WorldState) -> Float[np.ndarray, " batch"]:
        return _length(state["position"] - goal["position"])

    def path_length(self, state: WorldState, goal: WorldState) -> Float[np.ndarray, " batch"]:
        """The shortest way through the maze, from cell to cell, as a share of the arena's width."""
        here, there = self.cell(state), self.cell(goal)
        return distances_from(state["grid"], there)[np.arange(len(here)), here[:, 0], here[:, 1]] / self.side

    @property
    def _fixed_grid(self) -> np.ndarray:
        return self._grid  # type: ignore[attr-defined]

    def _read_map(self) -> np.ndarray:
        text = self.map if isinstance(self.map, str) else str(self.map)
        if {"\n", "/"} & set(text):
            return read_map(text)
        grid = named_map(text)
        if grid is None:
            raise ConfigError(
                f"There is no map '{text}'.",
                expected="one of " + ", ".join(MAP_NAMES) + "; or the rows of a map with '/' between them, such as #####/#...#/#####",
            )
        return grid

    def _check_start(self, start: tuple[int, int]) -> None:
        if self.layout != "fixed":
            raise ConfigError("Random maps have no cell that is floor in all of them.", fix="leave start out, or layout=fixed with a map of its own")
        if not all(type(part) is int and 0 <= part < self.side for part in start) or self._fixed_grid[start]:
            floor = ", ".join(f"{row},{column}" for row, column in np.argwhere(~self._fixed_grid)[:3])
            raise ConfigError(f"Episodes cannot begin in the cell {start} of this map.", expected=f"the row and column of floor, such as {floor}")

    def cell(self, state: WorldState) -> Int[np.ndarray, "batch 2"]:
        """Row and column."""
        return np.clip(np.floor(state["position"][:, ::-1] * self.side).astype(np.int64), 0, self.side - 1)

    def _slide(self, x: np.ndarray, step: np.ndarray, y: np.ndarray, grid: np.ndarray) -> np.ndarray:
        """x after a step along it at height `y`, stopped by the first wall. A step is no longer than a cell, so none is skipped."""
        ahead = np.sign(step)
        new_x = x + step
        reach = self.agent_radius - TOLERANCE
        column = np.clip(np.floor(new_x * self.side + ahead * reach).astype(np.int64), 0, self.side - 1)
        rows = np.arange(len(x))
        upper, lower = (np.clip(np.floor(y * self.side + edge).astype(np.int64), 0, self.side - 1) for edge in (-reach, reach))
        blocked = grid[rows, upper, column] | grid[rows, lower, column]
        touching = (column + np.where(ahead > 0, -self.agent_radius, 1 + self.agent_radius)) / self.side
        stopped = np.where(ahead > 0, np.minimum(new_x, touching), np.maximum(new_x, touching))
        return np.where(blocked & (ahead != 0), stopped, new_x)

    def _sample_grids(self, rng: np.random.Generator, num: int) -> np.ndarray:
        if self.layout == "fixed":
            return np.repeat(self._fixed_grid[None], num, axis=0)
        return np.stack([random_maze(rng, self.cells) for _ in range(num)])

    def _sample_ends(self, rng: np.random.Generator, grid: np.ndarray, kind: str) -> Int[np.ndarray, "2 2"]:
        """Cells of start and goal, any two of the kind equally likely."""
        floor, steps = all_distances(grid)
        low, high = SHARES[kind]
        share = steps / steps.max()
        least = (share > low) if kind == "far" else (share >= low)
        most = (share <= high) if kind in ("middle", "anywhere", "far") else (share < high)
        fitting = np.argwhere(least & most & (steps > 0))
        if not len(fitting):
            raise ConfigError(f"This map has no start and goal of the kind '{kind}'.", expected="a larger map, or another kind")
        return floor[fitting[rng.integers(len(fitting))]]

    def _within(self, rng: np.random.Generator, cells: np.ndarray) -> Float[np.ndarray, "batch 2"]:
        """Random positions in cells, clear of every wall."""
        slack = 0.5 - self.agent_radius
        return (cells[:, ::-1] + 0.5 + rng.uniform(-slack, slack, (len(cells), 2))) / self.side


def _length(vector: np.ndarray) -> np.ndarray:
    return np.sqrt(np.square(vector[:, 0]) + np.square(vector[:, 1]))
