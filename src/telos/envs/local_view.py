"""A maze of which only the surroundings are seen."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt8

from telos.core.errors import ConfigError
from telos.core.spaces import PixelSpace, Spaces
from telos.core.world import WorldState
from telos.envs.fields import check_count
from telos.envs.maze import Maze
from telos.envs.wrapped import WrappedWorld


@dataclass(frozen=True, kw_only=True)
class LocalView(WrappedWorld):
    """A maze seen through a window of a few cells around the cell that the disc is in; beyond the border all is wall.

    Use to see whether an agent knows where it is when places look alike. A picture of the goal does not say where it is either, so give
    goals as values: `ReachValue("position", ...)`.

    State: that of the maze.
    """

    world: Maze = Maze()  # type: ignore[assignment]
    """What is seen."""
    view: int = 5
    """Cells per side of the window, an odd number."""
    cell_size: int = 6
    """Pixels per side of a cell."""

    def __post_init__(self) -> None:
        if not isinstance(self.world, Maze):
            raise ConfigError(f"A local view of {type(self.world).__name__} is not known.", expected="a maze, whose picture is made of cells")
        check_count(self, "view", 3, 25)
        if self.view % 2 == 0:
            raise ConfigError(f"A local view cannot have view={self.view}.", expected="an odd number", fix=f"view={self.view + 1}")
        check_count(self, "cell_size", 2, 64)
        if self.action_repeat != 1:
            raise ConfigError("A local view repeats no actions; the maze in it does.", fix="give action_repeat to the maze")

    @property
    def spaces(self) -> Spaces:
        return Spaces(PixelSpace(self.view * self.cell_size, self.view * self.cell_size), self.world.spaces.action)

    def observe(self, state: WorldState) -> UInt8[np.ndarray, "batch size size 3"]:
        # Whole cells on whole pixels: no picture is a shifted copy of another one, and walls look the same wherever they stand.
        whole = self.world.draw(state, self.world.side * self.cell_size)
        margin = self.view // 2 * self.cell_size
        around = np.empty((len(whole), *(length + 2 * margin for length in whole.shape[1:3]), 3), np.uint8)
        around[:] = np.array(self.world.wall_colour, np.uint8)
        around[:, margin:-margin, margin:-margin] = whole
        windows = np.lib.stride_tricks.sliding_window_view(around, self.spaces.observation.shape[:2], axis=(1, 2))  # type: ignore[union-attr]
        row, column = (self.world.cell(state) * self.cell_size).T
        return np.ascontiguousarray(np.moveaxis(windows[np.arange(len(whole)), row, column], 1, -1))

    def draw(self, state: WorldState, size: int) -> UInt8[np.ndarray, "batch size size 3"]:
        """The whole maze in any size, for people."""
        return self.world.draw(state, size)
