"""The looks that ship with us. Numbers are shares of the range from black to white unless said."""

import zlib
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from jaxtyping import Float

from telos.core.colours import hue_rotations
from telos.core.errors import ConfigError
from telos.core.spaces import Tree
from telos.core.world import AbstractWorld, WorldState
from telos.evaluation.shifts.base import AbstractPictureShift, AbstractShift, picture_spaces


@dataclass(frozen=True, kw_only=True)
class Hue(AbstractPictureShift):
    """All colours turned around the grey axis."""

    degrees: float = 90.0
    """How far."""

    @property
    def label(self) -> str:
        return f"hue turned by {self.degrees:g}°"

    def misfit(self, world: AbstractWorld) -> str:
        colourless = super().misfit(world) or all(space.channels != 3 for space in picture_spaces(world.spaces))
        return "nothing is seen in colour" if colourless else ""

    def pictures(self, frames: np.ndarray) -> np.ndarray:
        if frames.shape[-1] != 3:
            return frames
        (matrix,) = hue_rotations(np.array([self.degrees]))
        # A sum of three products, not a matrix product: a row of a batch must look exactly like the row alone.
        red, green, blue = np.moveaxis(frames.astype(np.float32)[..., None], -2, 0)
        red_share, green_share, blue_share = matrix.T.astype(np.float32)
        return _to_bytes(red * red_share + green * green_share + blue * blue_share)


@dataclass(frozen=True, kw_only=True)
class Brightness(AbstractPictureShift):
    """More or less light."""

    factor: float = 0.7
    """On every number of the picture; what is brighter than white stays white."""

    @property
    def label(self) -> str:
        return f"{100 * self.factor:.0f} % of the light"

    def pictures(self, frames: np.ndarray) -> np.ndarray:
        return _to_bytes(frames * np.float32(self.factor))


@dataclass(frozen=True, kw_only=True)
class Contrast(AbstractPictureShift):
    """Nearer to the middle grey, or farther from it."""

    factor: float = 0.6
    """On the distance from the middle grey."""

    @property
    def label(self) -> str:
        return f"{100 * self.factor:.0f} % of the contrast"

    def pictures(self, frames: np.ndarray) -> np.ndarray:
        return _to_bytes((frames - np.float32(127.5)) * np.float32(self.factor) + np.float32(127.5))


@dataclass(frozen=True, kw_only=True)
class Lighting(AbstractPictureShift):
    """Light from the left: the background becomes a slope from bright to dark."""

    depth: float = 0.4
    """What is lost at the right edge."""

    @property
    def label(self) -> str:
        return f"light from one side ({100 * self.depth:.0f} %)"

    def pictures(self, frames: np.ndarray) -> np.ndarray:
        slope = 1 - np.float32(self.depth) * np.linspace(0, 1, frames.shape[2], dtype=np.float32)
        return _to_bytes(frames * slope[:, None])


@dataclass(frozen=True, kw_only=True)
class Noise(AbstractPictureShift):
    """A camera's noise: Gaussian, on every number of every frame anew."""

    deviation: float = 0.06
    """Of the noise."""

    @property
    def label(self) -> str:
        return f"noise of {100 * self.deviation:g} %"

    def pictures(self, frames: np.ndarray) -> np.ndarray:
        noisy = np.empty_like(frames)
        for index, frame in enumerate(frames):
            # Drawn from the frame itself: a shift has no chance of its own, so that every evaluation can be repeated.
            rng = np.random.default_rng(zlib.crc32(frame.tobytes()))
            noise = rng.standard_normal(frame.shape, dtype=np.float32)
            noisy[index] = _to_bytes(frame + np.float32(255 * self.deviation) * noise)
        return noisy


@dataclass(frozen=True, kw_only=True)
class Blur(AbstractPictureShift):
    """Out of focus: each pixel is the mean of a square of pixels."""

    radius: int = 1
    """Pixels on each side."""

    @property
    def label(self) -> str:
        return f"blurred over {2 * self.radius + 1} pixels"

    def pictures(self, frames: np.ndarray) -> np.ndarray:
        blurred = frames.astype(np.float32)
        for axis in (1, 2):
            blurred = _running_mean(blurred, axis, self.radius)
        return _to_bytes(blurred)


@dataclass(frozen=True, kw_only=True)
class Parameter(AbstractShift):
    """Another value of one of the world's parameters, for the eye only: it still moves as before."""

    name: str
    """Of the parameter, such as `agent_colour`."""
    value: Any
    """In place of the world's."""

    @property
    def label(self) -> str:
        return f"{self.name.replace('_', ' ')} {self.value}"

    def misfit(self, world: AbstractWorld) -> str:
        return _misfit(world, self.name, lambda: self.value)

    def observe(self, world: AbstractWorld, state: WorldState) -> Tree:
        return replace(world, **{self.name: self.value}).observe(state)


@dataclass(frozen=True, kw_only=True)
class Scaled(AbstractShift):
    """One of the world's sizes made larger or smaller, for the eye only: it still moves as before."""

    name: str = "agent_radius"
    """Of the parameter."""
    factor: float = 1.4
    """On the world's value."""

    @property
    def label(self) -> str:
        return f"{self.name.replace('_', ' ')} x {self.factor:g}"

    def misfit(self, world: AbstractWorld) -> str:
        return _misfit(world, self.name, lambda: self.factor * getattr(world, self.name))

    def observe(self, world: AbstractWorld, state: WorldState) -> Tree:
        return replace(world, **{self.name: self.factor * getattr(world, self.name)}).observe(state)


def _misfit(world: AbstractWorld, name: str, value: Any) -> str:
    if not picture_spaces(world.spaces):
        return "nothing is seen in pictures"
    if name not in {field.name for field in fields(world)}:
        return f"this world has no {name}"
    try:
        replace(world, **{name: value()})
    except (ConfigError, TypeError) as error:
        return " ".join(str(error).split())
    return ""


def _running_mean(values: Float[np.ndarray, "batch height width channel"], axis: int, radius: int) -> np.ndarray:
    """The mean over `2 * radius + 1` places along an axis; the edge is repeated."""
    padding = [(0, 0)] * values.ndim
    padding[axis] = (radius, radius)
    padded, length = np.pad(values, padding, mode="edge"), values.shape[axis]
    total = np.zeros_like(values)
    for offset in range(2 * radius + 1):
        total += np.take(padded, np.arange(offset, offset + length), axis=axis)
    return total / np.float32(2 * radius + 1)


def _to_bytes(values: np.ndarray) -> np.ndarray:
    return np.clip(values + np.float32(0.5), 0, 255).astype(np.uint8)
