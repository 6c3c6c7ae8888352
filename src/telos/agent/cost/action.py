"""What actions themselves cost, in the environment's units."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from telos.core.contracts import AbstractCost
from telos.core.errors import ConfigError
from telos.core.types import Problem, Rollout


def actions_as_numbers(rollout: Rollout) -> Float[Tensor, "batch horizon action"]:
    """The actions of a path. Raises ConfigError for discrete ones, whose numbers are names: no size, no difference."""
    if not rollout.actions.is_floating_point():
        raise ConfigError("Discrete actions have neither effort nor smoothness.", fix="leave ActionEffort and ActionSmoothness out of the cost")
    return rollout.actions.to(rollout.latent.dtype)


@dataclass(frozen=True, kw_only=True)
class ActionEffort(AbstractCost):
    """Squared size of the actions, averaged over the path."""

    about_goals: ClassVar[bool] = False

    def energy(self, rollout: Rollout, problem: Problem) -> Float[Tensor, "batch horizon"]:
        return actions_as_numbers(rollout).square().sum(dim=-1) / rollout.horizon


@dataclass(frozen=True, kw_only=True)
class ActionSmoothness(AbstractCost):
    """Squared change from one action to the next, averaged over the path; the first is compared with what was done last."""

    about_goals: ClassVar[bool] = False

    def energy(self, rollout: Rollout, problem: Problem) -> Float[Tensor, "batch horizon"]:
        actions = actions_as_numbers(rollout)
        first = actions[:, 0] if problem.previous_action is None else problem.previous_action.to(actions.dtype)
        before = torch.cat([first[:, None], actions[:, :-1]], dim=1)
        return (actions - before).square().sum(dim=-1) / rollout.horizon
