"""The scripted expert of gym-pusht: it foresees what pushes at many places would do, and takes the one that pays most for the way there."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from telos.core.world import WorldState

BAR, STEM = (-60.0, 0.0, 60.0, 30.0), (-15.0, 30.0, 15.0, 120.0)
"""The two halves of the T in its own frame: left, low, right and high, in pixels."""
MIDDLE = np.array([0.0, 45.0])
"""Its middle of mass."""
INERTIA = 3000.0
"""Moment of inertia for a mass of 1, in square pixels."""
DISC = 15.0
"""Radius of the disc."""
ROOM = 4.0
"""Pixels left between disc and block on the way round."""
RING = 100.0
"""Radius of the way round, about the middle of mass."""
PUSHES = np.array([1.0, 3.0, 7.0, 14.0, 28.0, 50.0, 80.0, 120.0])
"""How far a push may go."""
OVERHEAD = 25.0
"""What a push costs whatever its length, in pixels; keeps the expert from being content with small gains at hand."""
SPACING = 9.0
"""Between places where it may push."""


@dataclass(frozen=True, kw_only=True)
class TeePusher:
    """Chooses a push, goes there, pushes; and brings the disc home in the end. It keeps nothing in mind.

    A push is foreseen as the engine carries it out: without friction, and with nothing that goes on moving by itself.
    """

    homing: bool
    """Whether the disc has a place of its own in the goal."""
    precision: float = 3.0
    """Pixels by which the block may be off when it is left alone."""
    aside: float = 5.0
    """Pixels from the line of a push within which it begins."""

    def targets(self, state: WorldState, goal: WorldState) -> Float[np.ndarray, "batch 2"]:
        """Where the disc shall be drawn to."""
        here = _into(state, state["agent"])
        error = _error(_place(state), state["angle"], goal)
        done = error < self.precision
        home = _into(state, goal["agent"]) if self.homing else here
        stands = POINTS + (DISC + ROOM) * NORMALS
        gap = ((here[:, None] - POINTS) * NORMALS).sum(axis=-1) - DISC
        beside = np.abs(((here[:, None] - POINTS) * TANGENTS).sum(axis=-1))
        ready = (beside < self.aside) & (np.abs(gap) < 2 * ROOM + self.aside)
        ways = np.linalg.norm(here[:, None] - stands, axis=-1) + RING * _blocked(here[:, None], stands[None])
        rate, push = self._best(state, goal, error, np.where(ready, 0, ways))
        place = np.argmax(rate, axis=1)
        rows = np.arange(len(here))
        pushed = here - NORMALS[place] * (push[rows, place] + np.maximum(gap[rows, place], 0))[:, None]
        # While it pushes it also comes back to the line.
        pushed -= TANGENTS[place] * ((here - POINTS[place]) * TANGENTS[place]).sum(axis=-1, keepdims=True)
        aim = _round(here, np.where(done[:, None], home, stands[place]))
        aim = np.where((ready[rows, place] & ~done)[:, None], pushed, aim)
        return state["block"] + _turned(aim, state["angle"])

    def _best(self, state: WorldState, goal: WorldState, error: np.ndarray, ways: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What each place gains for its cost, `[batch places]`, and how far to push there."""
        arm = (POINTS - MIDDLE)[:, 0] * -NORMALS[:, 1] + (POINTS - MIDDLE)[:, 1] * NORMALS[:, 0]
        share = 1 / (1 + arm**2 / INERTIA)
        turn = (share * arm / INERTIA)[:, None] * PUSHES
        # The turn is spread evenly over the push, so that its direction turns along.
        angle = np.asarray(state["angle"])[:, None, None]
        ahead = _turned(np.broadcast_to(-NORMALS[:, None], (*turn.shape, 2)), angle + turn / 2)
        place = _place(state)[:, None, None] + ahead * (share[:, None] * PUSHES * np.sinc(turn / (2 * np.pi)))[..., None]
        after = _error(place, angle + turn, {name: part[:, None, None] for name, part in goal.items()})
        rates = (error[:, None, None] - after) / (ways[:, :, None] + PUSHES + OVERHEAD)
        best = np.argmax(rates, axis=2)
        return np.take_along_axis(rates, best[:, :, None], axis=2)[:, :, 0], PUSHES[best]


def _outline() -> tuple[np.ndarray, np.ndarray]:
    """Points on the outline that the disc can touch, and the directions out of the block there."""
    inner = STEM[2] + DISC + 2
    sides = [
        ((-56, 0), (56, 0), (0, -1)),
        ((-60, 4), (-60, 26), (-1, 0)),
        ((60, 4), (60, 26), (1, 0)),
        ((-56, 30), (-inner, 30), (0, 1)),
        ((inner, 30), (56, 30), (0, 1)),
        ((-15, 30 + DISC + 2), (-15, 116), (-1, 0)),
        ((15, 30 + DISC + 2), (15, 116), (1, 0)),
        ((-11, 120), (11, 120), (0, 1)),
    ]
    points, normals = [], []
    for first, last, normal in sides:
        num = max(2, round(float(np.abs(np.subtract(last, first)).max()) / SPACING))
        points.append(np.linspace(first, last, num))
        normals.append(np.tile(np.array(normal, float), (num, 1)))
    return np.concatenate(points), np.concatenate(normals)


POINTS, NORMALS = _outline()
TANGENTS = np.stack([-NORMALS[:, 1], NORMALS[:, 0]], axis=1)


def _turned(vector: np.ndarray, angle: np.ndarray) -> np.ndarray:
    cos, sin = np.cos(angle), np.sin(angle)
    return np.stack([cos * vector[..., 0] - sin * vector[..., 1], sin * vector[..., 0] + cos * vector[..., 1]], axis=-1)


def _into(state: WorldState, place: np.ndarray) -> Float[np.ndarray, "batch 2"]:
    """A place in the block's frame."""
    return _turned(place - state["block"], -np.asarray(state["angle"]))


def _place(state: WorldState) -> np.ndarray:
    """Where the middle of mass is."""
    return state["block"] + _turned(np.broadcast_to(MIDDLE, np.shape(state["block"])), state["angle"])


def _error(place: np.ndarray, angle: np.ndarray, goal: WorldState) -> np.ndarray:
    """Root mean square displacement of the block, as if its mass lay in a ring of its radius of gyration."""
    away = np.square(place - _place(goal)).sum(axis=-1)
    return np.sqrt(away + 4 * INERTIA * np.square(np.sin((angle - goal["angle"]) / 2)))


def _blocked(start: np.ndarray, end: np.ndarray) -> Bool[np.ndarray, "..."]:
    """Whether the straight way of the disc touches the block; in its frame."""
    hit = np.zeros(np.broadcast_shapes(start.shape, end.shape)[:-1], dtype=bool)
    away = np.where(np.abs(end - start) < 1e-9, 1e-9, end - start)
    margin = DISC + ROOM / 2
    for left, low, right, high in (BAR, STEM):
        one = (np.array([left, low]) - margin - start) / away
        other = (np.array([right, high]) + margin - start) / away
        enters, leaves = np.minimum(one, other).max(axis=-1), np.maximum(one, other).min(axis=-1)
        hit |= np.maximum(enters, 0) < np.minimum(leaves, 1)
    return hit


def _round(here: np.ndarray, there: np.ndarray) -> np.ndarray:
    """The next point on the way of the disc: straight on, or out to the ring and along it."""
    outward = here - MIDDLE
    far = np.maximum(np.linalg.norm(outward, axis=1, keepdims=True), 1e-9)
    bearing = np.arctan2(outward[:, 1], outward[:, 0])
    aim = there - MIDDLE
    ahead = (np.arctan2(aim[:, 1], aim[:, 0]) - bearing + np.pi) % (2 * np.pi) - np.pi
    along = bearing + np.clip(ahead, -0.6, 0.6)
    ring = MIDDLE + 1.08 * RING * np.stack([np.cos(along), np.sin(along)], axis=1)
    out = MIDDLE + outward / far * RING * 1.08
    leg = np.where(far < 0.9 * RING, out, ring)
    return np.where(_blocked(here, there)[:, None], leg, there)
