"""What the learned critics are taught: four ways to say how far two states are apart, without rewards."""

import copy
from abc import ABC, abstractmethod
from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from telos.core.levels import AbstractTimeToGo
from telos.teaching.time_to_go.logged import LoggedLatents


class AbstractLesson(ABC):
    """A loss for a critic of time."""

    @abstractmethod
    def loss(self, critic: AbstractTimeToGo, logged: LoggedLatents, rng: np.random.Generator, num: int) -> Float[Tensor, ""]:
        """For one batch of `num` pairs."""

    def parameters(self) -> list[nn.Parameter]:
        """What is learned beside the critic."""
        return []

    def after_step(self, critic: AbstractTimeToGo) -> None:
        """Once the weights have moved."""
        return


@dataclass(frozen=True, kw_only=True)
class Hindsight(AbstractLesson):
    """Regression on the steps that passed between two frames of one episode: whatever came later was, in hindsight, where it was going.

    Knows nothing of pairs that no episode holds, and takes dawdling for distance: steps passed, not steps needed.

    Source: Hartikainen et al. (2020), "Dynamical distance learning", arXiv 1907.08225.
    """

    longest: int
    """Steps between two frames at the most."""

    def loss(self, critic: AbstractTimeToGo, logged: LoggedLatents, rng: np.random.Generator, num: int) -> Float[Tensor, ""]:
        rows, later, gaps = logged.later(rng, num, self.longest)
        return relative_error(critic(logged.latents[rows], logged.latents[later]), gaps)


@dataclass(frozen=True, kw_only=True)
class Expectile(AbstractLesson):
    """Implicit value: one step, and the way from there by a slower copy of the critic itself; the lower of what was seen counts more than the
    higher, as if the best action were known.

    Goals come from the same episode, and, where logs are to be stitched, from any other; errors of the copy are handed on from step to step.

    Source: Kostrikov et al. (2022), "Implicit Q-learning", arXiv 2110.06169; Park et al. (2023), HIQL, arXiv 2307.11949, for goals.
    """

    longest: int
    """Steps between a frame and its goal, where both are of one episode."""
    cap: float
    """Steps that no way is longer than."""
    level: float = 0.1
    """Weight of an answer that is too low, against one that is too high."""
    elsewhere: float = 0.5
    """Share of goals from any episode."""
    lag: float = 0.01
    """Share of the critic that its copy takes over after each step."""
    copies: list[AbstractTimeToGo] = field(default_factory=list, repr=False, compare=False)
    """The slower copy, once there is one."""

    def loss(self, critic: AbstractTimeToGo, logged: LoggedLatents, rng: np.random.Generator, num: int) -> Float[Tensor, ""]:
        rows, goals, gaps = logged.later(rng, num, self.longest)
        anywhere = torch.from_numpy(rng.random(num) < self.elsewhere)
        goals = torch.where(anywhere, torch.from_numpy(rng.integers(len(logged), size=num)), goals)
        here, then, there = (logged.latents[part] for part in (rows, rows + 1, goals))
        with torch.no_grad():
            left = self._copy(critic)(then, there).masked_fill((gaps == 1) & ~anywhere.to(gaps.device), 0.0)
            target = (1 + left).clamp_max(self.cap)
        gap = critic(here, there) - target
        weight = torch.where(gap > 0, 1 - self.level, self.level)
        return (weight * (gap / (1 + target)).square()).mean()

    def after_step(self, critic: AbstractTimeToGo) -> None:
        for slow, fast in zip(self._copy(critic).parameters(), critic.parameters(), strict=True):
            slow.data.lerp_(fast.data, self.lag)

    def _copy(self, critic: AbstractTimeToGo) -> AbstractTimeToGo:
        if not self.copies:
            self.copies.append(copy.deepcopy(critic).requires_grad_(False))
        return self.copies[0]


class Stretch(AbstractLesson):
    """A quasimetric is stretched as far as it goes while no single step that was seen is longer than one: what is left is the shortest way.

    Source: Wang et al. (2023), "Optimal goal-reaching reinforcement learning via quasimetric learning", arXiv 2304.01203.

    Args:
        cap: steps beyond which nothing is gained by stretching on.
    """

    def __init__(self, *, cap: float) -> None:
        self.cap = cap
        self.price = nn.Parameter(torch.zeros(()))

    def loss(self, critic: AbstractTimeToGo, logged: LoggedLatents, rng: np.random.Generator, num: int) -> Float[Tensor, ""]:
        rows, later, _ = logged.later(rng, num, 1)
        others = torch.from_numpy(rng.integers(len(logged), size=(2, num)))
        apart = critic(logged.latents[others[0]], logged.latents[others[1]])
        stretched = nn.functional.softplus((self.cap - apart) / (0.1 * self.cap)).mean()
        too_long = nn.functional.relu(critic(logged.latents[rows], logged.latents[later]) - 1).square().mean()
        price = nn.functional.softplus(self.price)
        # The price of steps that are too long rises as long as they are; for the price this is a game against the critic.
        return stretched + price.detach() * too_long - price * (too_long.detach() - TOLERATED)

    def parameters(self) -> list[nn.Parameter]:
        return [self.price]


TOLERATED = 0.1
"""Mean squared excess of single steps that a quasimetric may have."""


@dataclass(frozen=True, kw_only=True)
class FromTeacher(AbstractLesson):
    """What another critic says of pairs from anywhere in the logs: as right as the teacher, and smooth."""

    teacher: AbstractTimeToGo
    longest: int
    """Steps between two frames of the half of the pairs that are near each other, on which the last bit depends."""

    def loss(self, critic: AbstractTimeToGo, logged: LoggedLatents, rng: np.random.Generator, num: int) -> Float[Tensor, ""]:
        rows, there, _ = logged.later(rng, num, self.longest)
        anywhere = torch.from_numpy(rng.random(num) < 0.5)
        there = torch.where(anywhere, torch.from_numpy(rng.integers(len(logged), size=num)), there)
        here, there = logged.latents[rows], logged.latents[there]
        with torch.no_grad():
            times = self.teacher(here, there)
        return relative_error(critic(here, there), times)


def relative_error(said: Float[Tensor, " pairs"], times: Float[Tensor, " pairs"]) -> Float[Tensor, ""]:
    """Squared, as a share of the time and a step: a step counts where a way is short, not where it is long."""
    return ((said - times) / (1 + times)).square().mean()
