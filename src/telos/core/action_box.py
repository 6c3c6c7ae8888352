"""Searches run in the unit box [-1, 1]; this turns its points into actions, in bounds and in the environment's units."""

from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Float, Num
from torch import Tensor

from telos.core.errors import ConfigError
from telos.core.spaces import ActionSpace, DiscreteSpace


@dataclass(frozen=True)
class ActionBox:
    """The actions of one space as points of the unit box.

    Raises:
        ConfigError: the space has no finite bounds, so that there is no box.
    """

    space: ActionSpace

    def __post_init__(self) -> None:
        if not isinstance(self.space, DiscreteSpace) and not self.space.bounded:
            raise ConfigError("Planning needs bounded actions, and this action space has none.", expected="finite low and high for every number")

    def to_actions(self, units: Float[Tensor, "*batch action"]) -> Num[Tensor, "*batch action"]:
        """Points of the box as actions; the box is cut into equal parts for discrete ones."""
        if isinstance(self.space, DiscreteSpace):
            return ((units + 1) / 2 * self.space.num).floor().clamp(0, self.space.num - 1).long()
        low, high = self._bounds(units)
        # The rounding of a sum may leave the box by one bit; environments refuse even that.
        return torch.minimum(torch.maximum(low + (units + 1) / 2 * (high - low), low), high)

    def to_units(self, actions: Num[Tensor, "*batch action"]) -> Float[Tensor, "*batch action"]:
        """Actions as points of the box."""
        if isinstance(self.space, DiscreteSpace):
            return (actions.to(torch.get_default_dtype()) + 0.5) / self.space.num * 2 - 1
        low, high = self._bounds(actions)
        # A number that cannot vary (low = high) sits in the middle.
        return torch.where(high > low, (actions - low) / (high - low).clamp_min(1e-30) * 2 - 1, torch.zeros_like(actions)).clamp(-1, 1)

    def slope_in_units(self, slope: Float[Tensor, "*batch action"]) -> Float[Tensor, "*batch action"]:
        """A slope along actions as one along points of the box; at a bound it is that from inside."""
        low, high = self._bounds(slope)
        return slope * (high - low) / 2

    def _bounds(self, like: Tensor) -> tuple[Tensor, Tensor]:
        assert not isinstance(self.space, DiscreteSpace)
        kind = like.dtype, like.device
        if kind not in self._kept:
            low, high = (torch.from_numpy(bound).to(like) for bound in self.space.bounds)
            self._kept[kind] = low, high
        return self._kept[kind]

    @cached_property
    def _kept(self) -> dict[tuple[torch.dtype, torch.device], tuple[Tensor, Tensor]]:
        """Bounds as tensors, for all rounds of a search."""
        return {}
