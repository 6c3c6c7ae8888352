"""Regions of space as signed distances: what guardrails keep out of, and tasks go to."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Float
from torch import Tensor

from telos.core.errors import ConfigError, SpaceError
from telos.core.functions import as_path, load_function


class AbstractRegion(ABC):
    """A set of points. A frozen dataclass."""

    @property
    @abstractmethod
    def size(self) -> int:
        """Numbers of a point."""

    @abstractmethod
    def distance(self, points: Float[Tensor, "*batch size"]) -> Float[Tensor, "*batch"]:
        """How far each point lies outside: negative inside, 0 on the border; differentiable almost everywhere.

        Raises:
            SpaceError: points of the region have more numbers, or fewer.
        """

    def _check(self, points: Tensor) -> None:
        if points.shape[-1] != self.size:
            raise SpaceError(
                f"A {type(self).__name__} of points of {self.size} numbers is asked about points of {points.shape[-1]}.",
                expected="a region with as many numbers as its quantity has",
            )


@dataclass(frozen=True, kw_only=True)
class Disc(AbstractRegion):
    """All points near a centre; a ball where points have three numbers. Raises ConfigError for a radius that is none."""

    center: tuple[float, ...]
    """Its middle, in the unit of the quantity."""
    radius: float
    """Above 0."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "center", _numbers("The centre of a disc", self.center))
        if not 0 < self.radius < math.inf:
            raise ConfigError(f"A disc has the radius {self.radius}.", expected="a number above 0")

    @property
    def size(self) -> int:
        return len(self.center)

    def distance(self, points: Float[Tensor, "*batch size"]) -> Float[Tensor, "*batch"]:
        self._check(points)
        return torch.linalg.vector_norm(points - points.new_tensor(self.center), dim=-1) - self.radius


@dataclass(frozen=True, kw_only=True)
class Box(AbstractRegion):
    """All points between two bounds in every number; None where there is no bound. Raises ConfigError for bounds that cannot be."""

    low: tuple[float | None, ...]
    """Least value of each number."""
    high: tuple[float | None, ...]
    """Greatest value of each number."""

    def __post_init__(self) -> None:
        low, high = tuple(self.low), tuple(self.high)
        if len(low) != len(high):
            raise ConfigError(f"A box has {len(low)} lower and {len(high)} upper bounds.", expected="as many of each; None where there is no bound")
        if all(bound is None for bound in (*low, *high)):
            raise ConfigError("A box has no bound at all.", expected="one at the least")
        for name, bounds in (("low", low), ("high", high)):
            _numbers(f"The bound '{name}' of a box", [bound for bound in bounds if bound is not None] or [0.0])
            object.__setattr__(self, name, tuple(None if bound is None else float(bound) for bound in bounds))
        for least, most in zip(self.low, self.high, strict=True):
            if least is not None and most is not None and not least < most:
                raise ConfigError(f"A box reaches from {least} to {most}.", expected="a lower bound below the upper one")

    @property
    def size(self) -> int:
        return len(self.low)

    def distance(self, points: Float[Tensor, "*batch size"]) -> Float[Tensor, "*batch"]:
        self._check(points)
        low = points.new_tensor([-math.inf if bound is None else bound for bound in self.low])
        high = points.new_tensor([math.inf if bound is None else bound for bound in self.high])
        beyond = torch.maximum(low - points, points - high)
        return torch.linalg.vector_norm(beyond.relu(), dim=-1) + beyond.amax(dim=-1).clamp(max=0)


@dataclass(frozen=True, kw_only=True)
class Polygon(AbstractRegion):
    """What a closed line of straight edges encloses, in the plane; it may be hollow, and must not cross itself.

    Raises:
        ConfigError: fewer than three corners, corners that are not two numbers each, or two in a row that are the same.
    """

    corners: tuple[tuple[float, float], ...]
    """In order, either way round; the last is joined to the first."""

    def __post_init__(self) -> None:
        corners = tuple(_numbers("A corner of a polygon", corner) for corner in self.corners)
        if len(corners) < 3 or any(len(corner) != 2 for corner in corners):
            raise ConfigError(f"A polygon has the corners {corners}.", expected="three or more, of two numbers each")
        if any(corner == following for corner, following in zip(corners, corners[1:] + corners[:1], strict=True)):
            raise ConfigError(f"Two corners in a row of a polygon are the same: {corners}.", expected="edges that have a length")
        object.__setattr__(self, "corners", corners)

    @property
    def size(self) -> int:
        return 2

    def distance(self, points: Float[Tensor, "*batch size"]) -> Float[Tensor, "*batch"]:
        self._check(points)
        begin = points.new_tensor(self.corners)
        edge = begin.roll(-1, dims=0) - begin
        offset = points[..., None, :] - begin
        along = ((offset * edge).sum(dim=-1) / edge.square().sum(dim=-1)).clamp(0, 1)
        nearest = torch.linalg.vector_norm(offset - along[..., None] * edge, dim=-1).amin(dim=-1)
        # A ray to the right of a point that is inside meets the border an odd number of times.
        above = offset[..., 1] >= 0
        crosses = above != above.roll(-1, dims=-1)
        right = (edge[:, 0] * offset[..., 1] - edge[:, 1] * offset[..., 0]) * edge[:, 1].sign() > 0
        inside = (crosses & right).sum(dim=-1) % 2 == 1
        return torch.where(inside, -nearest, nearest)


@dataclass(frozen=True, kw_only=True)
class Field(AbstractRegion):
    """A region of one's own: any function that gives signed distances.

    How well a margin and a gradient work is up to the function: it should grow by 1 per unit outside, and be differentiable.

    Raises:
        ConfigError, UnknownNameError: there is no such function.
    """

    function: str | Callable[[Tensor], Tensor]
    """`file.py:name`, `module:name`, or the function itself: `points [*batch size]` to distances `[*batch]`, negative inside."""
    num_numbers: int = 2
    """Numbers of a point."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "function", as_path(self.function))
        _ = self.loaded

    @cached_property
    def loaded(self) -> Callable[[Tensor], Tensor]:
        """The function itself."""
        return load_function(self.function)

    @property
    def size(self) -> int:
        return self.num_numbers

    def distance(self, points: Float[Tensor, "*batch size"]) -> Float[Tensor, "*batch"]:
        self._check(points)
        found = self.loaded(points)
        if not isinstance(found, Tensor) or found.shape != points.shape[:-1]:
            shape = list(found.shape) if isinstance(found, Tensor) else type(found).__name__
            raise SpaceError(
                f"The field '{self.function}' gives {shape} for points {list(points.shape)}.",
                expected=f"one distance for each point, {list(points.shape[:-1])}: look at points[..., 0], not points[0]",
            )
        return found


@dataclass(frozen=True, kw_only=True)
class Outside(AbstractRegion):
    """All points that are not in a region."""

    region: AbstractRegion

    @property
    def size(self) -> int:
        return self.region.size

    def distance(self, points: Float[Tensor, "*batch size"]) -> Float[Tensor, "*batch"]:
        self._check(points)
        return -self.region.distance(points)


@dataclass(frozen=True, kw_only=True)
class _Several(AbstractRegion):
    regions: tuple[AbstractRegion, ...]
    """Of points with equally many numbers."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "regions", tuple(self.regions))
        if len({region.size for region in self.regions}) != 1:
            raise ConfigError(f"A {type(self).__name__} is made of {list(self.regions)}.", expected="regions of points with equally many numbers")

    @property
    def size(self) -> int:
        return self.regions[0].size

    def _distances(self, points: Tensor) -> Tensor:
        return torch.stack([region.distance(points) for region in self.regions])


@dataclass(frozen=True, kw_only=True)
class Union(_Several):
    """All points that lie in one of several regions. Inside of it the distance to the border may be understated."""

    def distance(self, points: Float[Tensor, "*batch size"]) -> Float[Tensor, "*batch"]:
        self._check(points)
        return self._distances(points).amin(dim=0)


@dataclass(frozen=True, kw_only=True)
class Intersection(_Several):
    """All points that lie in each of several regions. Outside of it the distance to the border may be understated."""

    def distance(self, points: Float[Tensor, "*batch size"]) -> Float[Tensor, "*batch"]:
        self._check(points)
        return self._distances(points).amax(dim=0)


def _numbers(what: str, values) -> tuple[float, ...]:
    try:
        numbers = tuple(float(value) for value in values)
    except TypeError as error:
        raise ConfigError(f"{what} is {values!r}.", expected="a list of numbers") from error
    if not numbers or not all(map(math.isfinite, numbers)):
        raise ConfigError(f"{what} is {numbers}.", expected="one finite number or more")
    return numbers
