"""How observations, and what a decoder makes of latents, become pictures for people."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from jaxtyping import Float
from torch.nn import functional

from telos.core.logs import WindowPlaces, map_tree
from telos.core.seeding import numpy_generator
from telos.core.spaces import ObservationSpace, PixelSpace, Tree, TreeSpace
from telos.core.world import AbstractWorld, WorldState
from telos.data import AbstractEpisodes
from telos.envs.gym import Drawable
from telos.envs.gym_world import AbstractForeignWorld
from telos.evaluation.report.pictures import RGB, as_rgb

LARGEST_SIDE = 48
"""Pixels per side that a decoder draws; larger pictures are averaged down, which keeps its training short."""
DRAWN_SIZE = 192
"""Pixels per side of a world's own drawing."""
KNOWN_MOMENTS = 5000
"""Moments of the logs among which the most similar one is looked for."""
EXACT = 1e-3
"""Largest error of a true state that was read from an observation, as a share of its spread; above, it is not drawn."""


class AbstractImagery(ABC):
    """What a decoder is asked for, and how to show it."""

    sees_pictures: ClassVar[bool]
    """Whether what is observed is, or holds, a picture."""

    @abstractmethod
    def target(self, observations: Tree) -> np.ndarray:
        """What to decode to, from observations `[frames ...]`: pictures (uint8) or vectors."""

    @abstractmethod
    def seen(self, observations: Tree) -> RGB | None:
        """Pictures of observations; None if there is no way to draw them."""

    @abstractmethod
    def imagined(self, decoded: np.ndarray) -> RGB | None:
        """Pictures of what was decoded; None if there is no way to draw it."""


@dataclass(frozen=True)
class CameraImagery(AbstractImagery):
    """The observation, or a part of it, is a picture."""

    sees_pictures = True

    part: str | None
    """Which part of a named tree; None if the observation is the picture."""

    def target(self, observations: Tree) -> np.ndarray:
        pictures = self.seen(observations)
        factor = -(-max(pictures.shape[1:3]) // LARGEST_SIDE)
        if factor == 1:
            return pictures
        channels_first = torch.from_numpy(pictures).permute(0, 3, 1, 2).float()
        small = functional.avg_pool2d(channels_first, factor, ceil_mode=True, count_include_pad=False)
        return small.round().byte().permute(0, 2, 3, 1).numpy()

    def seen(self, observations: Tree) -> RGB:
        return as_rgb(np.ascontiguousarray(observations if self.part is None else observations[self.part]))

    def imagined(self, decoded: np.ndarray) -> RGB:
        return decoded


@dataclass(frozen=True)
class NumberImagery(AbstractImagery):
    """The observation holds numbers only, and nobody can draw them: they are shown as lines."""

    sees_pictures = False

    def target(self, observations: Tree) -> np.ndarray:
        return as_numbers(observations)

    def seen(self, observations: Tree) -> RGB | None:
        return None

    def imagined(self, decoded: np.ndarray) -> RGB | None:
        return None


@dataclass(frozen=True)
class StateImagery(NumberImagery):
    """The observation holds numbers that determine the true state, which the world can draw."""

    world: AbstractWorld
    weights: Float[np.ndarray, "rows quantities"]
    """A row for each number of an observation, and one for a 1: from them to the parts of the state side by side."""
    example: WorldState
    """One state `[1 ...]`, for the shapes of its parts."""

    def seen(self, observations: Tree) -> RGB:
        return self.imagined(as_numbers(observations))

    def imagined(self, decoded: np.ndarray) -> RGB:
        flat = _with_one(decoded) @ self.weights
        state, start = {}, 0
        for name, part in self.example.items():
            state[name] = flat[:, start : start + part[0].size].reshape(len(flat), *part.shape[1:])
            start += part[0].size
        assert isinstance(self.world, Drawable)
        return as_rgb(self.world.draw(state, DRAWN_SIZE))


@dataclass(frozen=True)
class NearestImagery(NumberImagery):
    """The observation holds numbers; what is drawn is the most similar moment of the logs, whose true state is known."""

    world: AbstractWorld
    known: Float[np.ndarray, "moments numbers"]
    """Observations of known moments, each number in deviations."""
    scale: Float[np.ndarray, " numbers"]
    """One deviation of each number."""
    states: WorldState
    """Their true states `[moments ...]`."""

    def seen(self, observations: Tree) -> RGB:
        return self.imagined(as_numbers(observations))

    def imagined(self, decoded: np.ndarray) -> RGB:
        numbers = decoded / self.scale
        nearest = [int(np.square(self.known - row).sum(axis=1).argmin()) for row in numbers]
        return self.of_states({name: part[nearest] for name, part in self.states.items()})

    def of_states(self, states: WorldState) -> RGB:
        """Pictures of true states."""
        assert isinstance(self.world, Drawable)
        return as_rgb(self.world.draw(states, DRAWN_SIZE))


def imagery_for(space: ObservationSpace, world: AbstractWorld | None, logs: AbstractEpisodes | None = None, *, seed: int = 0) -> AbstractImagery:
    """The best way to show what is observed; true states are drawn only where the observation itself, or its like in the logs, tells them."""
    if isinstance(space, PixelSpace):
        return CameraImagery(None)
    if isinstance(space, TreeSpace) and (parts := [name for name, part in space.spaces.items() if isinstance(part, PixelSpace)]):
        return CameraImagery(parts[0])
    if not isinstance(world, Drawable) or not isinstance(world, AbstractWorld):
        return NumberImagery()
    if isinstance(world, AbstractForeignWorld):
        return _nearest(world, logs, seed) or NumberImagery()
    states = world.sample(numpy_generator(seed, "imagery"), 500)
    if any(np.asarray(part).dtype.kind != "f" for part in states.values()):
        return _nearest(world, logs, seed) or NumberImagery()
    flat = np.concatenate([part.reshape(len(part), -1) for part in states.values()], axis=1)
    rows = _with_one(as_numbers(world.observe(states)))
    weights = np.linalg.lstsq(rows, flat, rcond=None)[0]
    error = np.abs(rows @ weights - flat).max(axis=0)
    if (error > EXACT * flat.std(axis=0) + 1e-6).any():
        return _nearest(world, logs, seed) or NumberImagery()
    return StateImagery(world, weights, map_tree(lambda part: part[:1], dict(states)))


def _nearest(world: AbstractWorld, logs: AbstractEpisodes | None, seed: int) -> NearestImagery | None:
    """Some moments of the logs, if these tell the true states of them all."""
    example = world.sample(numpy_generator(seed, "imagery"), 1)
    if logs is None or set(world.truth(example)) != set(example) or not set(example) <= set(logs.info_names):
        return None
    windows = WindowPlaces(logs.lengths, 1).draw(numpy_generator(seed, "known moments"), KNOWN_MOMENTS)
    places = list(zip(*map(np.ndarray.tolist, windows), strict=True))
    numbers = as_numbers(logs.gather(*windows, 1)[0])
    known = numbers.reshape(KNOWN_MOMENTS, 2, -1)[:, 0]
    states = {name: np.stack([logs.info(name, episode)[time] for episode, time in places]).astype(part.dtype) for name, part in example.items()}
    scale = known.std(axis=0) + 1e-6
    return NearestImagery(world, known / scale, scale, states)


def as_numbers(observations: Tree) -> Float[np.ndarray, "frames numbers"]:
    """All numbers of observations `[frames ...]` side by side."""
    leaves = observations.values() if isinstance(observations, dict) else [observations]
    return np.concatenate([np.asarray(leaf, dtype=np.float32).reshape(len(leaf), -1) for leaf in leaves], axis=1)


def _with_one(numbers: np.ndarray) -> np.ndarray:
    return np.concatenate([numbers.astype(np.float64), np.ones((len(numbers), 1))], axis=1)
