"""Never one thing before another."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from telos.core.guarding import AbstractRequirement, Ahead, Now
from telos.core.regions import AbstractRegion


@dataclass(frozen=True, kw_only=True)
class NotBefore(AbstractRequirement):
    """The quantity never enters a region before something was somewhere: never through the door before the key was fetched.

    Its value is positive inside of the forbidden region as long as `until` was not reached, in this episode or on the imagined way to
    there: the smaller of the depth inside, and of the least distance to `until` so far. So a margin is kept from both: what counts
    as reached lies inside of `until` by the margin. What is remembered of the episode is that least distance.

    Source: the robustness of *until* in signal temporal logic, Donzé & Maler (2010), FORMATS.
    """

    quantity: str
    """What is kept out, such as `position`."""
    forbidden: AbstractRegion
    """Where it must not be before."""
    until: AbstractRegion
    """What has to be reached first."""
    until_quantity: str | None = None
    """What reaches it; None: the same quantity."""

    @property
    def quantities(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((self.quantity, self._reaching)))

    def value(self, now: Now, ahead: Ahead, memory: Float[Tensor, "batch memory"]) -> Float[Tensor, "batch horizon"]:
        so_far = torch.cat([memory, self.until.distance(ahead[self._reaching])], dim=1).cummin(dim=1).values[:, 1:]
        return torch.minimum(-self.forbidden.distance(ahead[self.quantity]), so_far)

    def begin(self, now: Now) -> Float[Tensor, "batch memory"]:
        return self.until.distance(now[self._reaching])[:, None]

    def remember(self, memory: Float[Tensor, "batch memory"], now: Now) -> Float[Tensor, "batch memory"]:
        return torch.minimum(memory, self.begin(now))

    @property
    def _reaching(self) -> str:
        return self.until_quantity or self.quantity
