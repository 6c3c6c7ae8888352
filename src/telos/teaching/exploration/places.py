"""A growing map of what has been seen: places in latent space, how often each was visited, and which leads to which."""

from collections import deque

import numpy as np
from jaxtyping import Bool, Float, Int

UNREACHABLE = np.iinfo(np.int64).max


class Places:
    """Latents that were seen, none nearer to another than `reach`; whatever lies nearer to one is that place.

    The way between two places is a chain of steps that were really made, perhaps in different episodes: ways are stitched
    together, which no single log would show.

    Args:
        size: numbers of a latent.
        reach: mean squared difference within which two latents are one place.
        capacity: most places; once there are so many, what is seen is the nearest one, however far.

    Source: a graph of landmarks after Savinov et al. (2018), "Semi-parametric Topological Memory", arXiv 1803.00653.
    """

    def __init__(self, *, size: int, reach: float, capacity: int = 4000) -> None:
        self.reach, self.capacity = reach, capacity
        self._latents = np.zeros((capacity, size), np.float32)
        self._squares = np.zeros(capacity, np.float32)
        self._visits = np.zeros(capacity, np.int64)
        self._after: list[set[int]] = []
        self._before: list[set[int]] = []

    def __len__(self) -> int:
        return len(self._after)

    @property
    def latents(self) -> Float[np.ndarray, "places latent"]:
        return self._latents[: len(self)]

    @property
    def visits(self) -> Int[np.ndarray, " places"]:
        """Frames that were seen in each place."""
        return self._visits[: len(self)]

    def visit(self, latents: Float[np.ndarray, "batch latent"]) -> tuple[Int[np.ndarray, " batch"], Bool[np.ndarray, " batch"]]:
        """The place of each latent, counted as a visit, and whether it was new."""
        latents = np.asarray(latents, np.float32)
        found, new = np.empty(len(latents), np.int64), np.zeros(len(latents), bool)
        distances, nearest = self._nearest(latents)
        first = len(self)
        for row in range(len(latents)):
            # What has been added for a row before may be nearer.
            place, distance = _nearer(nearest[row], distances[row], self._latents[first : len(self)], latents[row], first)
            if distance > self.reach and len(self) < self.capacity:
                place, new[row] = self._add(latents[row]), True
            found[row] = place
        np.add.at(self._visits, found, 1)
        return found, new

    def locate(self, latents: Float[np.ndarray, "batch latent"]) -> Int[np.ndarray, " batch"]:
        """The nearest place of each latent."""
        return self._nearest(np.asarray(latents, np.float32))[1]

    def link(self, before: Int[np.ndarray, " batch"], after: Int[np.ndarray, " batch"]) -> None:
        """Notes that one step led from each place to the other."""
        for start, end in zip(before.tolist(), after.tolist(), strict=True):
            if start != end:
                self._after[start].add(end)
                self._before[end].add(start)

    def crowding(self, spread: int = 3) -> Float[np.ndarray, " places"]:
        """Visits of each place and of those around it, the mean over ever wider rings: small only where a whole region was hardly seen."""
        crowd = self.visits.astype(float)
        for _ in range(spread):
            crowd = np.array([(crowd[i] + crowd[list(near)].sum()) / (1 + len(near)) for i, near in enumerate(self._around())])
        return crowd

    def steps_to(self, place: int) -> Int[np.ndarray, " places"]:
        """From every place, steps of the shortest known way to this one; `UNREACHABLE` where none is known."""
        return _spread(self._before, place)

    def steps_from(self, place: int) -> Int[np.ndarray, " places"]:
        """The same from this place to every other."""
        return _spread(self._after, place)

    def ahead(self, place: int, steps_left: Int[np.ndarray, " known"], num: int) -> int:
        """The place that lies `num` steps ahead on the way along which `steps_left` falls to 0; the last one where it ends before."""
        for _ in range(num):
            onward = [other for other in self._after[place] if other < len(steps_left)]
            best = min(onward, key=lambda other: (steps_left[other], other), default=place)
            if place < len(steps_left) and (not onward or steps_left[best] >= steps_left[place]):
                break
            place = best
        return place

    def _around(self) -> list[set[int]]:
        return [after | before for after, before in zip(self._after, self._before, strict=True)]

    def _add(self, latent: np.ndarray) -> int:
        place = len(self)
        self._latents[place], self._squares[place] = latent, np.square(latent).sum()
        self._after.append(set())
        self._before.append(set())
        return place

    def _nearest(self, latents: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean squared difference to the nearest place, and which it is; infinitely far where there is none yet."""
        if not len(self):
            return np.full(len(latents), np.inf), np.zeros(len(latents), np.int64)
        squares = self._squares[: len(self)] - 2 * latents @ self.latents.T
        nearest = squares.argmin(axis=1)
        distances = np.square(latents - self._latents[nearest]).mean(axis=1)
        return distances, nearest


def _nearer(place: int, distance: float, fresh: np.ndarray, latent: np.ndarray, first: int) -> tuple[int, float]:
    if not len(fresh):
        return int(place), distance
    distances = np.square(fresh - latent).mean(axis=1)
    best = int(distances.argmin())
    return (first + best, distances[best]) if distances[best] < distance else (int(place), distance)


def _spread(neighbours: list[set[int]], place: int) -> np.ndarray:
    """Steps from `place` by a wave through `neighbours`."""
    steps = np.full(len(neighbours), UNREACHABLE, np.int64)
    steps[place] = 0
    waiting = deque([place])
    while waiting:
        here = waiting.popleft()
        for there in neighbours[here]:
            if steps[there] == UNREACHABLE:
                steps[there] = steps[here] + 1
                waiting.append(there)
    return steps
