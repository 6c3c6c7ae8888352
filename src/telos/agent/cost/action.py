"""What actions themselves cost, in the environment's units."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from telos.core.contracts import AbstractCost
from telos.core.types import Problem, Rollout


@dataclass(frozen=True, kw_only=True)
class ActionEffort(AbstractCost):
    """Squared size of the actions, averaged over the path."""

    def energy(self, rollout: Rollout, problem: Problem) -> Float[Tensor, "batch horizon"]:
        return rollout.actions.to(rollout.latent.dtype).square().sum(dim=-1) / rollout.horizon


@dataclass(frozen=True, kw_only=True)
class ActionSmoothness(AbstractCost):
    """Squared change from one action to the next, averaged over the path; the first is compared with what was done last."""

    def energy(self, rollout: Rollout, problem: Problem) -> Float[Tensor, "batch horizon"]:
        actions = rollout.actions.to(rollout.latent.dtype)
        first = actions[:, 0] if problem.previous_action is None else problem.previous_action.to(actions.dtype)
        before = torch.cat([first[:, None], actions[:, :-1]], dim=1)
        return (actions - before).square().sum(dim=-1) / rollout.horizon
