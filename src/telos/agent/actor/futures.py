"""The axis of futures: folded into the axis of problems, as that of candidates is, so that models, costs and planners never see it."""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Int, Num, Shaped
from torch import Generator, Tensor

from telos.core.config import short_name
from telos.core.contracts import AbstractRisk, AbstractWorldModel
from telos.core.errors import ConfigError
from telos.core.types import Problem


@dataclass(frozen=True)
class Futures:
    """What may happen to each problem: drawn once for a plan, the same for all that is tried."""

    problem: Problem
    """Each problem `num` times, side by side, every time in a future of its own: `[batch * num ...]`."""
    num: int
    risk: AbstractRisk

    @classmethod
    def drawn(cls, world_model: AbstractWorldModel, problem: Problem, risk: AbstractRisk, horizon: int, generator: Generator) -> "Futures":
        """So many as the risk asks for, `horizon` steps far.

        Raises:
            ConfigError: the model leaves nothing to chance.
        """
        state = world_model.futures(problem.state, horizon, risk.num_futures, generator)
        if state is None:
            raise ConfigError(
                f"The risk '{short_name(type(risk))}' is asked for, and this world model knows of one future only.",
                expected="a model with a latent variable, which says what else may happen",
                fix="train one, such as telos train DATA --recipe chance, or leave the risk out",
            )
        return cls(replace(problem.repeat(risk.num_futures), state=state), risk.num_futures, risk)

    def select(self, rows: Int[Tensor, " some"] | slice) -> "Futures":
        """Of some of the problems only."""
        if isinstance(rows, slice):
            return replace(self, problem=self.problem.select(slice(rows.start * self.num, rows.stop * self.num)))
        places = rows[:, None] * self.num + torch.arange(self.num, device=rows.device)
        return replace(self, problem=self.problem.select(places.flatten()))

    def spread(self, actions: Num[Tensor, "batch *rest"]) -> Num[Tensor, "rows *rest"]:
        """The same for each future of a problem."""
        return actions.repeat_interleave(self.num, dim=0)

    def apart(self, values: Shaped[Tensor, "rows *rest"]) -> Shaped[Tensor, "batch futures *rest"]:
        """What was found in each future, on an axis of its own."""
        return values.unflatten(0, (-1, self.num))
