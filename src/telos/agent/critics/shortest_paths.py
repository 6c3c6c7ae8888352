"""Shortest paths between landmarks: pieces that were seen, put together to ways that nobody has gone."""

import numpy as np
from jaxtyping import Bool, Float, Int

FARTHER = 2.0
"""What is out of reach counts as so many times the longest way there is: finite, so that times can be averaged."""


def shortest_paths(edges: Int[np.ndarray, "2 edges"], steps: Float[np.ndarray, " edges"], num: int) -> Float[np.ndarray, "num num"]:
    """Least sum of steps from every landmark to every other; infinite where no way leads.

    Source: Dijkstra (1959), from every landmark.
    """
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import dijkstra

    return dijkstra(csr_matrix((np.asarray(steps, np.float64), (edges[0], edges[1])), shape=(num, num))).astype(np.float32)


def within(times: Float[np.ndarray, "num num"], beyond: float | None = None) -> Float[np.ndarray, "num num"]:
    """The same with another time for what is out of reach; None: so long that it is farther than all that is not."""
    reached = np.isfinite(times)
    if beyond is None:
        beyond = FARTHER * max(float(times[reached].max(initial=0)), 1.0)
    return np.where(reached, times, np.float32(beyond))


def mainland(edges: Int[np.ndarray, "2 edges"], num: int, least: float = 0.01) -> np.ndarray:
    """`[num]`: which landmarks lie in a part of the graph within which every way leads back, and that is no mere islet.

    Args:
        least: share of all landmarks that a part must hold. Rooms between which nobody has gone are parts of their own, and stay.
    """
    part = _parts(edges, num, "strong")
    sizes = np.bincount(part)
    return sizes[part] >= min(max(2, least * num), sizes.max())


def num_parts(edges: Int[np.ndarray, "2 edges"], counted: Bool[np.ndarray, " num"]) -> int:
    """Parts of the graph between which nobody went, neither there nor back, among the landmarks that are counted."""
    return len(np.unique(_parts(edges, len(counted), "weak")[counted]))


def _parts(edges: Int[np.ndarray, "2 edges"], num: int, connection: str) -> Int[np.ndarray, " num"]:
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import connected_components

    graph = csr_matrix((np.ones(edges.shape[1]), (edges[0], edges[1])), shape=(num, num))
    return connected_components(graph, directed=True, connection=connection)[1]
