"""Effort as a share of what one is capable of, so that one weight fits every action space."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from telos.core.contracts import AbstractCost
from telos.core.errors import ConfigError
from telos.core.spaces import ActionSpace, VectorSpace
from telos.core.types import Problem, Rollout


@dataclass(frozen=True, kw_only=True)
class ShareOfStrength(AbstractCost):
    """Mean square of the actions along the path, each number as a share of its bound: 1 is full strength throughout."""

    strongest: tuple[float, ...]
    """The largest size of each number of an action."""
    about_goals: ClassVar[bool] = False

    @classmethod
    def of(cls, space: ActionSpace) -> "ShareOfStrength":
        """For the actions of a space. Raises ConfigError if they have no size, or no bounds."""
        if not isinstance(space, VectorSpace) or not space.bounded:
            raise ConfigError(f"Effort cannot be measured in {space.describe()}.", expected="actions that are numbers with bounds", fix="effort = 0")
        low, high = space.bounds
        return cls(strongest=tuple(float(max(abs(least), abs(most))) or 1.0 for least, most in zip(low, high, strict=True)))

    def energy(self, rollout: Rollout, problem: Problem) -> Float[Tensor, "batch horizon"]:
        actions: Tensor = rollout.actions.to(rollout.latent.dtype)
        return (actions / actions.new_tensor(self.strongest)).square().mean(dim=-1) / rollout.horizon


def effort_of(actions: Float[Tensor, "*batch action"], strongest: tuple[float, ...]) -> Float[Tensor, "*batch"]:
    """The same of single actions."""
    return (actions / torch.as_tensor(strongest, dtype=actions.dtype)).square().mean(dim=-1)
