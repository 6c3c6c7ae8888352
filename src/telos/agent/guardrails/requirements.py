"""What must hold at every step, said of quantities: places, limits, distances."""

from dataclasses import dataclass
from typing import Literal, get_args

import torch
from jaxtyping import Float
from torch import Tensor

from telos.core.errors import ConfigError, UnknownNameError
from telos.core.guarding import AbstractRequirement, Ahead, Now
from telos.core.regions import AbstractRegion

Of = Literal["value", "size", "rate"]
"""What of a quantity is limited."""


@dataclass(frozen=True, kw_only=True)
class KeepOut(AbstractRequirement):
    """The quantity never enters a region. Its value is the depth inside."""

    quantity: str
    """What is kept out, such as `position`."""
    region: AbstractRegion
    """What it is kept out of, in the quantity's unit."""

    @property
    def quantities(self) -> tuple[str, ...]:
        return (self.quantity,)

    def value(self, now: Now, ahead: Ahead, memory: Float[Tensor, "batch memory"]) -> Float[Tensor, "batch horizon"]:
        return -self.region.distance(ahead[self.quantity])


@dataclass(frozen=True, kw_only=True)
class StayInside(AbstractRequirement):
    """The quantity never leaves a region. Its value is the distance outside."""

    quantity: str
    """What stays inside, such as `position`."""
    region: AbstractRegion
    """What it stays inside of, in the quantity's unit."""

    @property
    def quantities(self) -> tuple[str, ...]:
        return (self.quantity,)

    def value(self, now: Now, ahead: Ahead, memory: Float[Tensor, "batch memory"]) -> Float[Tensor, "batch horizon"]:
        return self.region.distance(ahead[self.quantity])


@dataclass(frozen=True, kw_only=True)
class Limit(AbstractRequirement):
    """The quantity, its size or its rate never leaves a range. Its value is how far it is beyond the nearer limit.

    Raises:
        ConfigError: there is no limit, or the least lies above the most.
        UnknownNameError: `of` is none of the three.
    """

    quantity: str
    """What is limited, such as `speed`."""
    least: float | None = None
    """The lower limit; None: there is none."""
    most: float | None = None
    """The upper limit; None: there is none."""
    of: Of = "value"
    """`value`: each of its numbers. `size`: its length as a vector, or what it is without its sign. `rate`: the size of what it
    changes by from one step to the next, the present among them."""
    index: int | None = None
    """Which of its numbers alone; None: all."""
    seconds_per_step: float | None = None
    """Given, a rate is one per second; None: per step."""

    def __post_init__(self) -> None:
        if self.of not in get_args(Of):
            raise UnknownNameError.of("part of a quantity that can be limited", self.of, get_args(Of))
        if self.least is None and self.most is None:
            raise ConfigError(f"The limit of '{self.quantity}' limits nothing.", expected="least, most, or both")
        if self.least is not None and self.most is not None and not self.least <= self.most:
            raise ConfigError(f"The limit of '{self.quantity}' reaches from {self.least} to {self.most}.", expected="least at or below most")
        if self.seconds_per_step is not None and not (self.of == "rate" and self.seconds_per_step > 0):
            raise ConfigError(
                f"The limit of '{self.quantity}' has seconds_per_step = {self.seconds_per_step}.", expected="a number above 0, with of='rate'"
            )

    @property
    def quantities(self) -> tuple[str, ...]:
        return (self.quantity,)

    @property
    def of_states(self) -> bool:
        return self.of != "rate"

    def value(self, now: Now, ahead: Ahead, memory: Float[Tensor, "batch memory"]) -> Float[Tensor, "batch horizon"]:
        along = self._numbers(ahead[self.quantity])
        if self.of == "rate":
            before = torch.cat([self._numbers(now[self.quantity])[:, None], along[:, :-1]], dim=1)
            along = (along - before) / (self.seconds_per_step or 1.0)
        if self.of != "value":
            along = torch.linalg.vector_norm(along, dim=-1, keepdim=True)
        beyond = []
        if self.most is not None:
            beyond.append(along - self.most)
        if self.least is not None:
            beyond.append(self.least - along)
        return (torch.maximum(*beyond) if len(beyond) == 2 else beyond[0]).amax(dim=-1)

    def _numbers(self, quantity: Tensor) -> Tensor:
        if self.index is None:
            return quantity
        size = quantity.shape[-1]
        if not 0 <= self.index < size:
            raise ConfigError(f"A limit is on number {self.index} of '{self.quantity}'.", expected=f"0 to {size - 1}, since it has {size}")
        return quantity[..., self.index : self.index + 1]


@dataclass(frozen=True, kw_only=True)
class Apart(AbstractRequirement):
    """Two quantities, both of which may move, never come nearer than a distance. Its value is how much too near they are.

    Raises:
        ConfigError: the distance is none, or both are the same quantity; later, that they have different numbers of numbers.
    """

    first: str
    """One of them, such as `position`."""
    second: str
    """The other, such as `shelf`."""
    least: float
    """Their least distance, in their unit."""

    def __post_init__(self) -> None:
        if not self.least > 0:
            raise ConfigError(f"'{self.first}' and '{self.second}' are to be {self.least} apart.", expected="a distance above 0")
        if self.first == self.second:
            raise ConfigError(f"'{self.first}' is to be apart from itself.", expected="two quantities")

    @property
    def quantities(self) -> tuple[str, ...]:
        return (self.first, self.second)

    def value(self, now: Now, ahead: Ahead, memory: Float[Tensor, "batch memory"]) -> Float[Tensor, "batch horizon"]:
        first, second = ahead[self.first], ahead[self.second]
        if first.shape[-1] != second.shape[-1]:
            raise ConfigError(
                f"'{self.first}' has {first.shape[-1]} numbers and '{self.second}' {second.shape[-1]}.", expected="two quantities of one kind"
            )
        return self.least - torch.linalg.vector_norm(first - second, dim=-1)
