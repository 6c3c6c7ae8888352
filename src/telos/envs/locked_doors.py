"""Two rooms with several doors, one of which is locked: only trying tells which."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from jaxtyping import Bool, Float, Num, UInt8

from telos.core.spaces import PixelSpace, Spaces, VectorSpace
from telos.core.world import AbstractWorld, WorldState
from telos.envs import canvas
from telos.envs.fields import Colour, check_choice, check_colours, check_count, check_number

TOLERANCE = 1e-6
"""Touching a wall is not being inside it; also forgives states that went through float32."""
NONE = -1
"""The number of the locked door where all are open."""


@dataclass(frozen=True, kw_only=True)
class LockedDoors(AbstractWorld):
    """A disc is pushed around two rooms joined by doors, one of them locked; locked and open doors look alike, and stay as they are.

    Use to see whether an agent remembers what it has tried. The scripted expert knows which door is locked.

    State: `position [batch 2]` (x, y), `locked [batch]` (which door is, from the top; -1: none).
    """

    locked: Literal["one", "none"] = "one"
    """Whether one door is locked, another one in each sampled state, or none."""
    doors: int = 2
    """Doors, at equal distances."""
    size: int = 32
    """Height and width of the picture, in pixels."""
    agent_radius: float = 0.05
    """Radius of the disc."""
    max_step: float = 0.08
    """Farthest displacement per axis and repeat of an action."""
    wall_thickness: float = 0.06
    """Thickness of the wall."""
    door_width: float = 0.24
    """Width of each door."""
    min_distance: float = 0.15
    """Least straight distance between a start and its goal."""
    floor_colour: Colour = (244, 241, 234)
    """Colour of the floor."""
    wall_colour: Colour = (46, 58, 78)
    """Colour of the wall."""
    door_colour: Colour = (206, 168, 110)
    """Colour of every door."""
    agent_colour: Colour = (222, 60, 50)
    """Colour of the disc."""

    pair_kinds: ClassVar[tuple[str, ...]] = ("across-rooms", "anywhere")

    def __post_init__(self) -> None:
        check_choice(self, "locked", ("one", "none"))
        check_count(self, "action_repeat", 1)
        check_count(self, "doors", 2, 8)
        check_count(self, "size", 8, 1024)
        check_number(self, "agent_radius", 0.01, 0.1)
        check_number(self, "max_step", 0.001, 2 * self.agent_radius)
        check_number(self, "wall_thickness", 0.005, 0.2)
        check_number(self, "door_width", 2 * self.agent_radius + 0.01, 0.95 / self.doors)
        check_number(self, "min_distance", 0.06, 0.5)
        check_colours(self, "floor_colour", "wall_colour", "door_colour", "agent_colour")

    @property
    def spaces(self) -> Spaces:
        bound = (self.max_step,) * 2
        return Spaces(PixelSpace(self.size, self.size), VectorSpace(2, tuple(-value for value in bound), bound))

    @property
    def door_places(self) -> Float[np.ndarray, " doors"]:
        """y of the middle of each door."""
        return (np.arange(self.doors) + 0.5) / self.doors

    def sample(self, rng: np.random.Generator, num: int) -> WorldState:
        return {"position": self._sample_position(rng, rng.random(num) < 0.5), "locked": self._sample_locked(rng, num)}

    def sample_pairs(self, rng: np.random.Generator, num: int, kind: str) -> tuple[WorldState, WorldState]:
        self.check_pair_kind(kind)
        locked = self._sample_locked(rng, num)
        starts, goals = np.empty((num, 2)), np.empty((num, 2))
        todo = np.arange(num)
        while len(todo):
            right = rng.random(len(todo)) < 0.5
            goal_right = ~right if kind == "across-rooms" else rng.random(len(todo)) < 0.5
            starts[todo], goals[todo] = self._sample_position(rng, right), self._sample_position(rng, goal_right)
            todo = todo[_length(starts[todo] - goals[todo]) < self.min_distance]
        return {"position": starts, "locked": locked}, {"position": goals, "locked": locked.copy()}

    def advance(self, state: WorldState, actions: Num[np.ndarray, "batch 2"]) -> WorldState:
        step = np.clip(np.asarray(actions, np.float64), -self.max_step, self.max_step)
        x, y = np.asarray(state["position"], np.float64).T
        for _ in range(self.action_repeat):
            x = self._slide_x(x, x + step[:, 0], y, state["locked"])
            y = self._slide_y(x, y, y + step[:, 1])
        return {"position": np.stack([x, y], axis=1), "locked": state["locked"].copy()}

    def pushes(self, state: WorldState, actions: Num[np.ndarray, "batch 2"]) -> Bool[np.ndarray, " batch"]:
        """Whether an action pushes against the locked door: with that door open it would have led on."""
        opened = {**state, "locked": np.full_like(state["locked"], NONE)}
        return _length(self.advance(state, actions)["position"] - self.advance(opened, actions)["position"]) > TOLERANCE

    def observe(self, state: WorldState) -> UInt8[np.ndarray, "batch size size 3"]:
        return self.draw(state, self.size)

    def draw(self, state: WorldState, size: int) -> UInt8[np.ndarray, "batch size size 3"]:
        """The picture in any size."""
        num, half = len(state["position"]), self.wall_thickness / 2
        wall = np.repeat(canvas.bands(np.full(1, 0.5 - half), np.full(1, 0.5 + half), size), size, axis=0)
        gaps = canvas.bands(self.door_places - self.door_width / 2, self.door_places + self.door_width / 2, size).sum(axis=0)
        agent = canvas.discs(state["position"], self.agent_radius, size)
        wall = np.broadcast_to(wall, (num, size, size))
        return canvas.paint(self.floor_colour, (wall, self.wall_colour), (gaps[:, None] * wall, self.door_colour), (agent, self.agent_colour))

    def expert(self, state: WorldState, goal: WorldState) -> Float[np.ndarray, "batch 2"]:
        position, target = np.asarray(state["position"], np.float64), np.array(goal["position"], np.float64)
        same_room = self._room(position) * self._room(target) > 0
        # The door with the shortest way through it, of those that are open.
        ways = np.abs(self.door_places - position[:, 1:]) + np.abs(self.door_places - target[:, 1:])
        ways[np.arange(self.doors) == state["locked"][:, None]] = np.inf
        door, gap = self.door_places[ways.argmin(axis=1)], self.door_width / 2 - self.agent_radius
        target[:, 1] = np.where(same_room, target[:, 1], np.clip(target[:, 1], door - gap, door + gap))
        # Walls let the disc slide; a door that is passed on the way may not be entered.
        waits = ~same_room & (np.abs(position[:, 1] - door) > gap + TOLERANCE) & (self._room(position) != 0)
        target[:, 0] = np.where(waits, position[:, 0], target[:, 0])
        return np.clip((target - position) / self.action_repeat, -self.max_step, self.max_step)

    def distance(self, state: WorldState, goal: WorldState) -> Float[np.ndarray, " batch"]:
        return _length(state["position"] - goal["position"])

    @property
    def _half_band(self) -> float:
        """Half the width of the band around the wall that the disc's centre enters in a door only."""
        return self.wall_thickness / 2 + self.agent_radius

    def _door_at(self, y: np.ndarray) -> np.ndarray:
        """The door that the disc fits through at height `y`, -2 where there is none."""
        away = np.abs(y[:, None] - self.door_places)
        return np.where(away.min(axis=1) <= self.door_width / 2 - self.agent_radius + TOLERANCE, away.argmin(axis=1), -2)

    def _slide_x(self, x: np.ndarray, new_x: np.ndarray, y: np.ndarray, locked: np.ndarray) -> np.ndarray:
        door = self._door_at(y)
        blocked = (door == -2) | (door == locked)
        stopped = np.where(x < 0.5, np.minimum(new_x, 0.5 - self._half_band), np.maximum(new_x, 0.5 + self._half_band))
        return np.clip(np.where(blocked, stopped, new_x), self.agent_radius, 1 - self.agent_radius)

    def _slide_y(self, x: np.ndarray, y: np.ndarray, new_y: np.ndarray) -> np.ndarray:
        in_door = np.abs(x - 0.5) < self._half_band - TOLERANCE
        gap = self.door_width / 2 - self.agent_radius
        door = self.door_places[np.abs(y[:, None] - self.door_places).argmin(axis=1)]
        return np.clip(np.where(in_door, np.clip(new_y, door - gap, door + gap), new_y), self.agent_radius, 1 - self.agent_radius)

    def _room(self, position: np.ndarray) -> np.ndarray:
        """-1 in the left room, 1 in the right one, 0 in a door."""
        offset = position[:, 0] - 0.5
        return np.sign(offset) * (np.abs(offset) >= self._half_band - TOLERANCE)

    def _sample_locked(self, rng: np.random.Generator, num: int) -> np.ndarray:
        drawn = rng.integers(self.doors, size=num)
        return drawn if self.locked == "one" else np.full(num, NONE, np.int64)

    def _sample_position(self, rng: np.random.Generator, right: np.ndarray) -> Float[np.ndarray, "batch 2"]:
        low = np.where(right, 0.5 + self._half_band, self.agent_radius)
        high = np.where(right, 1 - self.agent_radius, 0.5 - self._half_band)
        return np.stack([rng.uniform(low, high), rng.uniform(self.agent_radius, 1 - self.agent_radius, len(right))], axis=1)


def _length(vector: np.ndarray) -> np.ndarray:
    return np.sqrt(np.square(vector[:, 0]) + np.square(vector[:, 1]))
