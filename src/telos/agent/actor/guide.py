"""What guardrails say to a search: an energy that rises outside of them, so that the way round is found."""

from dataclasses import dataclass
from functools import lru_cache

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
        spread, mean = _spread(energies)
        # A single start has no spread; what is to be gained is then a share of the energy itself.
        weight = WEIGHT * (spread + 0.1 * mean.abs()).clamp(min=1e-6)
        finite = torch.nan_to_num(graded, posinf=0.0, neginf=0.0)
        depth = SCALE * finite.std(dim=1, correction=0)
        return cls(weight, depth.clamp(min=1e-6))

    def penalty(self, guard: Guard, values: Float[Tensor, "batch num horizon guardrails"]) -> Float[Tensor, "batch num"]:
        """What the candidates' ways through guardrails cost; differentiable. Not a number where a value is none."""
        fading, buffer = _fading(values.shape[2], values.dtype, values.device)
        # What counts less later is taken into the unit and the buffer: few numbers, where the values are many.
        outside = (guard.only_graded(values) * (fading / self.depth[:, None, None]) + buffer).relu().sum(dim=2)
        # The logarithm leaves a slope everywhere, and deep violations do not drown what the task has to say.
        several = outside.log1p()
        return self.weight[:, None] * (several.sum(dim=-1) if several.shape[-1] > 1 else several[..., 0])


def _spread(energies: Float[Tensor, "batch num"]) -> tuple[Float[Tensor, " batch"], Float[Tensor, " batch"]]:
    """Deviation and mean of those that are finite."""
    counted = energies.isfinite()
    if counted.all():
        return torch.std_mean(energies, dim=1, correction=0)
    some = torch.where(counted, energies, torch.zeros_like(energies))
    num = counted.sum(dim=1).clamp(min=1)
    mean = some.sum(dim=1) / num
    return ((some - mean[:, None]).square() * counted).sum(dim=1).div(num).sqrt(), mean


@lru_cache(maxsize=16)
def _fading(horizon: int, dtype: torch.dtype, device: torch.device) -> tuple[Float[Tensor, "horizon 1"], Float[Tensor, "horizon 1"]]:
    """How much a violation counts at each step, and the same of the buffer."""
    fading = 1 / (1 + torch.arange(horizon, dtype=dtype, device=device)[:, None] / FADING)
    return fading, BUFFER * fading
