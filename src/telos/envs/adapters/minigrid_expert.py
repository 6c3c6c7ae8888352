"""The scripted expert of MiniGrid: the shortest way to the goal tile; through doors, once it has the key."""

from collections import deque
from functools import lru_cache

import numpy as np

from telos.core.world import WorldState

LEFT, RIGHT, FORWARD, PICK_UP, TOGGLE, DONE = 0, 1, 2, 3, 5, 6
"""MiniGrid's numbers of actions; 4 drops."""
EMPTY, FLOOR, DOOR, KEY, GOAL = 1, 3, 4, 5, 8
"""Its numbers of things."""
OPEN, LOCKED = 0, 2
AHEAD = ((1, 0), (0, 1), (-1, 0), (0, -1))
"""Column and row of the tile in front, for each direction."""


def next_action(state: WorldState) -> int:
    """What to do in a state of one row; done where the goal is reached, or cannot be."""
    grid, (x, y), direction = state["grid"], state["agent_pos"].tolist(), int(state["agent_dir"])
    for target, act in _targets(state):
        if target == (x, y):
            return DONE
        steps = _steps(_free(grid).tobytes(), grid.shape[0], target)
        if not np.isfinite(steps[x, y, direction]):
            continue
        ahead = (x + AHEAD[direction][0], y + AHEAD[direction][1])
        if ahead == target:
            return act
        left, right = steps[x, y, (direction - 1) % 4], steps[x, y, (direction + 1) % 4]
        forward = steps[(*ahead, direction)] if _free(grid)[ahead] else np.inf
        return (LEFT, RIGHT, FORWARD)[int(np.argmin([left, right, forward]))]
    return DONE


def _targets(state: WorldState) -> list[tuple[tuple[int, int], int]]:
    """Where to go and what to do in front of it: the goal if it can be reached, else a door that can be opened, else a key."""
    grid, carries = state["grid"], tuple(state["carrying"].tolist())
    kind, colour, mode = (grid[..., part] for part in range(3))
    opens = (kind == DOOR) & (mode != OPEN) & ((mode != LOCKED) | ((carries[0] == KEY) & (colour == carries[1])))
    wanted = ((kind == GOAL, FORWARD), (opens, TOGGLE), ((kind == KEY) & (carries[0] == 0), PICK_UP))
    return [((int(x), int(y)), act) for places, act in wanted for x, y in np.argwhere(places)]


def _free(grid: np.ndarray) -> np.ndarray:
    """`[columns rows]`: tiles that can be walked on without an end."""
    kind, mode = grid[..., 0], grid[..., 2]
    return (kind == EMPTY) | (kind == FLOOR) | ((kind == DOOR) & (mode == OPEN))


@lru_cache(maxsize=4096)
def _steps(free: bytes, columns: int, target: tuple[int, int]) -> np.ndarray:
    """`[columns rows 4]`: actions from each tile and direction until one walks onto the target; infinite where there is no way."""
    open_tiles = np.frombuffer(free, bool).reshape(columns, -1)
    steps = np.full((*open_tiles.shape, 4), np.inf)
    waiting: deque[tuple[int, int, int]] = deque()
    for direction, (right, down) in enumerate(AHEAD):
        place = target[0] - right, target[1] - down
        if open_tiles[place]:
            steps[(*place, direction)] = 1
            waiting.append((*place, direction))
    while waiting:
        x, y, direction = waiting.popleft()
        behind = x - AHEAD[direction][0], y - AHEAD[direction][1]
        for place in ((x, y, (direction + 1) % 4), (x, y, (direction - 1) % 4), (*behind, direction)):
            if open_tiles[place[:2]] and not np.isfinite(steps[place]):
                steps[place] = steps[x, y, direction] + 1
                waiting.append(place)
    return steps
