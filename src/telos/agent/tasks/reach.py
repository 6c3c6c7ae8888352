"""Reaching a value, or a region, of a quantity."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from telos.agent.tasks.quantity import Reading
from telos.agent.tasks.targets import AbstractTarget
from telos.agent.tasks.values import as_tuple, check_count, check_number, check_quantity, check_size
from telos.core.errors import ConfigError
from telos.core.regions import AbstractRegion

NEAR = 0.05
"""How near counts as there: as in the worlds' own rules."""


@dataclass(frozen=True)
class ReachValue(AbstractTarget):
    """Bring a quantity to a value: `ReachValue("position", (0.8, 0.2))`; the value is one for all, or one for each episode `[batch size]`.

    Raises:
        SpaceError: on `agent.set_task`, when the quantity has another number of numbers.
    """

    value: float | Sequence[Any]
    """Where it is to be, in its unit."""
    within: float = NEAR
    """How near counts as there, in its unit."""
    hold: int = 5
    """Steps in a row within that distance that count as having reached it."""

    def __post_init__(self) -> None:
        check_quantity(self.quantity)
        object.__setattr__(self, "value", as_tuple(self.value, f"The value of '{self.quantity}'", depths=(1, 2)))
        check_number("within", self.within, above=0)
        check_count("hold", self.hold)

    @property
    def rows(self) -> Any:
        return self.value if isinstance(self.value[0], tuple) else None  # type: ignore[index]

    def aims(self, reading: Reading, num_rows: int, like: Tensor) -> Float[Tensor, "batch size"]:
        values = like.new_tensor(self.value)
        check_size(self.quantity, values.shape[-1], reading.size)
        return values.expand(num_rows, -1).clone() if values.ndim == 1 else values

    def outside(self, points: Tensor, aims: Tensor) -> Tensor:
        return _length(points - aims) - self.within

    def pull(self, points: Tensor, aims: Tensor, caution: Tensor) -> Tensor:
        return _length(points - aims)

    def caution(self, reading: Reading, aim: Tensor) -> float:
        return min(reading.error, self.within / 2)


@dataclass(frozen=True)
class ReachRegion(AbstractTarget):
    """Bring a quantity into a region: `ReachRegion("position", Disc(center=(0.8, 0.2), radius=0.1))`.

    Raises:
        SpaceError: on `agent.set_task`, when the region has another number of dimensions than the quantity has numbers.
    """

    region: AbstractRegion
    """Where it is to be, in its unit."""
    hold: int = 5
    """Steps in a row inside that count as having reached it."""

    def __post_init__(self) -> None:
        check_quantity(self.quantity)
        if not isinstance(self.region, AbstractRegion):
            raise ConfigError(f"'{self.region}' is no region.", expected="a region such as Disc(center=(0.8, 0.2), radius=0.1)")
        check_count("hold", self.hold)

    def aims(self, reading: Reading, num_rows: int, like: Tensor) -> Float[Tensor, "batch size"]:
        check_size(self.quantity, self.region.size, reading.size)
        return deepest(self.region, like, reading.scale).expand(num_rows, -1).clone()

    def outside(self, points: Tensor, aims: Tensor) -> Tensor:
        return self.region.distance(points)

    def pull(self, points: Tensor, aims: Tensor, caution: Tensor) -> Tensor:
        # Twice as deep as one has to be: who only just gets there is thrown out by the next error.
        return (self.region.distance(points) + 2 * caution).clamp_min(0)

    def caution(self, reading: Reading, aim: Tensor) -> float:
        return min(reading.error, max(0.0, -float(self.region.distance(aim))) / 2)


def deepest(region: AbstractRegion, like: Tensor, scale: float, *, num_steps: int = 60) -> Float[Tensor, "1 size"]:
    """A point as deep inside of a region as can be found by following its distance from many places.

    Args:
        scale: of the quantity; deeper than this is not looked for, since a region may have no end.

    Raises:
        ConfigError: no point inside was found.
    """
    points = scale * torch.randn(64, region.size, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    distance, slope = _distance_and_slope(region, points)
    stride = distance.abs().clamp_min(1e-3 * scale)
    for _ in range(num_steps):
        tried = points - stride[:, None] * slope / slope.norm(dim=-1, keepdim=True).clamp_min(1e-12)
        new_distance, new_slope = _distance_and_slope(region, tried)
        better = (new_distance < distance) & (distance > -scale)
        points, slope = (torch.where(better[:, None], new, old) for new, old in ((tried, points), (new_slope, slope)))
        distance = torch.where(better, new_distance, distance)
        stride = torch.where(better, 2 * stride, stride / 2)
    if distance.min() > 0:
        raise ConfigError("A region to be reached seems to be empty.", expected="a region whose distance is negative somewhere")
    return points[distance.argmin()][None].to(like)


@torch.enable_grad()
def _distance_and_slope(region: AbstractRegion, points: Tensor) -> tuple[Tensor, Tensor]:
    points = points.detach().requires_grad_()
    distance = region.distance(points)
    (slope,) = torch.autograd.grad(distance.sum(), points)
    return distance.detach(), slope


def _length(vector: Float[Tensor, "*batch size"]) -> Float[Tensor, "*batch"]:
    # A root has no slope at zero.
    return vector.square().sum(dim=-1).clamp_min(1e-12).sqrt()
