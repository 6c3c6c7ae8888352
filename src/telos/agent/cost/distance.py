"""Distance to the goal in latent space, in four ways of looking along the path.

All measure `|latent - goal|^2 / latent_size`, so that an energy of 1 means one deviation of the latents.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from telos.core.contracts import AbstractCost
from telos.core.errors import ConfigError
from telos.core.types import Problem, Rollout


def squared_distance(rollout: Rollout, problem: Problem) -> Float[Tensor, "batch horizon"]:
    """Mean squared difference between each imagined latent and the goal's.

    Raises:
        ConfigError: the task has no goal state to measure from.
    """
    if problem.goal is None:
        raise ConfigError(
            "A distance to the goal was asked for, but the task has no goal.", fix="give the agent a task with a goal, such as ReachGoal(observation)"
        )
    return (rollout.latent - problem.goal.latent[:, None]).square().mean(dim=-1)


@dataclass(frozen=True, kw_only=True)
class FinalDistance(AbstractCost):
    """Distance at the end of the path only. Use for plans that must arrive exactly at the horizon; it drifts when the goal is nearer."""

    def energy(self, rollout: Rollout, problem: Problem) -> Float[Tensor, "batch horizon"]:
        distance = squared_distance(rollout, problem)
        return torch.cat([torch.zeros_like(distance[:, :-1]), distance[:, -1:]], dim=1)


@dataclass(frozen=True, kw_only=True)
class PathDistance(AbstractCost):
    """Mean distance along the path. Use when every step should come nearer; it avoids detours, and gets stuck behind walls."""

    def energy(self, rollout: Rollout, problem: Problem) -> Float[Tensor, "batch horizon"]:
        return squared_distance(rollout, problem) / rollout.horizon


@dataclass(frozen=True, kw_only=True)
class LeastDistance(AbstractCost):
    """Least distance along the path: it counts that the goal is reached, not when, and allows detours.

    Its energy stands on the step of nearest approach and is zero elsewhere, so that energies of a path add up for every cost.
    """

    def energy(self, rollout: Rollout, problem: Problem) -> Float[Tensor, "batch horizon"]:
        distance = squared_distance(rollout, problem)
        nearest = distance.argmin(dim=1, keepdim=True)
        return torch.zeros_like(distance).scatter(1, nearest, distance.gather(1, nearest))


@dataclass(frozen=True, kw_only=True)
class RunningMinimum(AbstractCost):
    """Mean over the path of the least distance so far: the sooner it comes near, the better, and what follows does no harm.

    Use beside `LeastDistance`, which alone leaves the agent no reason to hurry.
    """

    def energy(self, rollout: Rollout, problem: Problem) -> Float[Tensor, "batch horizon"]:
        return squared_distance(rollout, problem).cummin(dim=1).values / rollout.horizon
