"""Four rooms in a ring and the doors between them: where a disc can be, and the way from one place to another."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int, Num

TOLERANCE = 1e-6
"""Touching a wall is not being inside it; also forgives states that went through float32."""
NEAR, FAR = 0.25, 0.75
"""Middles of the first and the second door in a wall, along it."""
UPPER, LOWER, LEFT, RIGHT = 1, 2, 3, 4
"""Doors: two in the upright wall, two in the lying one."""
CLOCKWISE = (UPPER, RIGHT, LOWER, LEFT)
"""The door that leaves each room clockwise; rooms count clockwise from the upper left one, which is 0."""
PLACES = np.array([[0.5, 0.5], [0.5, NEAR], [0.5, FAR], [NEAR, 0.5], [FAR, 0.5]])
"""x and y of each door's middle, by its number."""


@dataclass(frozen=True, kw_only=True)
class Ring:
    """Where the middle of a disc can be, in the unit square with two walls through its middle.

    `shut` says which door is no door: 0 for none of them.
    """

    edge: float
    """Least distance from the border."""
    half: float
    """Least distance from the middle of a wall."""
    gap: float
    """Greatest distance from a door's middle, along its wall, within the door."""

    def place(self, shares: Float[np.ndarray, "*batch 2"]) -> Float[np.ndarray, "*batch 2"]:
        """Positions in the rooms, evenly spread if the numbers from 0 to 1 are."""
        span = 0.5 - self.half - self.edge
        return np.where(shares < 0.5, self.edge + 2 * shares * span, 0.5 + self.half + (2 * shares - 1) * span)

    def slide(
        self, position: Float[np.ndarray, "batch 2"], step: Num[np.ndarray, "batch 2"], shut: Int[np.ndarray, " batch"]
    ) -> Float[np.ndarray, "batch 2"]:
        """Positions after a step along x, and then one along y, each as far as walls allow."""
        x, y = position.T
        low, high = self._room_to_move(x, y, shut, (UPPER, LOWER))
        x = np.clip(x + step[:, 0], low, high)
        low, high = self._room_to_move(y, x, shut, (LEFT, RIGHT))
        return np.stack([x, np.clip(y + step[:, 1], low, high)], axis=1)

    def way(
        self, position: Num[np.ndarray, "batch 2"], goal: Num[np.ndarray, "batch 2"], shut: Int[np.ndarray, " batch"]
    ) -> tuple[Int[np.ndarray, " batch"], Float[np.ndarray, " batch"]]:
        """Doors on the shortest way, and its length: the longer of its two axes on every leg, through the middles of doors."""
        lengths, doors = (np.stack(part) for part in zip(*(self._turn(position, goal, shut, turn) for turn in (1, -1)), strict=True))
        best = lengths.argmin(axis=0)
        rows = np.arange(len(best))
        return doors[best, rows], lengths[best, rows]

    def next_target(
        self, position: Float[np.ndarray, "batch 2"], goal: Float[np.ndarray, "batch 2"], shut: Int[np.ndarray, " batch"]
    ) -> Float[np.ndarray, "batch 2"]:
        """Where to head for: the goal, if it is in the same room, else beyond the next door. Walls let the disc slide there."""
        clockwise, anticlockwise = (self._turn(position, goal, shut, turn)[0] for turn in (1, -1))
        here, there = _room(position), _room(goal)
        onwards = clockwise <= anticlockwise
        door = np.array(CLOCKWISE)[np.where(onwards, here, (here - 1) % 4)]
        upright = door <= LOWER
        beyond = PLACES[door] + np.clip(goal - PLACES[door], -self.gap, self.gap)
        ahead = np.where(position < 0.5, 0.5 + self.half, 0.5 - self.half)
        beyond = np.where(np.stack([upright, ~upright], axis=1), ahead, beyond)
        return np.where((here == there)[:, None], goal, beyond)

    def _turn(self, position: np.ndarray, goal: np.ndarray, shut: np.ndarray, turn: int) -> tuple[np.ndarray, np.ndarray]:
        """Length of the way round one way, infinite through a shut door, and the doors on it; no doors within a room."""
        here, there = _room(position), _room(goal)
        doors = (turn * (there - here)) % 4
        length, last, room = np.zeros(len(here)), np.asarray(position, np.float64), here
        for count in range(3):
            passes = count < doors
            door = np.array(CLOCKWISE)[room if turn > 0 else (room - 1) % 4]
            leg = np.abs(PLACES[door] - last).max(axis=1)
            length = length + np.where(passes, np.where(door == shut, np.inf, leg), 0)
            last = np.where(passes[:, None], PLACES[door], last)
            room = np.where(passes, (room + turn) % 4, room)
        return length + np.abs(goal - last).max(axis=1), doors

    def _room_to_move(self, along: np.ndarray, across: np.ndarray, shut: np.ndarray, doors: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
        """Least and greatest coordinate that can be reached along one axis; `doors` are in the wall that is in the way."""
        first = across < 0.5
        door = np.where(first, *doors)
        through = (np.abs(across - np.where(first, NEAR, FAR)) <= self.gap + TOLERANCE) & (door != shut)
        low = np.where(through | (along < 0.5), self.edge, 0.5 + self.half)
        high = np.where(through | (along >= 0.5), 1 - self.edge, 0.5 - self.half)
        # Within a door of the other wall there is only as much room as the door is wide.
        within, middle = np.abs(across - 0.5) < self.half - TOLERANCE, np.where(along < 0.5, NEAR, FAR)
        return np.where(within, middle - self.gap, low), np.where(within, middle + self.gap, high)


def _room(position: np.ndarray) -> np.ndarray:
    """0 to 3, clockwise from the upper left."""
    right, down = position[:, 0] >= 0.5, position[:, 1] >= 0.5
    return np.where(down, np.where(right, 2, 3), np.where(right, 1, 0))
