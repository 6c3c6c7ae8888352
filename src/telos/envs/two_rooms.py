"""Two rooms joined by a door: the smallest world in which the straight way is the wrong one."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from jaxtyping import Bool, Float, Num, UInt8

from telos.core.spaces import PixelSpace, Spaces, VectorSpace
from telos.core.world import AbstractWorld, WorldState
from telos.envs import canvas
from telos.envs.fields import Colour, check_choice, check_colours, check_count, check_interval, check_number

TOLERANCE = 1e-6
"""Touching a wall is not being inside it; also forgives states that went through float32."""


@dataclass(frozen=True, kw_only=True)
class TwoRooms(AbstractWorld):
    """A disc is pushed around two rooms; the way to the other one leads through a door.

    Use to see within minutes whether a model plans at all. Not for long detours; take `Maze`.

    State: `position [batch 2]`, `wall [batch]` (x of its middle), `door [batch]` (y of its middle).
    """

    layout: Literal["fixed", "random"] = "fixed"
    """Whether wall and door stand still for good, or anew in every sampled state."""
    size: int = 32
    """Height and width of the picture, in pixels."""
    agent_radius: float = 0.05
    """Radius of the disc."""
    max_step: float = 0.08
    """Farthest displacement per axis and repeat of an action."""
    wall_thickness: float = 0.06
    """Thickness of the wall."""
    door_width: float = 0.24
    """Width of the opening in the wall."""
    wall_position: float = 0.5
    """x of the wall's middle in the fixed layout."""
    door_position: float = 0.5
    """y of the door's middle in the fixed layout."""
    wall_range: tuple[float, float] = (0.3, 0.7)
    """Least and greatest x of the wall's middle in random layouts."""
    min_distance: float = 0.15
    """Least straight distance between a start and its goal."""
    floor_colour: Colour = (244, 241, 234)
    """Colour of the floor."""
    wall_colour: Colour = (46, 58, 78)
    """Colour of the wall."""
    agent_colour: Colour = (222, 60, 50)
    """Colour of the disc."""

    pair_kinds: ClassVar[tuple[str, ...]] = ("across-rooms", "anywhere")

    def __post_init__(self) -> None:
        check_choice(self, "layout", ("fixed", "random"))
        check_count(self, "action_repeat", 1)
        check_count(self, "size", 8, 1024)
        check_number(self, "agent_radius", 0.01, 0.15)
        check_number(self, "max_step", 0.001, 1)
        check_number(self, "wall_thickness", 0.005, 0.2)
        check_number(self, "door_width", 2 * self.agent_radius + 0.01, 1)
        check_number(self, "min_distance", 0.01, 0.5)
        # Each room is at least as wide as the disc and a bit to move in.
        margin = self._half_band + self.agent_radius + 0.05
        check_number(self, "wall_position", margin, 1 - margin)
        check_interval(self, "wall_range", margin, 1 - margin)
        check_number(self, "door_position", self.door_width / 2, 1 - self.door_width / 2)
        check_colours(self, "floor_colour", "wall_colour", "agent_colour")

    @property
    def spaces(self) -> Spaces:
        bound = (self.max_step,) * 2
        return Spaces(PixelSpace(self.size, self.size), VectorSpace(2, tuple(-value for value in bound), bound))

    def sample(self, rng: np.random.Generator, num: int) -> WorldState:
        layout = self._sample_layout(rng, num)
        return {"position": self._sample_position(rng, layout["wall"], self._sample_side(rng, layout["wall"])), **layout}

    def sample_pairs(self, rng: np.random.Generator, num: int, kind: str) -> tuple[WorldState, WorldState]:
        self.check_pair_kind(kind)
        layout = self._sample_layout(rng, num)
        starts, goals = np.empty((num, 2)), np.empty((num, 2))
        todo = np.arange(num)
        while len(todo):
            wall = layout["wall"][todo]
            right = self._sample_side(rng, wall)
            goal_right = ~right if kind == "across-rooms" else self._sample_side(rng, wall)
            starts[todo] = self._sample_position(rng, wall, right)
            goals[todo] = self._sample_position(rng, wall, goal_right)
            todo = todo[_length(starts[todo] - goals[todo]) < self.min_distance]
        return {"position": starts, **layout}, {"position": goals, **{name: part.copy() for name, part in layout.items()}}

    def advance(self, state: WorldState, actions: Num[np.ndarray, "batch 2"]) -> WorldState:
        wall, door = state["wall"], state["door"]
        step = np.clip(np.asarray(actions, np.float64), -self.max_step, self.max_step)
        x, y = np.asarray(state["position"], np.float64).T
        for _ in range(self.action_repeat):
            x = self._slide_x(x, x + step[:, 0], y, wall, door)
            y = self._slide_y(x, y + step[:, 1], wall, door)
        return {"position": np.stack([x, y], axis=1), "wall": wall.copy(), "door": door.copy()}

    def observe(self, state: WorldState) -> UInt8[np.ndarray, "batch size size 3"]:
        return self.draw(state, self.size)

    def draw(self, state: WorldState, size: int) -> UInt8[np.ndarray, "batch size size 3"]:
        """The picture in any size."""
        half, gap = self.wall_thickness / 2, self.door_width / 2
        columns = canvas.bands(state["wall"] - half, state["wall"] + half, size)
        rows = 1 - canvas.bands(state["door"] - gap, state["door"] + gap, size)
        agent = canvas.discs(state["position"], self.agent_radius, size)
        return canvas.paint(self.floor_colour, (rows[:, :, None] * columns[:, None, :], self.wall_colour), (agent, self.agent_colour))

    def expert(self, state: WorldState, goal: WorldState) -> Float[np.ndarray, "batch 2"]:
        position, target = np.asarray(state["position"], np.float64), np.array(goal["position"], np.float64)
        wall, door = state["wall"], state["door"]
        same_room = self._room(position, wall) * self._room(target, wall) > 0
        gap = self.door_width / 2 - self.agent_radius
        # Walls let the disc slide, so it may head for the other room while it still lines up with the door.
        target[:, 1] = np.where(same_room, target[:, 1], np.clip(target[:, 1], door - gap, door + gap))
        return np.clip((target - position) / self.action_repeat, -self.max_step, self.max_step)

    def distance(self, state: WorldState, goal: WorldState) -> Float[np.ndarray, " batch"]:
        return _length(state["position"] - goal["position"])

    @property
    def _half_band(self) -> float:
        """Half the width of the band around the wall that the disc's centre enters in the door only."""
        return self.wall_thickness / 2 + self.agent_radius

    def _slide_x(self, x: np.ndarray, new_x: np.ndarray, y: np.ndarray, wall: np.ndarray, door: np.ndarray) -> np.ndarray:
        blocked = np.abs(y - door) > self.door_width / 2 - self.agent_radius + TOLERANCE
        left, right = wall - self._half_band, wall + self._half_band
        stopped = np.where(x < wall, np.minimum(new_x, left), np.maximum(new_x, right))
        return np.clip(np.where(blocked, stopped, new_x), self.agent_radius, 1 - self.agent_radius)

    def _slide_y(self, x: np.ndarray, new_y: np.ndarray, wall: np.ndarray, door: np.ndarray) -> np.ndarray:
        in_door = np.abs(x - wall) < self._half_band - TOLERANCE
        gap = self.door_width / 2 - self.agent_radius
        return np.clip(np.where(in_door, np.clip(new_y, door - gap, door + gap), new_y), self.agent_radius, 1 - self.agent_radius)

    def _room(self, position: np.ndarray, wall: np.ndarray) -> np.ndarray:
        """-1 in the left room, 1 in the right one, 0 in the door."""
        offset = position[:, 0] - wall
        return np.sign(offset) * (np.abs(offset) >= self._half_band - TOLERANCE)

    def _sample_layout(self, rng: np.random.Generator, num: int) -> dict[str, np.ndarray]:
        if self.layout == "fixed":
            return {"wall": np.full(num, float(self.wall_position)), "door": np.full(num, float(self.door_position))}
        gap = self.door_width / 2
        return {"wall": rng.uniform(*self.wall_range, num), "door": rng.uniform(gap, 1 - gap, num)}

    def _sample_side(self, rng: np.random.Generator, wall: np.ndarray) -> Bool[np.ndarray, " batch"]:
        """True for the right room; the wider room is the likelier one."""
        margin = self._half_band + self.agent_radius
        return rng.random(len(wall)) * (1 - 2 * margin) >= wall - margin

    def _sample_position(self, rng: np.random.Generator, wall: np.ndarray, right: np.ndarray) -> Float[np.ndarray, "batch 2"]:
        low = np.where(right, wall + self._half_band, self.agent_radius)
        high = np.where(right, 1 - self.agent_radius, wall - self._half_band)
        return np.stack([rng.uniform(low, high), rng.uniform(self.agent_radius, 1 - self.agent_radius, len(wall))], axis=1)


def _length(vector: np.ndarray) -> np.ndarray:
    return np.sqrt(np.square(vector[:, 0]) + np.square(vector[:, 1]))
