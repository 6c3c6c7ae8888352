"""Making a quantity as large, or as small, as can be."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from telos.agent.tasks.quantity import AbstractQuantityTask, Along, Numbers, Reading, check_rows
from telos.agent.tasks.shape import arrive
from telos.agent.tasks.values import check_count, check_number, check_quantity
from telos.core.errors import ConfigError, SpaceError
from telos.core.types import Batched

DIRECTIONS = ("largest", "smallest")


@dataclass(frozen=True)
class Growing(Batched):
    """How far a quantity was brought."""

    value: Float[Tensor, " batch"]
    """What it is now."""
    enough_for: Int[Tensor, " batch"]
    """Steps in a row for which it was enough."""
    through: Bool[Tensor, " batch"]
    """Whether it was enough for long enough."""


@dataclass(frozen=True)
class Optimise(AbstractQuantityTask):
    """Make a quantity as large or as small as possible: `Optimise("position", "largest", index=0)`.

    It has no end unless `enough` says when one may be content; then the agent still goes on as far as it can.
    """

    quantity: str
    """Name of what the agent can read."""
    direction: Literal["largest", "smallest"] = "largest"
    """Which way."""
    index: int = 0
    """Which of its numbers."""
    enough: float | None = None
    """What counts as through, in the unit of the quantity; None: nothing does."""
    hold: int = 5
    """Steps in a row at which it is enough that count as through."""

    def __post_init__(self) -> None:
        check_quantity(self.quantity)
        if self.direction not in DIRECTIONS:
            raise ConfigError(f"A quantity cannot be made '{self.direction}'.", expected=" or ".join(DIRECTIONS))
        check_count("index", self.index, least=0)
        check_count("hold", self.hold)
        if self.enough is not None:
            check_number("enough", self.enough)

    @property
    def quantities(self) -> tuple[str, ...]:
        return (self.quantity,)

    @property
    def sign(self) -> int:
        """What to multiply the quantity by, so that more is better."""
        return 1 if self.direction == "largest" else -1

    def begin(self, readings: Mapping[str, Reading], num_rows: int, like: Tensor) -> Growing:
        if self.index >= readings[self.quantity].size:
            raise SpaceError(f"'{self.quantity}' has no number {self.index}.", expected=f"0 to {readings[self.quantity].size - 1}")
        value = torch.full((num_rows,), -torch.inf * self.sign, dtype=like.dtype, device=like.device)
        return Growing(value=value, enough_for=torch.zeros_like(value).long(), through=value.isnan())

    def step(self, progress: Growing, numbers: Numbers) -> Growing:
        check_rows(self.quantity, len(progress.value), numbers[self.quantity])
        value = numbers[self.quantity][:, self.index]
        if self.enough is None:
            return replace(progress, value=value)
        enough_for = torch.where(self.sign * (value - self.enough) >= 0, progress.enough_for + 1, 0)
        return Growing(value=value, enough_for=enough_for, through=progress.through | (enough_for >= self.hold))

    def fulfilled(self, progress: Growing) -> Bool[Tensor, " batch"]:
        return progress.through

    def done(self, progress) -> Bool[Tensor, " batch"] | None:
        return None if self.enough is None else super().done(progress)

    def energy(self, progress: Growing, along: Along, readings: Mapping[str, Reading]) -> Float[Tensor, "batch horizon"]:
        return arrive(-self.sign * along[self.quantity][..., self.index] / readings[self.quantity].scale, self.hold)
