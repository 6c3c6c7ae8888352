"""What a critic looks at in one step: where it leads, how beliefs change on the way, and what is done."""

import math

import torch
from jaxtyping import Float, Num
from torch import Generator, Tensor, nn
from torch.nn import functional

LENGTHS = (0.5, 1.0, 2.0)
"""Of the waves over places, in deviations of a belief's numbers: fine, middling and coarse."""
PLACE, CHANGE, ACTION = 80, 32, 24
"""Waves of each length over places, over changes, and over actions."""
GROUPS = (PLACE, PLACE, PLACE, CHANGE, ACTION, 2, 2)
"""Sizes of the groups of features, each with a prior of its own: waves over places of three lengths, over changes, over actions,
speed and its square, effort and its square."""
EPSILON = 1e-4
"""Under roots, which have no slope at zero."""


class StepFeatures(nn.Module):
    """Features of a step: random waves, whose sums approximate smooth functions, and the sizes of the step and of its action.

    Speed is the size of the change of a belief, so a model whose beliefs hold positions only can still learn "slow".

    Source: Rahimi and Recht (2007), "Random features for large-scale kernel machines".

    Args:
        belief_size: numbers of a belief.
        action_size: numbers of an action; choices, if `discrete`.
        discrete: whether actions are choices.
    """

    def __init__(self, *, belief_size: int, action_size: int, discrete: bool) -> None:
        super().__init__()
        self.discrete, self.action_size = discrete, action_size
        for name, size in (("belief", belief_size), ("change", belief_size), ("action", action_size)):
            self.register_buffer(f"{name}_mean", torch.zeros(size))
            self.register_buffer(f"{name}_scale", torch.ones(size))
        for name, size, num in (
            ("place", belief_size, PLACE * len(LENGTHS)),
            ("changes", belief_size, CHANGE),
            ("actions", action_size, ACTION),
        ):
            self.register_buffer(f"{name}_waves", torch.zeros(size, num))
            self.register_buffer(f"{name}_phases", torch.zeros(num))

    @property
    def size(self) -> int:
        """Numbers of a step's features."""
        return sum(GROUPS)

    def settle(self, beliefs: Float[Tensor, "clips frames belief"], actions: Num[Tensor, "clips steps _"], generator: Generator) -> None:
        """Takes means and deviations from clips, and draws the waves."""
        numbers = self._numbers(actions, beliefs)
        parts = {"belief": beliefs, "change": beliefs[:, 1:] - beliefs[:, :-1], "action": numbers}
        for name, part in parts.items():
            flat = part.flatten(0, 1)
            getattr(self, f"{name}_mean").copy_(flat.mean(dim=0))
            # A number that never varies says nothing; it must not be blown up either.
            deviation = flat.std(dim=0)
            getattr(self, f"{name}_scale").copy_(torch.where(deviation > 1e-6, deviation, torch.ones_like(deviation)))
        lengths = torch.tensor(LENGTHS).repeat_interleave(PLACE)
        for name, length in (("place", lengths), ("changes", torch.ones(CHANGE)), ("actions", torch.ones(ACTION))):
            waves, phases = getattr(self, f"{name}_waves"), getattr(self, f"{name}_phases")
            drawn = torch.randn(waves.shape, generator=generator)
            waves.copy_(drawn / (length * math.sqrt(waves.shape[0])))
            phases.copy_(2 * math.pi * torch.rand(phases.shape, generator=generator))

    def forward(
        self, before: Float[Tensor, "*batch belief"], after: Float[Tensor, "*batch belief"], actions: Num[Tensor, "*batch _"]
    ) -> Float[Tensor, "*batch size"]:
        """The features of steps from one belief to the next; differentiable."""
        moved = after - before
        numbers = self._numbers(actions, after)
        place = self._waves("place", (after - self._of("belief_mean", after)) / self._of("belief_scale", after), PLACE)
        change = self._waves("changes", (moved - self._of("change_mean", after)) / self._of("change_scale", after), CHANGE)
        action = self._waves("actions", (numbers - self._of("action_mean", after)) / self._of("action_scale", after), ACTION)
        # Sizes are measured from rest, not from the mean.
        speed = _sizes(moved / self._of("belief_scale", after))
        effort = _sizes(numbers / self._of("action_scale", after))
        return torch.cat([place, change, action, 2 * speed, effort], dim=-1)

    def _waves(self, name: str, value: Tensor, num: int) -> Tensor:
        angles = value @ self._of(f"{name}_waves", value) + self._of(f"{name}_phases", value)
        return angles.cos() * math.sqrt(2 / num)

    def _numbers(self, actions: Tensor, like: Tensor) -> Tensor:
        if self.discrete:
            return functional.one_hot(actions[..., 0].long(), self.action_size).to(like)
        return actions.to(like)

    def _of(self, name: str, like: Tensor) -> Tensor:
        return getattr(self, name).to(like)


def _sizes(vector: Tensor) -> Tensor:
    square = vector.square().mean(dim=-1, keepdim=True)
    return torch.cat([(square + EPSILON).sqrt(), square], dim=-1)
