"""What guardrails say to a search: an energy that rises outside of them, so that the way round is found."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from telos.agent.actor.guard import Guard
from telos.core.types import Batched

WEIGHT = 4.0
"""Of the penalty, in units of what the task's energies differ by among the first candidates."""
SCALE = 0.1
"""Depth outside that counts as one, as a share of what a guardrail's values differ by among the first candidates."""
BUFFER = 1.0
"""Where the penalty begins before the margin does, in the same depth: a search comes to rest at the edge of what it is charged for."""
FADING = 4
"""Steps after which a violation counts half of one at once: what comes late is planned again before it comes, and a model sees it less well."""


@dataclass(frozen=True)
class Guide(Batched):
    """The penalty of a plan's search. Its units are taken from the first candidates, for each problem apart, so that it suits any cost."""

    weight: Float[Tensor, " batch"]
    depth: Float[Tensor, "batch guardrails"]

    @classmethod
    def measured(cls, guard: Guard, energies: Float[Tensor, "batch num"], values: Float[Tensor, "batch num horizon guardrails"]) -> "Guide":
        """From the task's energies and the guardrails' values of some candidates."""
        graded = guard.only_graded(values).flatten(1, 2)
        counted = energies.isfinite()
        some = torch.where(counted, energies, torch.zeros_like(energies))
        num = counted.sum(dim=1).clamp(min=1)
        mean = some.sum(dim=1) / num
        spread = ((some - mean[:, None]).square() * counted).sum(dim=1).div(num).sqrt()
        # A single start has no spread; what is to be gained is then a share of the energy itself.
        weight = WEIGHT * (spread + 0.1 * mean.abs()).clamp(min=1e-6)
        finite = torch.nan_to_num(graded, posinf=0.0, neginf=0.0)
        depth = SCALE * finite.std(dim=1, correction=0)
        return cls(weight, depth.clamp(min=1e-6))

    def nobody_near(self, guard: Guard, values: Float[Tensor, "batch num horizon guardrails"]) -> bool:
        """Whether no candidate is so near to any guardrail that its penalty is above 0; False where one says only yes or no."""
        return len(guard.graded) == values.shape[-1] and not bool((values > -BUFFER * self.depth[:, None, None]).any())

    def penalty(self, guard: Guard, values: Float[Tensor, "batch num horizon guardrails"]) -> Float[Tensor, "batch num"]:
        """What the candidates' ways through guardrails cost; differentiable. Not a number where a value is none."""
        depth = self.depth[:, None, None]
        outside = (guard.only_graded(values) / depth + BUFFER).relu()
        late = torch.arange(outside.shape[2], dtype=outside.dtype, device=outside.device)
        outside = (outside / (1 + late[:, None] / FADING)).sum(dim=2)
        # The logarithm leaves a slope everywhere, and deep violations do not drown what the task has to say.
        return self.weight[:, None] * outside.log1p().sum(dim=-1)
