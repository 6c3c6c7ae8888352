"""What each episode has been surprised by lately."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Num
from torch import Tensor

from telos.core.acting import AbstractSurprise
from telos.core.contracts import AbstractWorldModel
from telos.core.types import Batched, State


@dataclass(frozen=True)
class Alertness(Batched):
    """P-values of the last steps, and what is expected next."""

    expected: Batched | None = None
    """What the sense of surprise expects; None before anything was seen, or where there is no such sense."""
    values: tuple[Float[Tensor, " batch"], ...] = ()
    """P-values, the latest last."""

    @property
    def now(self) -> Float[Tensor, " batch"] | None:
        """P-value of what was seen last; None where nobody has measured what is usual."""
        return self.values[-1] if self.values else None

    @property
    def lately(self) -> Float[Tensor, " batch"] | None:
        """The least of those that are remembered."""
        return torch.stack(self.values).amin(dim=0) if self.values else None

    def after(
        self,
        sense: AbstractSurprise,
        world_model: AbstractWorldModel,
        before: State | None,
        action: Num[Tensor, "batch action"] | None,
        state: State,
        *,
        remembered: int,
    ) -> "Alertness":
        """The same once `state` has been seen, where `action` was done in `before`; so many p-values are remembered."""
        if before is None or action is None or self.expected is None:
            expected = sense.begin(world_model, state)
        else:
            expected = sense.expect(world_model, self.expected, before, action)
        return Alertness(expected, (*self.values, sense.p_value(expected, state))[-remembered:])
