"""What somebody could reach who only repeats moves that the logs show, and knows where everything is: the ceiling of what can be stitched."""

import numpy as np

from telos.core.world import WorldState
from telos.data import AbstractEpisodes

CELL = 0.05
"""Width of the cells that positions are told apart by, in arena widths; the middle of the arena lies between two of them."""


def reachable_share(logs: AbstractEpisodes, starts: WorldState, goals: WorldState) -> float:
    """Share of the pairs with a way of logged moves from the start's cell to the goal's.

    Only as honest as cells are small against walls: a cell that reaches through a wall would join both sides.
    """
    reached = _ways(logs)
    here, there = _cells(starts["position"]), _cells(goals["position"])
    return float(reached[here, there].mean())


def _ways(logs: AbstractEpisodes) -> np.ndarray:
    """`[cells cells]`: whether logged moves lead from one to the other, whatever episodes they are from."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import shortest_path

    paths = [_cells(logs.info("position", episode)) for episode in range(logs.num_episodes)]
    before, after = np.concatenate([path[:-1] for path in paths]), np.concatenate([path[1:] for path in paths])
    num = round(1 / CELL) ** 2
    graph = coo_matrix((np.ones(len(before)), (before, after)), shape=(num, num)).tocsr()
    return np.isfinite(shortest_path(graph, unweighted=True))


def _cells(position: np.ndarray) -> np.ndarray:
    side = round(1 / CELL)
    x, y = np.clip(np.floor(np.asarray(position, np.float64) / CELL).astype(np.int64), 0, side - 1).T
    return y * side + x
