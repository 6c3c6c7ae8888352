"""What a policy holds possible: a mixture of Gaussians in the unit box, or odds of choices."""

import math
from abc import ABC, abstractmethod

import torch
from jaxtyping import Float, Num
from torch import Generator, Tensor

from telos.core.action_box import ActionBox
from telos.core.spaces import ActionSpace, DiscreteSpace

LEAST_STD, MOST_STD = 0.03, 1.0
"""Deviation of a component, where 1 is half the action range: plans are never surer than that."""


class AbstractHead(ABC):
    """Turns the numbers of a network into actions of one space."""

    size: int
    """Numbers that it needs."""

    @abstractmethod
    def preferred(self, numbers: Float[Tensor, "batch numbers"]) -> Num[Tensor, "batch action"]:
        """The action that is held likeliest."""

    @abstractmethod
    def draw(self, numbers: Float[Tensor, "batch numbers"], generator: Generator, num: int) -> Num[Tensor, "batch action"]:
        """An action for each row; `num` rows side by side belong to one problem, and all problems see the same random numbers."""

    @abstractmethod
    def surprise(self, numbers: Float[Tensor, "batch numbers"], actions: Num[Tensor, "batch action"]) -> Float[Tensor, " batch"]:
        """How unlikely each action is held: minus the logarithm of its likelihood. Learning makes it small."""


class ContinuousHead(AbstractHead):
    """A mixture, since ways round an obstacle are several and their mean leads into it. Source: Bishop (1994), "Mixture density networks"."""

    def __init__(self, space: ActionSpace, num_modes: int) -> None:
        self.box, self.num_modes = ActionBox(space), num_modes
        self.action_size = space.shape[0]
        self.size = num_modes * (1 + 2 * self.action_size)

    def preferred(self, numbers: Float[Tensor, "batch numbers"]) -> Float[Tensor, "batch action"]:
        odds, means, _ = self._mixture(numbers)
        return self.box.to_actions(_of_component(means, odds.argmax(dim=-1)))

    def draw(self, numbers: Float[Tensor, "batch numbers"], generator: Generator, num: int) -> Float[Tensor, "batch action"]:
        odds, means, stds = self._mixture(numbers)
        chosen = _chosen(odds.softmax(dim=-1), _same_for_all(torch.rand(num, generator=generator, device=generator.device), len(odds)))
        noise = _same_for_all(torch.randn(num, self.action_size, generator=generator, device=generator.device), len(odds))
        return self.box.to_actions((_of_component(means, chosen) + _of_component(stds, chosen) * noise).clamp(-1, 1))

    def surprise(self, numbers: Float[Tensor, "batch numbers"], actions: Float[Tensor, "batch action"]) -> Float[Tensor, " batch"]:
        odds, means, stds = self._mixture(numbers)
        away = (self.box.to_units(actions)[:, None] - means) / stds
        of_each = -0.5 * away.square() - stds.log() - 0.5 * math.log(2 * math.pi)
        return -torch.logsumexp(odds.log_softmax(dim=-1) + of_each.sum(dim=-1), dim=-1)

    def _mixture(self, numbers: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Odds `[batch modes]` before softmax; means and deviations `[batch modes action]`."""
        odds, means, widths = numbers.split([self.num_modes, *[self.num_modes * self.action_size] * 2], dim=-1)
        means, widths = (part.unflatten(-1, (self.num_modes, self.action_size)) for part in (means, widths))
        return odds, means.tanh(), LEAST_STD + (MOST_STD - LEAST_STD) * widths.sigmoid()


class DiscreteHead(AbstractHead):
    """Odds of each choice."""

    def __init__(self, space: DiscreteSpace) -> None:
        self.size = space.num

    def preferred(self, numbers: Float[Tensor, "batch numbers"]) -> Num[Tensor, "batch action"]:
        return numbers.argmax(dim=-1, keepdim=True)

    def draw(self, numbers: Float[Tensor, "batch numbers"], generator: Generator, num: int) -> Num[Tensor, "batch action"]:
        uniform = _same_for_all(torch.rand(num, generator=generator, device=generator.device), len(numbers))
        return _chosen(numbers.softmax(dim=-1), uniform)[:, None]

    def surprise(self, numbers: Float[Tensor, "batch numbers"], actions: Num[Tensor, "batch action"]) -> Float[Tensor, " batch"]:
        return -numbers.log_softmax(dim=-1).gather(1, actions.long())[:, 0]


def head_for(space: ActionSpace, num_modes: int) -> AbstractHead:
    """What suits an action space. Raises ConfigError for numbers without bounds."""
    return DiscreteHead(space) if isinstance(space, DiscreteSpace) else ContinuousHead(space, num_modes)


def _same_for_all(drawn: Tensor, rows: int) -> Tensor:
    return drawn.repeat(rows // len(drawn), *[1] * (drawn.ndim - 1))


def _chosen(odds: Float[Tensor, "batch modes"], uniform: Float[Tensor, " batch"]) -> Tensor:
    return (uniform[:, None] >= odds.cumsum(dim=-1)[:, :-1]).sum(dim=-1)


def _of_component(parts: Float[Tensor, "batch modes action"], index: Tensor) -> Float[Tensor, "batch action"]:
    return parts.gather(1, index[:, None, None].expand(-1, 1, parts.shape[-1]))[:, 0]
