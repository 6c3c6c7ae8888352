"""Things fall, bounce, and pass behind a screen: the smallest world in which what is not seen goes on."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Bool, Float, Num, UInt8

from telos.core.spaces import PixelSpace, Spaces, VectorSpace
from telos.core.world import AbstractWorld, WorldState
from telos.envs import canvas
from telos.envs.fields import Colour, check_colours, check_count, check_number

SHAPES = ("disc", "standing bar", "lying bar")
"""What things look like, in the order of `state["shape"]`."""
BAR = 0.4
"""Thickness of a bar, as a share of its length."""
COLOURS: tuple[Colour, ...] = ((226, 32, 28), (20, 150, 44), (30, 56, 226), (246, 206, 24))
"""In the order of `state["colour"]`."""
FLOOR, WALL_THICKNESS = 0.88, 0.06
"""Where the floor begins, and how thick the wall is."""
ON_THE_RIGHT = 0.25
"""Share of the things that are on the right of the wall."""
SIDEWAYS = (0.03, 0.055)
"""Least and greatest sideways speed of a thing in the beginning, in widths per step."""
FASTEST = 0.06
"""Sideways speed that no fan exceeds."""
CAUTION = 0.7
"""Share of the fan's strength that the expert counts on to brake."""


@dataclass(frozen=True, kw_only=True)
class Playroom(AbstractWorld):
    """One or two things fall, bounce off floor and walls, and pass behind a screen; the agent has a fan that blows them sideways.

    Use to see whether a model knows that things persist: the past shows what a frame hides, so it takes a predictor that remembers
    (recipe `play`). Not to plan far; the fan is weak, and blows everything alike.

    Things differ in colour and shape, and neither ever changes. They pass each other in depth, the first one in front. Screen and wall
    always stand at the same place. Speeds and lengths are in arena widths (per step), y grows downwards.

    State: `position [batch 2 2]` and `velocity [batch 2 2]` of both things, `colour [batch 2]` and `shape [batch 2]` (places in `COLOURS`
    and `SHAPES`), `present [batch 2]` (whether there is such a thing), `screen [batch]` and `wall [batch]` (their middles, along x).
    Actions: what the fan adds to the sideways speed of everything in each step. Distance: how far the first thing has to go sideways.
    """

    size: int = 40
    """Height and width of the picture, in pixels."""
    radius: float = 0.08
    """Half the width of a thing."""
    gravity: float = 0.006
    """What is added to the speed of fall in each step."""
    restitution: float = 0.85
    """Share of the speed that is left after a bounce off the floor; walls take none."""
    second: float = 0.1
    """Share of the episodes in which there are two things."""
    wall: float = 0.74
    """Where the wall stands; its middle, along x."""
    screen: float = 0.365
    """Where the screen stands; its middle, along x."""
    screen_width: float = 0.26
    """Width of the screen; it reaches from the ceiling to the floor."""
    max_push: float = 0.002
    """Most that the fan adds to a speed in each step."""
    min_distance: float = 0.15
    """Least distance of the first thing between a start and its goal."""
    room_colour: Colour = (128, 128, 128)
    """Colour of the air."""
    floor_colour: Colour = (84, 74, 66)
    """Colour of the floor."""
    wall_colour: Colour = (36, 36, 44)
    """Colour of the wall."""
    screen_colour: Colour = (224, 220, 208)
    """Colour of the screen."""

    pair_kinds: ClassVar[tuple[str, ...]] = ("anywhere",)

    def __post_init__(self) -> None:
        check_count(self, "action_repeat", 1)
        check_count(self, "size", 8, 1024)
        check_number(self, "radius", 0.02, 0.12)
        check_number(self, "gravity", 0, 0.02)
        check_number(self, "restitution", 0, 1)
        check_number(self, "second", 0, 1)
        check_number(self, "screen_width", 0.05, 0.6)
        check_number(self, "screen", 0, 1)
        check_number(self, "max_push", 1e-4, 0.01)
        # Both parts are wide enough for a thing and a bit to move in.
        margin = WALL_THICKNESS / 2 + 2 * self.radius + 0.05
        check_number(self, "wall", margin, 1 - margin)
        check_number(self, "min_distance", 0.06, 0.2)
        check_colours(self, "room_colour", "floor_colour", "wall_colour", "screen_colour")

    @property
    def spaces(self) -> Spaces:
        return Spaces(PixelSpace(self.size, self.size), VectorSpace(1, (-self.max_push,), (self.max_push,)))

    def sample(self, rng: np.random.Generator, num: int) -> WorldState:
        wall, right = np.full(num, float(self.wall)), rng.random((num, 2)) < ON_THE_RIGHT
        low, high = self._compartment(wall, right)
        height = FLOOR - self.radius
        position = np.stack([rng.uniform(low, high), rng.uniform(self.radius, height, (num, 2))], axis=2)
        sideways = rng.uniform(*SIDEWAYS, (num, 2)) * rng.choice([-1.0, 1.0], (num, 2))
        velocity = np.stack([sideways, rng.uniform(-0.05, 0.03, (num, 2))], axis=2)
        return {
            "position": position,
            "velocity": velocity,
            "colour": rng.integers(len(COLOURS), size=(num, 2)),
            "shape": rng.integers(len(SHAPES), size=(num, 2)),
            "present": np.stack([np.ones(num, bool), rng.random(num) < self.second], axis=1),
            "screen": np.full(num, float(self.screen)),
            "wall": wall,
        }

    def sample_pairs(self, rng: np.random.Generator, num: int, kind: str) -> tuple[WorldState, WorldState]:
        self.check_pair_kind(kind)
        starts = self.sample(rng, num)
        # On the left, where there is room to go.
        low, high = self.radius, self.wall - WALL_THICKNESS / 2 - self.radius
        places = rng.uniform(low, high, (2, num))
        while (todo := np.flatnonzero(np.abs(places[0] - places[1]) < self.min_distance)).size:
            places[:, todo] = rng.uniform(low, high, (2, todo.size))
        goals = {name: part.copy() for name, part in starts.items()}
        for state, place in ((starts, places[0]), (goals, places[1])):
            state["position"][:, 0, 0], state["velocity"][:, 0, 0] = place, 0.0
        return starts, goals

    def advance(self, state: WorldState, actions: Num[np.ndarray, "batch 1"]) -> WorldState:
        push = np.clip(np.asarray(actions, np.float64), -self.max_push, self.max_push)
        moved = {name: np.array(part) for name, part in state.items()}
        for _ in range(self.action_repeat):
            moved |= self._fall(moved, push)
        return moved

    def observe(self, state: WorldState) -> UInt8[np.ndarray, "batch size size 3"]:
        return self.draw(state, self.size)

    def draw(self, state: WorldState, size: int) -> UInt8[np.ndarray, "batch size size 3"]:
        """The picture in any size."""
        num, half = len(state["wall"]), WALL_THICKNESS / 2
        frames = np.empty((num, size, size, 3), np.float32)
        frames[...] = self.room_colour
        _paint(frames, _column(state["wall"], half, size), self.wall_colour)
        for thing in (1, 0):
            cover = self._cover(state["position"][:, thing], state["shape"][:, thing], size) * state["present"][:, thing, None, None]
            _paint(frames, cover.astype(np.float32), np.array(COLOURS, np.float32)[state["colour"][:, thing]])
        _paint(frames, _column(state["screen"], self.screen_width / 2, size), self.screen_colour)
        # The floor comes last: a pixel that it fills in part would let things be seen through the lower edge of the screen.
        _paint(frames, canvas.bands(np.full(num, FLOOR), np.ones(num), size)[:, :, None], self.floor_colour)
        return (frames + np.float32(0.5)).astype(np.uint8)

    def expert(self, state: WorldState, goal: WorldState) -> Float[np.ndarray, "batch 1"]:
        ahead = goal["position"][:, 0, 0] - state["position"][:, 0, 0]
        speed = np.sign(ahead) * np.minimum(np.sqrt(CAUTION * 2 * self.max_push * np.abs(ahead)), np.abs(ahead) / 3)
        return np.clip(speed - state["velocity"][:, 0, 0], -self.max_push, self.max_push)[:, None]

    def distance(self, state: WorldState, goal: WorldState) -> Float[np.ndarray, " batch"]:
        return np.abs(state["position"][:, 0, 0] - goal["position"][:, 0, 0])

    def hidden(self, state: WorldState) -> Bool[np.ndarray, "batch 2"]:
        """Which things the screen hides wholly, their soft edge too: a pixel that the screen covers in part shows a bit of what is behind."""
        reach = self.radius + 1 / self.size
        return np.abs(state["position"][:, :, 0] - state["screen"][:, None]) <= self.screen_width / 2 - reach

    def _compartment(self, wall: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Where the middle of a thing can be, along x."""
        near = WALL_THICKNESS / 2 + self.radius
        return np.where(right, wall[:, None] + near, self.radius), np.where(right, 1 - self.radius, wall[:, None] - near)

    def _fall(self, state: WorldState, push: np.ndarray) -> dict[str, np.ndarray]:
        """Positions and velocities one step later."""
        x, y = state["position"][..., 0], state["position"][..., 1]
        low, high = self._compartment(state["wall"], x > state["wall"][:, None])
        speed_x = np.clip(state["velocity"][..., 0] + push, -FASTEST, FASTEST)
        speed_y = state["velocity"][..., 1] + self.gravity
        x, speed_x = _bounce(x + speed_x, speed_x, low, high, 1.0)
        y, speed_y = _bounce(y + speed_y, speed_y, self.radius, FLOOR - self.radius, self.restitution)
        # What hardly leaves the floor any more lies on it.
        rests = (y > FLOOR - self.radius - self.gravity) & (np.abs(speed_y) < 2 * self.gravity)
        y, speed_y = np.where(rests, FLOOR - self.radius, y), np.where(rests, 0.0, speed_y)
        return {"position": np.stack([x, y], axis=2), "velocity": np.stack([speed_x, speed_y], axis=2)}

    def _cover(self, position: np.ndarray, shape: np.ndarray, size: int) -> Float[np.ndarray, "batch size size"]:
        """Coverage of one thing of each world."""
        x, y = position.T

        def box(half_x: float, half_y: float) -> np.ndarray:
            return canvas.bands(y - half_y, y + half_y, size)[:, :, None] * canvas.bands(x - half_x, x + half_x, size)[:, None, :]

        reach = self.radius
        # Six pixels hold no more: a square and a cross of the disc's size would hardly differ from it.
        looks = canvas.discs(position, reach, size), box(BAR * reach, reach), box(reach, BAR * reach)
        return np.stack(looks)[shape, np.arange(len(shape))]


def _bounce(
    place: np.ndarray, speed: np.ndarray, low: np.ndarray | float, high: np.ndarray | float, restitution: float
) -> tuple[np.ndarray, np.ndarray]:
    """Place and speed after what lies beyond the bounds was thrown back."""
    below, above = place < low, place > high
    place = np.where(below, low + restitution * (low - place), np.where(above, high - restitution * (place - high), place))
    return np.clip(place, low, high), np.where(below | above, -restitution * speed, speed)


def _column(middle: np.ndarray, half: float, size: int) -> Float[np.ndarray, "batch 1 size"]:
    """Coverage of what reaches from the top to the bottom."""
    return canvas.bands(middle - half, middle + half, size)[:, None, :]


def _paint(frames: Float[np.ndarray, "batch size size 3"], cover: Float[np.ndarray, "batch _ _"], colour: Colour | np.ndarray) -> None:
    """One layer, in place: of one colour, or of one for each picture."""
    colours = np.broadcast_to(np.asarray(colour, np.float32), (len(frames), 3))
    for channel in range(3):
        frames[..., channel] += cover * (colours[:, channel, None, None] - frames[..., channel])
