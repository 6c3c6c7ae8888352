"""The scripted expert of `Push`: it knows the mechanics, looks at every place where the block can be pushed, and takes the one that pays most."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float

from telos.envs.contact import Bodies, Rows, Table, Touch

Points = Float[np.ndarray, "batch places 2"]
"""In the block's frame."""

PLACES = (-0.9, -0.6, -0.3, 0.0, 0.3, 0.6, 0.9)
"""Where each side of the block is pushed: shares of half its length, from the middle."""
PUSHES = np.array([0.002, 0.005, 0.01, 0.02, 0.04, 0.07, 0.11, 0.16, 0.22, 0.3])
"""How far a push may go, in arena widths."""
ROOM = 0.004
"""Room that the disc leaves beside the block while it goes round; nearer than that it may push."""
OVERHEAD = 0.05
"""What a push costs whatever its length, in arena widths; keeps the expert from being content with small gains at hand."""


@dataclass(frozen=True, kw_only=True)
class Pusher:
    """Chooses the push that brings the block nearest to its goal for the way that it costs, goes there, and pushes; then brings the disc home.

    It keeps nothing in mind: a place that paid most pays even more once the disc has come nearer to it.
    """

    table: Table
    """The mechanics."""
    step: float
    """Farthest displacement per axis."""
    precision: float = 0.006
    """Root mean square displacement of the block's corners at which it is left alone."""

    def act(self, bodies: Bodies, goal: Bodies) -> Float[np.ndarray, "batch 2"]:
        """Displacements of the disc."""
        touch = self.table.touch(bodies)
        own = _into(bodies, bodies[:2])
        error = self._error(bodies[2:], goal[2:])
        ways = self._ways(self._outside(own)[:, None], np.broadcast_to(self._stands, (len(own), *self._stands.shape)))
        gain, push = self._best_pushes(bodies, goal, touch, error, ways)
        place = np.argmax(gain, axis=1)
        rows = np.arange(len(own))
        here = place == len(self._stands)
        stand = self._stands[np.where(here, 0, place)]
        done = error < self.precision
        target = np.where(done[:, None], _into(bodies, goal[:2]), stand)
        target = self._first_leg(own, target)
        ahead = np.stack([touch.normal_x, touch.normal_y], axis=1)
        pushed = own - ahead * (push[rows, place] + np.maximum(touch.gap, 0))[:, None]
        leg = np.where((here & ~done)[:, None], pushed, target) - own
        away = np.stack([touch.cos * leg[:, 0] - touch.sin * leg[:, 1], touch.sin * leg[:, 0] + touch.cos * leg[:, 1]], axis=1)
        return away / np.maximum(np.abs(away).max(axis=1, keepdims=True) / self.step, 1)

    @cached_property
    def _places(self) -> Touch:
        """Touches `[places]` at all sides."""
        shares, none = np.array(PLACES), np.zeros(len(PLACES))
        x, y = self.table.half
        sides = [(none + x, shares * y, 1, 0), (none - x, shares * y, -1, 0), (shares * x, none + y, 0, 1), (shares * x, none - y, 0, -1)]
        x, y, normal_x, normal_y = (np.concatenate([none + side[part] for side in sides]) for part in range(4))
        return Touch(cos=0 * x + 1, sin=0 * x, x=x, y=y, normal_x=normal_x, normal_y=normal_y, gap=0 * x)

    @cached_property
    def _stands(self) -> Float[np.ndarray, "places 2"]:
        """Where the disc stands before it pushes."""
        places, away = self._places, self.table.radius + ROOM
        return np.stack([places.x + away * places.normal_x, places.y + away * places.normal_y], axis=1)

    def _best_pushes(
        self, bodies: Bodies, goal: Bodies, touch: Touch, error: Rows, ways: Float[np.ndarray, "batch places"]
    ) -> tuple[Float[np.ndarray, "batch places+1"], Float[np.ndarray, "batch places+1"]]:
        """What is gained for the way that it costs, at every place and, last, where the disc is now; and how far to push."""
        unit = np.ones(1)
        there = self.table.response(self._places, unit, 0 * unit)
        here = self.table.response(touch, unit, 0 * unit)
        twists = [np.concatenate([np.broadcast_to(a, ways.shape), b[:, None]], axis=1)[:, :, None] for a, b in zip(there, here, strict=True)]
        # The turn is spread evenly over the push, so the middle of the block goes along an arc.
        turn = twists[2] * PUSHES
        cord = PUSHES * np.sinc(turn / (2 * np.pi))
        angle = bodies[4][:, None, None] + turn / 2
        x, y = cord * twists[0], cord * twists[1]
        block_x = bodies[2][:, None, None] + np.cos(angle) * x - np.sin(angle) * y
        block_y = bodies[3][:, None, None] + np.sin(angle) * x + np.cos(angle) * y
        angle = angle + turn / 2
        block_x, block_y = self.table.within(block_x, block_y, np.cos(angle), np.sin(angle))
        after = self._error([block_x, block_y, angle], [part[:, None, None] for part in goal[2:]])
        # Who stands there already shall push.
        costs = np.concatenate([np.maximum(ways, ROOM), np.where(touch.gap < 2 * ROOM, 0, np.inf)[:, None]], axis=1)
        rates = (error[:, None, None] - after) / (costs[:, :, None] + PUSHES + OVERHEAD)
        best = np.argmax(rates, axis=2)
        return np.take_along_axis(rates, best[:, :, None], axis=2)[:, :, 0], PUSHES[best]

    def _error(self, block, goal) -> np.ndarray:
        """Root mean square displacement of the corners."""
        lever = 4 * (self.table.half[0] ** 2 + self.table.half[1] ** 2)
        return np.sqrt(np.square(block[0] - goal[0]) + np.square(block[1] - goal[1]) + lever * np.square(np.sin((block[2] - goal[2]) / 2)))

    @cached_property
    def _shell(self) -> Float[np.ndarray, " 2"]:
        """Half the sides of the box around the block that the disc's middle stays out of."""
        return np.array(self.table.half) + self.table.radius - ROOM / 2

    @cached_property
    def _corners(self) -> Float[np.ndarray, "4 2"]:
        """Turning points on the way round."""
        return (self._shell + 2 * ROOM) * np.array([(1, 1), (-1, 1), (-1, -1), (1, -1)])

    def _ways(self, here: Float[np.ndarray, "batch 1 2"], there: Points) -> Float[np.ndarray, "batch places"]:
        """Lengths of the shortest ways round the block."""
        straight = np.where(self._blocked(here, there), np.inf, _norm(there - here))
        return np.minimum(straight, self._round(here, there).min(axis=-1))

    def _round(self, here: Float[np.ndarray, "batch 1 2"], there: Points) -> Float[np.ndarray, "batch places 4"]:
        """The same by way of each corner first."""
        corners = self._corners
        first = _norm(corners - here)
        # Who stands at a corner goes on to the next.
        first = np.where(self._blocked(here, corners) | (first < ROOM / 4), np.inf, first)
        last = np.where(self._blocked(corners, there[:, :, None]), np.inf, _norm(corners - there[:, :, None]))
        between = np.abs(corners[:, None] - corners).sum(axis=-1)
        return first[:, None, :] + (between + last[:, :, None, :]).min(axis=-1)

    def _first_leg(self, here: Float[np.ndarray, "batch 2"], there: Float[np.ndarray, "batch 2"]) -> Float[np.ndarray, "batch 2"]:
        """Where to go first on the way."""
        start, end = here[:, None], self._outside(there)[:, None]
        corner = self._corners[np.argmin(self._round(start, end)[:, 0], axis=1)]
        straight = ~self._blocked(start, end)[:, 0] | (_norm(there - here) < self.table.radius)
        leg = np.where(straight[:, None], there, corner)
        inside = (np.abs(here) < self._shell).all(axis=1)
        return np.where((inside & ~straight)[:, None], self._outside(here), leg)

    def _outside(self, place: Float[np.ndarray, "batch 2"]) -> Float[np.ndarray, "batch 2"]:
        """The same place, or the nearest one outside the shell."""
        room = self._shell - np.abs(place)
        nearest = (room > 0).all(axis=1, keepdims=True) & (room == room.min(axis=1, keepdims=True))
        return np.where(nearest, np.where(place < 0, -1, 1) * (self._shell + ROOM), place)

    def _blocked(self, start: np.ndarray, end: np.ndarray) -> Bool[np.ndarray, "..."]:
        """Whether the straight way leads through the shell."""
        away = end - start
        away = np.where(np.abs(away) < 1e-9, 1e-9, away)
        one, other = (-self._shell - start) / away, (self._shell - start) / away
        enters, leaves = np.minimum(one, other).max(axis=-1), np.maximum(one, other).min(axis=-1)
        return np.maximum(enters, 0) < np.minimum(leaves, 1)


def _into(bodies: Bodies, place: Float[np.ndarray, "2 batch"]) -> Float[np.ndarray, "batch 2"]:
    """A place in the block's frame."""
    cos, sin = np.cos(bodies[4]), np.sin(bodies[4])
    x, y = place[0] - bodies[2], place[1] - bodies[3]
    return np.stack([cos * x + sin * y, cos * y - sin * x], axis=1)


def _norm(vector: np.ndarray) -> np.ndarray:
    return np.sqrt(np.square(vector).sum(axis=-1))
