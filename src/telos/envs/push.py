"""A disc pushes a block: the smallest world in which what matters cannot be moved directly."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import ClassVar, Literal

import numpy as np
from jaxtyping import Float, Num, UInt8

from telos.core.spaces import PixelSpace, Spaces, VectorSpace
from telos.core.world import AbstractWorld, WorldState
from telos.envs import canvas, patches
from telos.envs.contact import Bodies, Table
from telos.envs.fields import Colour, check_choice, check_colours, check_count, check_interval, check_number
from telos.envs.push_expert import Pusher

NEAR, NEAR_TURN = 0.15, np.pi / 4
"""Goals of the kind `near`: how far from its start the block lies at most, per axis, and how much it is turned."""
MARK_SHARE = 0.35
"""Share of the block's shorter side that the mark takes."""


@dataclass(frozen=True, kw_only=True)
class Push(AbstractWorld):
    """A disc pushes a block to a pose: it has to go behind the block first, and off the middle it turns the block.

    Use to see whether a model understands contact. Not as a first world; take `TwoRooms`.

    The block moves only where the disc pushes it, and slowly: it stops as soon as the disc does (see `telos.envs.contact`). A kerb stops the
    block before the walls, so that the disc can always go behind it. Random actions hardly ever touch the block:
    `telos data collect push --policy expert`.

    State: `position [batch 2]` of the disc, `block [batch 2]` (its middle), `angle [batch]` of the block in radians from x towards y.
    Distance: how far a corner of the block has to go, the farthest of the four; a turn by 20 degrees counts 0.045 with the usual block.
    """

    view: Literal["pixels", "state"] = "pixels"
    """What is observed: pictures, or 6 numbers (disc, block, cosine and sine of its angle)."""
    size: int = 32
    """Height and width of the picture, in pixels."""
    agent_radius: float = 0.05
    """Radius of the disc."""
    max_step: float = 0.05
    """Farthest displacement per axis and repeat of an action."""
    block_size: tuple[float, float] = (0.14, 0.22)
    """Sides of the block, the shorter first; the mark lies along one of the longer ones."""
    friction: float = 0.5
    """Coefficient of friction between disc and block."""
    kerb: float = 0.13
    """Distance from the walls at which the block is stopped."""
    judged: Literal["block", "both"] = "block"
    """What must be where it is in the goal: the block, or the disc too."""
    min_distance: float = 0.12
    """Least distance of the block between a start and its goal."""
    floor_colour: Colour = (244, 241, 234)
    """Colour of the floor."""
    kerb_colour: Colour = (226, 221, 210)
    """Colour of the strip between kerb and wall, where the block cannot go."""
    block_colour: Colour = (46, 58, 78)
    """Colour of the block."""
    mark_colour: Colour = (240, 170, 40)
    """Colour of the mark that tells one end of the block from the other."""
    agent_colour: Colour = (222, 60, 50)
    """Colour of the disc."""

    pair_kinds: ClassVar[tuple[str, ...]] = ("anywhere", "near")
    units: ClassVar[Mapping[str, str]] = {"angle": "radians"}

    def __post_init__(self) -> None:
        check_choice(self, "view", ("pixels", "state"))
        check_choice(self, "judged", ("block", "both"))
        check_count(self, "action_repeat", 1)
        check_count(self, "size", 8, 1024)
        check_number(self, "agent_radius", 0.01, 0.1)
        check_number(self, "max_step", 0.001, 1)
        check_interval(self, "block_size", 0.05, 0.4)
        check_number(self, "friction", 0, 2)
        check_number(self, "kerb", 0, 0.45 - math.hypot(*self.block_size) / 2)
        check_number(self, "min_distance", 0.06, 0.3)
        check_colours(self, "floor_colour", "kerb_colour", "block_colour", "mark_colour", "agent_colour")

    @property
    def spaces(self) -> Spaces:
        bound = (self.max_step,) * 2
        seen = PixelSpace(self.size, self.size) if self.view == "pixels" else VectorSpace(6, (0.0,) * 4 + (-1.0,) * 2, (1.0,) * 6)
        return Spaces(seen, VectorSpace(2, tuple(-value for value in bound), bound))

    @cached_property
    def table(self) -> Table:
        """The mechanics."""
        half = self.block_size[0] / 2, self.block_size[1] / 2
        return Table(radius=self.agent_radius, half=half, friction=self.friction, kerb=self.kerb)

    def sample(self, rng: np.random.Generator, num: int) -> WorldState:
        angle = rng.uniform(-np.pi, np.pi, num)
        # The kerb leaves a range that hangs on the angle.
        low = np.stack(self.table.within(np.zeros(num), np.zeros(num), np.cos(angle), np.sin(angle)), axis=1)
        return self._with_disc(rng, {"block": rng.uniform(low, 1 - low), "angle": angle})

    def sample_pairs(self, rng: np.random.Generator, num: int, kind: str) -> tuple[WorldState, WorldState]:
        self.check_pair_kind(kind)
        starts, goals = self.sample(rng, num), self.sample(rng, num)
        if kind == "near":
            goals = self._sample_near(rng, starts)
        while (todo := np.flatnonzero(self._block_distance(starts, goals) < self.min_distance)).size:
            fresh = self._sample_near(rng, {name: part[todo] for name, part in starts.items()}) if kind == "near" else self.sample(rng, todo.size)
            for name, part in fresh.items():
                goals[name][todo] = part
        return starts, goals

    def advance(self, state: WorldState, actions: Num[np.ndarray, "batch 2"]) -> WorldState:
        bodies, step = _bodies(state), np.clip(np.asarray(actions, np.float64), -self.max_step, self.max_step)
        step_x, step_y = np.ascontiguousarray(step.T)
        for _ in range(self.action_repeat):
            bodies = self.table.advance(bodies, step_x, step_y, math.sqrt(2) * self.max_step)
        return {"position": bodies[:2].T.copy(), "block": bodies[2:4].T.copy(), "angle": _wrapped(bodies[4])}

    def observe(self, state: WorldState) -> np.ndarray:
        """Pictures `[batch size size 3]`, or numbers `[batch 6]`."""
        if self.view == "pixels":
            return self.draw(state, self.size)
        angle = state["angle"][:, None]
        return np.concatenate([state["position"], state["block"], np.cos(angle), np.sin(angle)], axis=1).astype(np.float32)

    def draw(self, state: WorldState, size: int) -> UInt8[np.ndarray, "batch size size 3"]:
        """The picture in any size."""
        x, y, block_x, block_y, angle = _bodies(state)
        frames = np.empty((len(x), size, size, 3), np.uint8)
        frames[...] = _ground(size, self.kerb, self.floor_colour, self.kerb_colour)
        patch = patches.around(block_x, block_y, math.hypot(*self.block_size) / 2, size)
        block, along = patches.box(patch, np.cos(angle), np.sin(angle), self.table.half, size)
        mark = np.clip(along - np.float32((0.5 - MARK_SHARE) * self.block_size[0] * size - 0.5), 0, 1)
        patches.stamp(frames, patch, (block, self.block_colour), (block * mark, self.mark_colour))
        patch = patches.around(x, y, self.agent_radius, size)
        patches.stamp(frames, patch, (patches.disc(patch, self.agent_radius, size), self.agent_colour))
        return frames

    def expert(self, state: WorldState, goal: WorldState) -> Float[np.ndarray, "batch 2"]:
        pusher = Pusher(table=self.table, step=self.action_repeat * self.max_step)
        step = pusher.act(_bodies(state), _bodies(goal)) / self.action_repeat
        return np.clip(step, -self.max_step, self.max_step)

    def distance(self, state: WorldState, goal: WorldState) -> Float[np.ndarray, " batch"]:
        block = self._block_distance(state, goal)
        return block if self.judged == "block" else np.maximum(block, _length(state["position"] - goal["position"]))

    def _block_distance(self, state: WorldState, goal: WorldState) -> Float[np.ndarray, " batch"]:
        away = self._corners(state) - self._corners(goal)
        return np.sqrt(np.square(away).sum(axis=1).max(axis=1))

    def _corners(self, state: WorldState) -> Float[np.ndarray, "batch 2 4"]:
        cos, sin = np.cos(state["angle"])[:, None], np.sin(state["angle"])[:, None]
        x, y = (np.array(side) * half for side, half in zip(((1, 1, -1, -1), (1, -1, -1, 1)), self.table.half, strict=True))
        return state["block"][:, :, None] + np.stack([cos * x - sin * y, sin * x + cos * y], axis=1)

    def _sample_near(self, rng: np.random.Generator, starts: WorldState) -> WorldState:
        num = len(starts["angle"])
        angle = _wrapped(starts["angle"] + rng.uniform(-NEAR_TURN, NEAR_TURN, num))
        x, y = (starts["block"] + rng.uniform(-NEAR, NEAR, (num, 2))).T
        block = np.stack(self.table.within(x, y, np.cos(angle), np.sin(angle)), axis=1)
        return self._with_disc(rng, {"block": block, "angle": angle})

    def _with_disc(self, rng: np.random.Generator, block: WorldState) -> WorldState:
        """Blocks, and discs anywhere beside them."""
        num = len(block["angle"])
        state = {"position": np.empty((num, 2)), **block}
        todo = np.arange(num)
        while len(todo):
            state["position"][todo] = rng.uniform(self.agent_radius, 1 - self.agent_radius, (len(todo), 2))
            todo = todo[self.table.touch(_bodies({name: part[todo] for name, part in state.items()})).gap < 0]
        return state


@lru_cache
def _ground(size: int, kerb: float, inside: Colour, outside: Colour) -> UInt8[np.ndarray, "size size 3"]:
    """What lies below disc and block."""
    band = canvas.bands(np.array([kerb]), np.array([1 - kerb]), size)
    return canvas.paint(outside, (band[:, :, None] * band[:, None, :], inside))[0]


def _bodies(state: WorldState) -> Bodies:
    return np.concatenate([state["position"].T, state["block"].T, state["angle"][None]]).astype(np.float64)


def _wrapped(angle: np.ndarray) -> np.ndarray:
    """The same angles between -pi and pi."""
    return (angle + np.pi) % (2 * np.pi) - np.pi


def _length(vector: np.ndarray) -> np.ndarray:
    return np.sqrt(np.square(vector[:, 0]) + np.square(vector[:, 1]))
