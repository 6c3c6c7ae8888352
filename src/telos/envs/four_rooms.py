"""Four rooms, a door that may be shut, and others who wander about: far goals with much to ignore on the way."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Float, Int, Num, UInt8

from telos.core.errors import ConfigError
from telos.core.spaces import PixelSpace, Spaces, VectorSpace
from telos.core.world import AbstractWorld, WorldState
from telos.envs import canvas
from telos.envs.fields import Colour, check_colours, check_count, check_number
from telos.envs.luck import MODULUS, draws, next_luck
from telos.envs.ring import Ring

OTHERS: tuple[Colour, ...] = ((0, 114, 178), (230, 159, 0), (0, 158, 115), (204, 121, 167), (240, 228, 66))
"""Colours of the others, in turn; Okabe and Ito's, which everybody tells apart."""
MAX_TRIES = 200


@dataclass(frozen=True, kw_only=True)
class FourRooms(AbstractWorld):
    """A disc in four rooms around a corner; in half of the episodes one of the four doors is shut, and up to five others wander about.

    Use to see whether an agent finds far goals, by another way where the usual one is shut, and is not misled by what moves but does not
    matter. Not as a first world; take `TwoRooms`.

    The others look like the agent but for their colour, are as fast, and touch nobody. They walk straight on until a wall stops them, and
    now and then one is suddenly somewhere else. A door is shut or open for the whole episode, and the picture shows it; there always is a
    way, since the rooms lie in a ring and no more than one of its doors is shut.

    State: `position [batch 2]`; `shut [batch]`, which door is, 0 for none, else 1 to 4 for the upper, lower, left and right one;
    `others [batch most 2]`, `heading [batch most]` in radians, and `present [batch most]`; `luck [batch]`, a whole number from which
    follows what the others do, whatever the agent does.

    Pairs: the way from start to goal leads through as many doors as the kind says, in at most `farthest` steps. Goals show the others
    elsewhere.

    Source: after "FourRoom Distractors" of Zhang et al. (2026), arXiv 2610.06805: one of four doors shut with probability 0.5, up to 5 others
    that are suddenly elsewhere every 35 steps on average, goals up to 75 steps away through two doors. Sizes, colours of rooms and the
    rule of success are our own.
    """

    size: int = 32
    """Height and width of the picture, in pixels."""
    agent_radius: float = 0.045
    """Radius of the disc, and of all others."""
    max_step: float = 0.016
    """Farthest displacement per axis and repeat of an action."""
    wall_thickness: float = 0.06
    """Thickness of the walls."""
    door_width: float = 0.18
    """Width of the doors, which are in the middle of the walls of a room."""
    shut: float = 0.5
    """Share of the episodes in which one door is shut."""
    most: int = 5
    """Most others; how many there are is drawn anew for every episode, from none on."""
    elsewhere: float = 1 / 35
    """Chance in each step that one of the others is suddenly somewhere else."""
    farthest: int = 75
    """Steps to the farthest goals, along the shortest way."""
    min_distance: float = 0.15
    """Least straight distance between a start and its goal."""
    floor_colour: Colour = (244, 241, 234)
    """Colour of the floor."""
    wall_colour: Colour = (46, 58, 78)
    """Colour of the walls, and of a shut door."""
    agent_colour: Colour = (222, 60, 50)
    """Colour of the disc."""

    pair_kinds: ClassVar[tuple[str, ...]] = ("two-doors", "one-door", "anywhere")

    def __post_init__(self) -> None:
        check_count(self, "action_repeat", 1)
        check_count(self, "size", 8, 1024)
        check_number(self, "agent_radius", 0.01, 0.08)
        check_number(self, "max_step", 0.001, 0.5)
        check_number(self, "wall_thickness", 0.005, 0.1)
        check_number(self, "door_width", 2 * self.agent_radius + 0.01, 0.3)
        check_number(self, "shut", 0, 1)
        check_number(self, "elsewhere", 0, 1)
        check_count(self, "most", 0, 50)
        check_count(self, "farthest", 1)
        check_number(self, "min_distance", 0.06, 0.5)
        check_colours(self, "floor_colour", "wall_colour", "agent_colour")

    @property
    def spaces(self) -> Spaces:
        bound = (self.max_step,) * 2
        return Spaces(PixelSpace(self.size, self.size), VectorSpace(2, tuple(-value for value in bound), bound))

    @property
    def ring(self) -> Ring:
        """The rooms and their doors, for the middle of a disc."""
        return Ring(edge=self.agent_radius, half=self.wall_thickness / 2 + self.agent_radius, gap=self.door_width / 2 - self.agent_radius)

    def sample(self, rng: np.random.Generator, num: int) -> WorldState:
        shut = np.where(rng.random(num) < self.shut, rng.integers(1, 5, size=num), 0)
        present = np.arange(self.most) < rng.integers(0, self.most + 1, size=num)[:, None]
        return {"position": self.ring.place(rng.random((num, 2))), "shut": shut, "present": present, **self._sample_others(rng, num)}

    def sample_pairs(self, rng: np.random.Generator, num: int, kind: str) -> tuple[WorldState, WorldState]:
        self.check_pair_kind(kind)
        starts = {name: np.array(part) for name, part in self.sample(rng, num).items()}
        goals = {name: part.copy() for name, part in starts.items()} | self._sample_others(rng, num)
        todo = np.arange(num)
        for _ in range(MAX_TRIES):
            for state in (starts, goals):
                state["position"][todo] = self.ring.place(rng.random((len(todo), 2)))
            doors, way = self.ring.way(starts["position"], goals["position"], starts["shut"])
            wanted = {"two-doors": doors == 2, "one-door": doors == 1, "anywhere": doors >= 0}[kind]
            near = way <= self.farthest * self.max_step * self.action_repeat
            todo = np.flatnonzero(~(wanted & near & (self.distance(starts, goals) >= self.min_distance)))
            if not len(todo):
                return starts, goals
        raise ConfigError(
            f"Hardly any pairs of the kind '{kind}' are at most {self.farthest} steps apart.", fix="raise farthest or max_step, or lower min_distance"
        )

    def advance(self, state: WorldState, actions: Num[np.ndarray, "batch 2"]) -> WorldState:
        step = np.clip(np.asarray(actions, np.float64), -self.max_step, self.max_step)
        moved = {name: np.array(part) for name, part in state.items()}
        for _ in range(self.action_repeat):
            moved["position"] = self.ring.slide(np.asarray(moved["position"], np.float64), step, moved["shut"])
            moved |= self._wander(moved)
        return moved

    def observe(self, state: WorldState) -> UInt8[np.ndarray, "batch size size 3"]:
        return self.draw(state, self.size)

    def draw(self, state: WorldState, size: int) -> UInt8[np.ndarray, "batch size size 3"]:
        """The picture in any size; the agent is in front of the others."""
        layers = [(self._walls(state["shut"], size), self.wall_colour)]
        for index in range(self.most):
            disc = canvas.discs(state["others"][:, index], self.agent_radius, size)
            layers.append((disc * state["present"][:, index, None, None].astype(np.float32), OTHERS[index % len(OTHERS)]))
        return canvas.paint(self.floor_colour, *layers, (canvas.discs(state["position"], self.agent_radius, size), self.agent_colour))

    def expert(self, state: WorldState, goal: WorldState) -> Float[np.ndarray, "batch 2"]:
        position = np.asarray(state["position"], np.float64)
        target = self.ring.next_target(position, np.asarray(goal["position"], np.float64), state["shut"])
        return np.clip((target - position) / self.action_repeat, -self.max_step, self.max_step)

    def distance(self, state: WorldState, goal: WorldState) -> Float[np.ndarray, " batch"]:
        return np.sqrt(np.square(state["position"] - goal["position"]).sum(axis=1))

    def path_length(self, state: WorldState, goal: WorldState) -> Float[np.ndarray, " batch"]:
        """The shortest way through the doors, as a share of the arena's width; a step covers `max_step` of it along each axis."""
        return self.ring.way(state["position"], goal["position"], state["shut"])[1]

    def _sample_others(self, rng: np.random.Generator, num: int) -> dict[str, np.ndarray]:
        others = self.ring.place(rng.random((num * self.most, 2))).reshape(num, self.most, 2)
        return {"others": others, "heading": rng.uniform(0, 2 * np.pi, (num, self.most)), "luck": rng.integers(MODULUS, size=num)}

    def _wander(self, state: WorldState) -> dict[str, np.ndarray]:
        """What the others do in one step."""
        num, luck = len(state["luck"]), next_luck(np.asarray(state["luck"], np.int64))
        if not self.most:
            return {"luck": luck}
        chance = draws(luck, 4 * self.most).reshape(num, self.most, 4)
        others, heading = np.asarray(state["others"], np.float64), np.asarray(state["heading"], np.float64)
        stride = self.max_step * np.stack([np.cos(heading), np.sin(heading)], axis=-1)
        moved = self.ring.slide(others.reshape(-1, 2), stride.reshape(-1, 2), np.repeat(state["shut"], self.most)).reshape(others.shape)
        stopped = np.abs(moved - others - stride).max(axis=-1) > 1e-9
        jumps = chance[..., 0] < self.elsewhere
        return {
            "others": np.where(jumps[..., None], self.ring.place(chance[..., 1:3]), moved),
            "heading": np.where(jumps | stopped, 2 * np.pi * chance[..., 3], heading),
            "luck": luck,
        }

    def _walls(self, shut: Int[np.ndarray, " batch"], size: int) -> Float[np.ndarray, "batch size size"]:
        """Both walls with the holes of the doors that are open."""
        num, half, gap = len(shut), self.wall_thickness / 2, self.door_width / 2

        def band(middle: float, reach: float) -> np.ndarray:
            return canvas.bands(np.full(num, middle - reach), np.full(num, middle + reach), size)

        wall = band(0.5, half)
        first, second = band(0.25, gap), band(0.75, gap)
        opened = [(shut != door)[:, None].astype(np.float32) for door in (1, 2, 3, 4)]
        upright = (1 - first * opened[0] - second * opened[1])[:, :, None] * wall[:, None, :]
        lying = wall[:, :, None] * (1 - first * opened[2] - second * opened[3])[:, None, :]
        return np.maximum(upright, lying)
