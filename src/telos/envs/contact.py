"""A disc pushes a block over a table, slowly: where the one would enter the other, the block gives way, and where it cannot, the disc stops.

Quasi-static mechanics. The friction between block and table follows an ellipsoidal limit surface: a force `f` on the block at `q` (from its
middle) makes it move by `v = f` and turn by `w = (q x f) / c^2`, up to one common factor; `c` is the greatest moment of that friction divided
by its greatest force. Between disc and block Coulomb's law holds. Arrays are `[batch]`, lengths in arena widths, angles in radians; elementwise
arithmetic only, so a row of a batch moves exactly like the row alone.

Source: Howe & Cutkosky (1996), Practical force-motion models for sliding manipulation (the ellipsoid); Lynch, Maekawa & Tanie (1992),
Manipulation and active sensing by pushing using tactile feedback (the motion of the block under a contact that sticks).
"""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float

Rows = Float[np.ndarray, "..."]
"""`[batch]`; where an expert tries out many pushes at once, whatever broadcasts."""
Bodies = Float[np.ndarray, "5 batch"]
"""x and y of the disc; x, y and angle of the block."""

TOLERANCE = 1e-6
"""Touching is not overlapping; also forgives states that went through float32."""
STEP_SHARE = 0.25
"""Longest part of a step that is made in one go, as a share of the disc's radius: small enough that no disc jumps into a block."""
SLIDING_ROOM = 0.1
"""Where a force at the edge of the friction cone would hardly make the block give way (the contact jams), it acts along the normal instead."""


@dataclass(frozen=True)
class Touch:
    """Where disc and block are closest, in the block's frame."""

    cos: Rows
    sin: Rows
    """Of the block's angle."""
    x: Rows
    y: Rows
    """The block's nearest point."""
    normal_x: Rows
    normal_y: Rows
    """Direction from there to the disc's middle; zero if that is inside the block."""
    gap: Rows
    """Room between the two; below 0 they overlap."""


@dataclass(frozen=True, kw_only=True)
class Table:
    """What disc and block are like, and where they may be."""

    radius: float
    """Of the disc."""
    half: tuple[float, float]
    """Half the sides of the block."""
    friction: float
    """Coefficient between disc and block."""
    kerb: float
    """Distance from the walls at which the block is stopped, pushed straight back and not turned; the disc goes up to the walls."""

    @cached_property
    def reach(self) -> float:
        """Greatest moment of the table's friction over its greatest force, for even pressure: the mean distance from the middle."""
        a, b = self.half
        return math.hypot(a, b) / 3 + a * a / (6 * b) * math.asinh(b / a) + b * b / (6 * a) * math.asinh(a / b)

    def advance(self, bodies: Bodies, step_x: Rows, step_y: Rows, longest: float) -> Bodies:
        """The bodies after the disc went by a step, none of which is longer than `longest`."""
        parts = max(1, math.ceil(longest / (STEP_SHARE * self.radius)))
        least = np.minimum(self.touch(bodies).gap, -TOLERANCE)
        for _ in range(parts):
            bodies = self._advance_part(bodies, step_x / parts, step_y / parts, least)
        return bodies

    def touch(self, bodies: Bodies) -> Touch:
        x, y, block_x, block_y, angle = bodies
        cos, sin = np.cos(angle), np.sin(angle)
        away_x, away_y = x - block_x, y - block_y
        own_x, own_y = cos * away_x + sin * away_y, cos * away_y - sin * away_x
        near_x, near_y = _clip(own_x, self.half[0]), _clip(own_y, self.half[1])
        gap_x, gap_y = own_x - near_x, own_y - near_y
        length = np.sqrt(gap_x * gap_x + gap_y * gap_y)
        scale = 1 / np.maximum(length, 1e-12)
        return Touch(cos, sin, near_x, near_y, gap_x * scale, gap_y * scale, length - self.radius)

    def response(self, touch: Touch, depth: Rows, slip: Rows) -> tuple[Rows, Rows, Rows]:
        """How the block moves and turns, in its own frame, so that its nearest point gives way by `depth` against the normal.

        Args:
            touch: where it is pushed.
            depth: how far the disc advances against the normal.
            slip: how far it goes along the tangent (the normal, turned by a quarter); the block's point goes along as far as friction can drag it.
        """
        normal_x, normal_y, square = touch.normal_x, touch.normal_y, self.reach**2
        wanted_x, wanted_y = -depth * normal_x - slip * normal_y, slip * normal_x - depth * normal_y
        arm = (touch.x * wanted_y - touch.y * wanted_x) / (square + touch.x * touch.x + touch.y * touch.y)
        force_x, force_y = wanted_x + touch.y * arm, wanted_y - touch.x * arm
        press, drag = -(force_x * normal_x + force_y * normal_y), force_y * normal_x - force_x * normal_y
        sticks = np.abs(drag) <= self.friction * press
        edge = np.sign(drag) * self.friction
        lever = touch.y * normal_x - touch.x * normal_y
        side = touch.x * normal_x + touch.y * normal_y
        give = 1 + lever * (lever + edge * side) / square
        edge = np.where(give < SLIDING_ROOM, 0, edge)
        strength = depth / np.where(give < SLIDING_ROOM, 1 + lever * lever / square, give)
        force_x = np.where(sticks, force_x, strength * (-normal_x - edge * normal_y))
        force_y = np.where(sticks, force_y, strength * (edge * normal_x - normal_y))
        return force_x, force_y, (touch.x * force_y - touch.y * force_x) / square

    def within(self, block_x: Rows, block_y: Rows, cos: Rows, sin: Rows) -> tuple[Rows, Rows]:
        """The block's middle, moved back from the kerb."""
        cos, sin = np.abs(cos), np.abs(sin)
        wide, high = self.kerb + self.half[0] * cos + self.half[1] * sin, self.kerb + self.half[0] * sin + self.half[1] * cos
        return np.minimum(np.maximum(block_x, wide), 1 - wide), np.minimum(np.maximum(block_y, high), 1 - high)

    def _advance_part(self, before: Bodies, step_x: Rows, step_y: Rows, least: Rows) -> Bodies:
        after = before.copy()
        after[0], after[1] = self._inside(before[0] + step_x), self._inside(before[1] + step_y)
        gone_x, gone_y = after[0] - before[0], after[1] - before[1]
        touch = self.touch(after)
        rows = np.flatnonzero((touch.gap < 0) & ((gone_x != 0) | (gone_y != 0)))
        if not len(rows):
            return after
        touch = Touch(*(part[rows] for part in vars(touch).values()))
        moved = self._push(after[:, rows], touch, _slip(touch, gone_x[rows], gone_y[rows]))
        # The push was straight and the way is not: what still overlaps is pushed out along the normal.
        moved = self._push(moved, self.touch(moved), np.zeros(1))
        moved[2], moved[3] = self.within(moved[2], moved[3], np.cos(moved[4]), np.sin(moved[4]))
        self._stop_disc(moved)
        fine = self.touch(moved).gap >= least[rows]
        after[:, rows] = np.where(fine, moved, before[:, rows])
        return after

    def _push(self, bodies: Bodies, touch: Touch, slip: Rows) -> Bodies:
        x, y, turn = self.response(touch, np.maximum(-touch.gap, 0), slip)
        away = np.stack([touch.cos * x - touch.sin * y, touch.sin * x + touch.cos * y, turn])
        return np.concatenate([bodies[:2], bodies[2:] + away])

    def _stop_disc(self, bodies: Bodies) -> None:
        """Moves the disc back from a block that a kerb holds."""
        touch = self.touch(bodies)
        depth = np.maximum(-touch.gap, 0)
        bodies[0] = self._inside(bodies[0] + depth * (touch.cos * touch.normal_x - touch.sin * touch.normal_y))
        bodies[1] = self._inside(bodies[1] + depth * (touch.sin * touch.normal_x + touch.cos * touch.normal_y))

    def _inside(self, place: Rows) -> Rows:
        return np.minimum(np.maximum(place, self.radius), 1 - self.radius)


def _slip(touch: Touch, gone_x: Rows, gone_y: Rows) -> Rows:
    """How far the disc went along the tangent while it was in touch."""
    own_x, own_y = touch.cos * gone_x + touch.sin * gone_y, touch.cos * gone_y - touch.sin * gone_x
    along, against = own_y * touch.normal_x - own_x * touch.normal_y, -(own_x * touch.normal_x + own_y * touch.normal_y)
    share = np.where(against > -touch.gap, -touch.gap / np.maximum(against, 1e-12), 1)
    return along * share


def _clip(value: Rows, bound: float) -> Rows:
    return np.minimum(np.maximum(value, -bound), bound)
