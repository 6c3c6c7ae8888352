"""Keeping out of a region where that is worth something, and not at any price."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from telos.agent.tasks.quantity import AbstractQuantityTask, Along, Numbers, Reading, check_rows
from telos.agent.tasks.values import check_number, check_quantity, check_size
from telos.core.errors import ConfigError
from telos.core.regions import AbstractRegion
from telos.core.types import Batched


@dataclass(frozen=True)
class Entered(Batched):
    """Who has been inside."""

    once: Bool[Tensor, " batch"]
    """At any step so far."""


@dataclass(frozen=True)
class Avoid(AbstractQuantityTask):
    """Better not enter a region: `ReachGoal(frame) + 4.0 * Avoid("position", pits)`. It has no end of its own.

    A plan that enters costs 1, times its weight, whenever it does so and however long it stays: a fall does not get cheaper by being put
    off. With several futures and a risk the weight says what a fall costs in the futures in which it happens; for the mean that is
    weighed against what the way saves. Where nothing is worth it, take the guardrail `KeepOut`.

    Raises:
        SpaceError: on `agent.set_task`, when the region has another number of dimensions than the quantity has numbers.
    """

    quantity: str
    """Name of what the agent can read."""
    region: AbstractRegion
    """Where it had better not be, in the unit of the quantity."""
    margin: float = 0.0
    """How near counts in part, in the unit of the quantity: nothing at this distance, all of it on the border. 0: only inside counts,
    and gradients see nothing of it."""

    def __post_init__(self) -> None:
        check_quantity(self.quantity)
        if not isinstance(self.region, AbstractRegion):
            raise ConfigError(f"'{self.region}' is no region.", expected="a region such as Disc(center=(0.8, 0.2), radius=0.1)")
        check_number("margin", self.margin, least=0)

    @property
    def quantities(self) -> tuple[str, ...]:
        return (self.quantity,)

    def begin(self, readings: Mapping[str, Reading], num_rows: int, like: Tensor) -> Entered:
        check_size(self.quantity, self.region.size, readings[self.quantity].size)
        return Entered(once=torch.zeros(num_rows, dtype=torch.bool, device=like.device))

    def step(self, progress: Entered, numbers: Numbers) -> Entered:
        check_rows(self.quantity, len(progress.once), numbers[self.quantity])
        return Entered(once=progress.once | (self.region.distance(numbers[self.quantity]) <= 0))

    def fulfilled(self, progress: Entered) -> Bool[Tensor, " batch"]:
        # One never is through with staying out.
        return torch.zeros_like(progress.once)

    def done(self, progress) -> None:
        return None

    def energy(self, progress: Entered, along: Along, readings: Mapping[str, Reading]) -> Float[Tensor, "batch horizon"]:
        outside = self.region.distance(along[self.quantity])
        inside = (1 - outside / self.margin).clamp(0, 1) if self.margin else (outside <= 0).to(outside.dtype)
        # What each step adds to the worst so far: the sum over the path is the worst of it.
        return inside.cummax(dim=1).values.diff(dim=1, prepend=torch.zeros_like(inside[:, :1]))
