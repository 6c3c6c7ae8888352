"""What cannot happen in a playroom: each kind says when it can be shown, and what it does."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Bool

from telos.core.world import WorldState
from telos.envs.playroom import COLOURS, SHAPES, WALL_THICKNESS, Playroom

SOON = 10
"""Steps within which what was hidden must come out again, or what was changed must show."""
THING = 0
"""Which thing it happens to: the one in front, which is always there."""
LEAST_JUMP = 0.3
"""Of what is suddenly elsewhere, in arena widths."""


@dataclass(frozen=True, kw_only=True)
class Course:
    """Episodes as they really went."""

    world: Playroom
    states: Mapping[str, np.ndarray]
    """`[time+1 batch ...]`"""

    @property
    def x(self) -> np.ndarray:
        """`[time+1 batch]` of the thing."""
        return self.states["position"][:, :, THING, 0]

    @property
    def y(self) -> np.ndarray:
        return self.states["position"][:, :, THING, 1]

    @property
    def hidden(self) -> Bool[np.ndarray, "time batch"]:
        """Where the screen hides all of it."""
        return np.abs(self.x - self.states["screen"]) <= self.world.screen_width / 2 - self.world.radius - 1 / self.world.size

    @property
    def visible(self) -> Bool[np.ndarray, "time batch"]:
        """Where the screen hides nothing of it."""
        return np.abs(self.x - self.states["screen"]) >= self.world.screen_width / 2 + self.world.radius

    @property
    def behind_screen(self) -> Bool[np.ndarray, "time batch"]:
        """Where it is hidden, shortly after most of it was seen, and shortly before that is so again."""
        seen = np.abs(self.x - self.states["screen"]) >= self.world.screen_width / 2 + self.world.radius / 2
        return self.hidden & lately(seen) & soon(seen)


class AbstractViolation(ABC):
    """One kind of what cannot happen. A frozen dataclass."""

    name: ClassVar[str]

    @abstractmethod
    def possible_at(self, course: Course) -> Bool[np.ndarray, "time batch"]:
        """Whether it can be shown as beginning at that step: the state there is the first one that is not as it should be."""

    @abstractmethod
    def begin(self, world: Playroom, before: WorldState, after: WorldState, rng: np.random.Generator) -> WorldState:
        """The first state that is not as it should be, in place of `after`, which would have followed on `before`."""

    def go_on(self, world: Playroom, state: WorldState, actions: np.ndarray) -> WorldState:
        """What follows then; the world's own course unless it says otherwise."""
        return world.advance(state, actions)


@dataclass(frozen=True)
class Vanishing(AbstractViolation):
    """It goes behind the screen, and does not come out."""

    name = "vanishing"

    def possible_at(self, course: Course) -> np.ndarray:
        return course.behind_screen

    def begin(self, world: Playroom, before: WorldState, after: WorldState, rng: np.random.Generator) -> WorldState:
        return _changed(after, "present", np.zeros(len(after["wall"]), bool))


@dataclass(frozen=True)
class Teleporting(AbstractViolation):
    """In full view it is suddenly elsewhere, on the same side of the wall."""

    name = "teleporting"

    def possible_at(self, course: Course) -> np.ndarray:
        return course.visible & _shifted(course.visible, 1)

    def begin(self, world: Playroom, before: WorldState, after: WorldState, rng: np.random.Generator) -> WorldState:
        here, right = after["position"][:, THING], after["position"][:, THING, 0] > after["wall"]
        places = world.sample(rng, 400)["position"][:, 0]
        far = np.linalg.norm(places[None] - here[:, None], axis=2) > LEAST_JUMP
        gap = WALL_THICKNESS / 2 + world.radius
        same_side = np.where(right[:, None], places[None, :, 0] - after["wall"][:, None], after["wall"][:, None] - places[None, :, 0]) > gap
        in_view = np.abs(places[None, :, 0] - after["screen"][:, None]) > world.screen_width / 2 + world.radius
        fits = far & same_side & in_view
        there = np.where(fits.any(axis=1, keepdims=True), places[fits.argmax(axis=1)], here)
        return _changed(after, "position", there)


@dataclass(frozen=True)
class Passing(AbstractViolation):
    """It flies through the wall, where it should have bounced off."""

    name = "passing through the wall"

    def possible_at(self, course: Course) -> np.ndarray:
        wall, speed = course.states["wall"], course.states["velocity"][:, :, THING, 0]
        turned = _shifted(speed, 1) * speed < 0
        at_wall = np.abs(course.x - wall) < WALL_THICKNESS / 2 + course.world.radius + 0.06
        # The whole passage is in view: wall and both sides of it.
        in_view = np.abs(wall - course.states["screen"]) > course.world.screen_width / 2 + 0.06
        return turned & at_wall & in_view

    def begin(self, world: Playroom, before: WorldState, after: WorldState, rng: np.random.Generator) -> WorldState:
        speed = before["velocity"][:, THING, 0]
        through = np.stack([before["position"][:, THING, 0] + speed, after["position"][:, THING, 1]], axis=1)
        changed = _changed(after, "position", through)
        return _changed(changed, "velocity", np.stack([speed, after["velocity"][:, THING, 1]], axis=1))

    def go_on(self, world: Playroom, state: WorldState, actions: np.ndarray) -> WorldState:
        usual = world.advance(state, actions)
        # Without the wall, for this thing alone: all of the room lies to the right of it then.
        free = world.advance({**state, "wall": np.full(len(state["wall"]), -1.0)}, actions)
        for name in ("position", "velocity"):
            usual = _changed(usual, name, free[name][:, THING])
        return usual


@dataclass(frozen=True)
class Floating(AbstractViolation):
    """In full view it stops falling, and drifts on at the same height."""

    name = "floating"

    def possible_at(self, course: Course) -> np.ndarray:
        in_air = (course.y > 0.15) & (course.y < 0.5)
        stays_in_view = course.visible & soon(course.visible, 2) & _shifted(course.visible, -4)
        return in_air & stays_in_view

    def begin(self, world: Playroom, before: WorldState, after: WorldState, rng: np.random.Generator) -> WorldState:
        height = np.stack([after["position"][:, THING, 0], before["position"][:, THING, 1]], axis=1)
        still = np.stack([after["velocity"][:, THING, 0], np.zeros(len(height))], axis=1)
        return _changed(_changed(after, "position", height), "velocity", still)

    def go_on(self, world: Playroom, state: WorldState, actions: np.ndarray) -> WorldState:
        return self.begin(world, state, world.advance(state, actions), np.random.default_rng(0))


@dataclass(frozen=True)
class Recolouring(AbstractViolation):
    """It comes out from behind the screen in another colour."""

    name = "change of colour"

    def possible_at(self, course: Course) -> np.ndarray:
        return course.behind_screen

    def begin(self, world: Playroom, before: WorldState, after: WorldState, rng: np.random.Generator) -> WorldState:
        return _changed(after, "colour", _another(after["colour"][:, THING], len(COLOURS), rng))


@dataclass(frozen=True)
class Reshaping(AbstractViolation):
    """It comes out from behind the screen in another shape."""

    name = "change of shape"

    def possible_at(self, course: Course) -> np.ndarray:
        return course.behind_screen

    def begin(self, world: Playroom, before: WorldState, after: WorldState, rng: np.random.Generator) -> WorldState:
        return _changed(after, "shape", _another(after["shape"][:, THING], len(SHAPES), rng))


VIOLATIONS: tuple[AbstractViolation, ...] = (Vanishing(), Teleporting(), Passing(), Floating(), Recolouring(), Reshaping())
"""All kinds that ship with us."""


def lately(where: Bool[np.ndarray, "time batch"], steps: int = SOON) -> Bool[np.ndarray, "time batch"]:
    """Whether it was so at one of the last steps."""
    return np.any([_shifted(where, ago) for ago in range(1, steps + 1)], axis=0)


def soon(where: Bool[np.ndarray, "time batch"], steps: int = SOON) -> Bool[np.ndarray, "time batch"]:
    """Whether it will be so at one of the next steps."""
    return np.any([_shifted(where, -ahead) for ahead in range(1, steps + 1)], axis=0)


def _shifted(values: np.ndarray, steps: int) -> np.ndarray:
    """What was `steps` ago, or will be; nothing beyond the ends."""
    moved = np.zeros_like(values)
    if steps > 0:
        moved[steps:] = values[:-steps]
    else:
        moved[:steps] = values[-steps:]
    return moved


def _changed(state: WorldState, name: str, value: np.ndarray) -> dict[str, np.ndarray]:
    """The states with one part of the thing replaced."""
    part = np.array(state[name])
    part[:, THING] = value
    return {**{key: np.array(old) for key, old in state.items()}, name: part}


def _another(place: np.ndarray, num: int, rng: np.random.Generator) -> np.ndarray:
    return (place + rng.integers(1, num, size=len(place))) % num
