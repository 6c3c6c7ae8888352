"""A bridge in the wind: the smallest world in which the shortest way is a gamble."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from jaxtyping import Bool, Float, Int, Num

from telos.core.spaces import PixelSpace, Spaces, VectorSpace
from telos.core.world import AbstractWorld, Rules, WorldState
from telos.envs import canvas
from telos.envs.fields import Colour, check_choice, check_colours, check_count, check_interval, check_number
from telos.envs.luck import MODULUS, next_luck

MARGIN = 0.06
"""How far from the middle of the lane, and beyond the pits, the expert turns."""


@dataclass(frozen=True, kw_only=True)
class WindyBridge(AbstractWorld):
    """A disc crosses a chasm, by a short bridge in the wind or by a long way round without any.

    Who steps on the middle of the bridge is met by a gust now and then, up or down as likely, that carries it into a pit: there it stays
    for good. Nothing that is seen tells of the next gust. A model that predicts the mean expects to pass dry.

    Use to see whether an agent knows what it cannot know, and plans for it. Not to learn control; take `TwoRooms`.

    State: `position [batch 2]`, `luck [batch]`, a whole number from which all chance of an episode follows, whatever is done.
    Actions: displacement, at most `max_step` long. The pits lie between `chasm[0]` and `chasm[1]` in x, above and below the bridge; over
    the upper one runs the lane.
    """

    view: Literal["state", "pixels"] = "state"
    """What is observed: the position, or a picture."""
    size: int = 32
    """Height and width of the picture, in pixels."""
    max_step: float = 0.18
    """Longest displacement per repeat of an action."""
    windy: float = 0.2
    """Width of the bridge's middle; a little more than a step, so that nobody jumps over it."""
    gusts: float = 0.2
    """Share of the steps onto it that are met by a gust."""
    gust: float = 0.22
    """How far it carries."""
    chasm: tuple[float, float] = (0.38, 0.62)
    """Where the pits begin and end in x."""
    bridge: tuple[float, float] = (0.48, 0.68)
    """Where the bridge begins and ends in y."""
    lane: float = 0.24
    """Width of the way round, along the upper wall."""
    agent_radius: float = 0.04
    """Radius of the disc in the picture; its middle counts."""
    floor_colour: Colour = (244, 241, 234)
    """Colour of the floor."""
    pit_colour: Colour = (46, 58, 78)
    """Colour of the pits."""
    agent_colour: Colour = (222, 60, 50)
    """Colour of the disc."""

    pair_kinds: ClassVar[tuple[str, ...]] = ("across",)
    rules: ClassVar[Rules] = Rules(radius=0.06, hold=2, steps=16)

    def __post_init__(self) -> None:
        check_choice(self, "view", ("state", "pixels"))
        check_count(self, "action_repeat", 1)
        check_count(self, "size", 8, 1024)
        check_number(self, "max_step", 0.001, 0.3)
        check_number(self, "windy", self.max_step, 0.5)
        check_number(self, "gusts", 0, 1)
        check_number(self, "gust", 0, 0.4)
        check_number(self, "lane", 0.05, 0.4)
        check_number(self, "agent_radius", 0.01, 0.1)
        check_interval(self, "chasm", 0.25, 0.75)
        check_interval(self, "bridge", self.lane, 1)
        check_colours(self, "floor_colour", "pit_colour", "agent_colour")

    @property
    def spaces(self) -> Spaces:
        bound = (self.max_step,) * 2
        seen = PixelSpace(self.size, self.size) if self.view == "pixels" else VectorSpace(2, (0, 0), (1, 1))
        return Spaces(seen, VectorSpace(2, tuple(-value for value in bound), bound))

    def sample(self, rng: np.random.Generator, num: int) -> WorldState:
        """Three of four on the middle of the bridge: elsewhere nothing happens."""
        position = np.empty((num, 2))
        todo = np.arange(num)
        while len(todo):
            position[todo] = rng.random((len(todo), 2))
            todo = todo[self.fallen({"position": position[todo]})]
        on_bridge = np.stack([0.5 + rng.uniform(-self.windy, self.windy, num), rng.uniform(*self.bridge, num)], axis=1)
        return {"position": np.where(rng.random(num)[:, None] < 0.75, on_bridge, position), "luck": rng.integers(MODULUS, size=num)}

    def sample_pairs(self, rng: np.random.Generator, num: int, kind: str) -> tuple[WorldState, WorldState]:
        self.check_pair_kind(kind)
        middle = sum(self.bridge) / 2
        leftwards = rng.random(num) < 0.5
        starts, goals = (np.stack([rng.uniform(0.05, 0.2, num), middle + rng.uniform(-0.12, 0.12, num)], axis=1) for _ in range(2))
        goals[:, 0] = 1 - goals[:, 0]
        starts[leftwards, 0], goals[leftwards, 0] = 1 - starts[leftwards, 0], 1 - goals[leftwards, 0]
        luck = rng.integers(MODULUS, size=(2, num))
        return {"position": starts, "luck": luck[0]}, {"position": goals, "luck": luck[1]}

    def advance(self, state: WorldState, actions: Num[np.ndarray, "batch 2"]) -> WorldState:
        position, luck = np.array(state["position"], np.float64), np.array(state["luck"], np.int64)
        step = np.clip(np.asarray(actions, np.float64), -self.max_step, self.max_step)
        step = self._at_most_a_step(step)
        for _ in range(self.action_repeat):
            luck = next_luck(luck)
            moved = np.clip(position + step, 0, 1)
            moved[:, 1] = np.clip(moved[:, 1] + np.where(self.exposed(moved), self.gust * self._gusts(luck), 0), 0, 1)
            position = np.where(self.fallen({"position": position})[:, None], position, moved)
        return {"position": position, "luck": luck}

    def fallen(self, state: WorldState) -> Bool[np.ndarray, " batch"]:
        """Who lies in a pit, for good."""
        x, y = state["position"][:, 0], state["position"][:, 1]
        above = (y > self.lane) & (y < self.bridge[0])
        return (x > self.chasm[0]) & (x < self.chasm[1]) & (above | (y > self.bridge[1]))

    def exposed(self, position: Float[np.ndarray, "batch 2"]) -> Bool[np.ndarray, " batch"]:
        """Where a gust may come."""
        x, y = position[:, 0], position[:, 1]
        return (np.abs(x - 0.5) <= self.windy / 2) & (y >= self.bridge[0]) & (y <= self.bridge[1])

    def observe(self, state: WorldState) -> np.ndarray:
        return self.draw(state, self.size) if self.view == "pixels" else state["position"].astype(np.float32)

    def draw(self, state: WorldState, size: int) -> np.ndarray:
        """A picture; nothing in it tells of the wind."""
        num = len(state["position"])
        across = canvas.bands(np.full(num, self.chasm[0]), np.full(num, self.chasm[1]), size)[:, None, :]
        over, under = (
            canvas.bands(np.full(num, low), np.full(num, high), size) for low, high in ((self.lane, self.bridge[0]), (self.bridge[1], 1.0))
        )
        disc = canvas.discs(state["position"], self.agent_radius, size)
        return canvas.paint(self.floor_colour, ((over + under)[:, :, None] * across, self.pit_colour), (disc, self.agent_colour))

    def expert(self, state: WorldState, goal: WorldState) -> Float[np.ndarray, "batch 2"]:
        """Takes the way round."""
        position, target = np.array(state["position"], np.float64), np.array(goal["position"], np.float64)
        side, wanted = np.sign(position[:, 0] - 0.5), np.sign(target[:, 0] - 0.5)
        in_lane, beside = position[:, 1] < self.lane - 0.02, self._beside(position)
        low, high = self.chasm[0] - MARGIN, self.chasm[1] + MARGIN
        entry = np.stack([np.where(side < 0, low, high), np.full(len(side), self.lane / 2)], axis=1)
        leaving = np.stack([np.where(wanted < 0, low, high), np.full(len(side), self.lane / 2)], axis=1)
        straight = (side == wanted) & beside
        ahead = (np.where(straight[:, None], target, np.where(in_lane[:, None], leaving, entry)) - position) / self.action_repeat
        return self._at_most_a_step(ahead)

    def distance(self, state: WorldState, goal: WorldState) -> Float[np.ndarray, " batch"]:
        return _length(state["position"] - goal["position"])

    def _at_most_a_step(self, way: Float[np.ndarray, "batch 2"]) -> Float[np.ndarray, "batch 2"]:
        return way * np.minimum(1, self.max_step / np.maximum(_length(way), 1e-12))[:, None]

    def _beside(self, position: Float[np.ndarray, "batch 2"]) -> Bool[np.ndarray, " batch"]:
        return (position[:, 0] <= self.chasm[0]) | (position[:, 0] >= self.chasm[1])

    def _gusts(self, luck: Int[np.ndarray, " batch"]) -> Int[np.ndarray, " batch"]:
        """-1, 0 or 1: upwards, none, downwards."""
        share = luck / MODULUS
        return (share > 1 - self.gusts / 2).astype(np.int64) - (share < self.gusts / 2)


def _length(vector: np.ndarray) -> np.ndarray:
    return np.sqrt(np.square(vector[:, 0]) + np.square(vector[:, 1]))
