"""Plans of several levels, made by hand."""

import torch
from torch import Tensor

from telos.agent.levels import Level, LevelConfig
from telos.core.spaces import VectorSpace
from telos.core.types import Aim, Plan

REASONS = ("the goal is 74 steps away", "the goal is near: 9 steps")


def plan_of(num: int, *, horizon: int = 4, latents: Tensor | None = None, aim: Aim | None = None) -> Plan:
    """A plan for `num` episodes, or one that comes through these latents `[num horizon latent]`."""
    imagined = torch.rand(num, horizon, 3) if latents is None else latents
    horizon = imagined.shape[1]
    return Plan(actions=torch.rand(num, horizon, 2), energies=torch.rand(num, horizon), imagined=imagined, aim=aim)


def aim_of(
    num: int,
    *,
    horizon: int = 4,
    beliefs: Tensor | None = None,
    step: tuple[int, ...] | None = None,
    helps: tuple[bool, ...] | None = None,
    reason: tuple[int, ...] | None = None,
    age: tuple[int, ...] | None = None,
    above: Aim | None = None,
) -> Aim:
    """An aim for `num` episodes, whose subgoals are these beliefs `[num horizon belief]`; by default it helps, and its first subgoal is gone for."""
    subgoals = torch.rand(num, horizon, 3) if beliefs is None else beliefs
    chosen = torch.tensor(step or (0,) * num)
    return Aim(
        plan=plan_of(num, latents=subgoals, aim=above),
        subgoals=subgoals,
        step=chosen,
        toward=subgoals[torch.arange(num), chosen],
        age=torch.tensor(age or (0,) * num),
        helps=torch.tensor(helps or (True,) * num),
        reason=torch.tensor(reason or (0,) * num),
        reasons=REASONS,
    )


def level_of(steps: int, stride: int, acts: int) -> Level:
    """A level with fresh weights, above latents of 3 numbers in which `acts` numbers are done."""
    acted = VectorSpace(acts, (-1.0,) * acts, (1.0,) * acts)
    below = (3,) * (1 if steps == stride else 2)
    return LevelConfig(below=below, acts=acted, latent_size=3, stride=stride, steps=steps, width=8, num_landmarks=4, belief_size=3).build()
