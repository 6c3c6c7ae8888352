"""What a candidate is worth that leads to several futures: the mean of their energies, or what the bad ones among them cost."""

import math
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from telos.core.contracts import AbstractRisk
from telos.core.errors import ConfigError

ROUNDING = 1e-9
"""So much of a future is none: 0.1 times 30 is a little more than 3 in floating point."""


@dataclass(frozen=True, kw_only=True)
class Mean(AbstractRisk):
    """The mean energy. Use where what counts is how it goes on the whole, and a bad end is no worse than its energy says."""

    def __call__(self, energies: Float[Tensor, "*batch futures"]) -> Float[Tensor, "*batch"]:
        return energies.mean(dim=-1)


@dataclass(frozen=True, kw_only=True)
class Worst(AbstractRisk):
    """The energy of the worst future that was drawn. Not with many futures: the more are drawn, the worse the worst of them is, and an
    agent that looks at it alone stops doing anything."""

    def __call__(self, energies: Float[Tensor, "*batch futures"]) -> Float[Tensor, "*batch"]:
        return energies.amax(dim=-1)


@dataclass(frozen=True, kw_only=True)
class AbstractTailRisk(AbstractRisk):
    """A risk that looks at the bad futures.

    Raises:
        ConfigError: the level is no share of the futures, or there are no futures.
    """

    level: float = 0.1
    """Share of the futures that are the bad ones; above 0, at most 1."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.level <= 1:
            raise ConfigError(f"The risk's level is {self.level}.", expected="the share of futures that count as bad: above 0, at most 1")


@dataclass(frozen=True, kw_only=True)
class Quantile(AbstractTailRisk):
    """The least energy that at most a share `level` of the futures exceeds (value at risk).

    It does not see how bad the exceptions are; take `CVaR` where that matters.
    """

    def __call__(self, energies: Float[Tensor, "*batch futures"]) -> Float[Tensor, "*batch"]:
        num = energies.shape[-1]
        worse = min(num - 1, math.floor(self.level * num + ROUNDING))
        return energies.topk(worse + 1, dim=-1).values[..., -1]


@dataclass(frozen=True, kw_only=True)
class CVaR(AbstractTailRisk):
    """The mean energy of the worst share `level` of the futures (conditional value at risk); level 1 is the mean.

    Use where some ends must not happen, and a longer or slower way without them is there. Convex in the energies, so gradients are
    of use; with `level * num_futures` below 1 it is the worst future.

    Source: Rockafellar & Uryasev (2000), "Optimization of conditional value-at-risk", equation 4: the least over c of
    `c + mean(relu(energy - c)) / level`, which sorting solves at once.
    """

    def __call__(self, energies: Float[Tensor, "*batch futures"]) -> Float[Tensor, "*batch"]:
        # The last of the bad futures may be one in part; those that do not count at all are left out, for they may be infinite.
        share = max(1.0, self.level * energies.shape[-1])
        num = min(energies.shape[-1], math.ceil(share - ROUNDING))
        worst = energies.topk(num, dim=-1).values
        if num - share < ROUNDING:
            return worst.mean(dim=-1)
        return (worst[..., :-1].sum(dim=-1) + (share - (num - 1)) * worst[..., -1]) / share
