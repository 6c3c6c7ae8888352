"""Staying where the model knows what it says: how far the members of an ensemble disagree about what is imagined."""

import math
from dataclasses import dataclass
from typing import ClassVar

from jaxtyping import Float
from torch import Tensor

from telos.core.contracts import AbstractCost
from telos.core.errors import ConfigError
from telos.core.types import Problem, Rollout


@dataclass(frozen=True, kw_only=True)
class Disagreement(AbstractCost):
    """How many deviations an ensemble disagrees beyond what it does along held-out logs, the mean over the path; 0 within.

    As a cost it is a drive: add it, scaled, to what the task asks for, and plans keep to what the logs have taught. With a negative weight
    it is curiosity: plans go where the model has something to learn.

    `telos.teaching.disagreement.measure_disagreement("RUN")` gives one in the units of a run. It looks at states and actions together, so an
    action that nobody tried in a familiar place costs something; `Familiarity` looks at places alone. Neither sees what a model is surely
    wrong about.

    Raises:
        ConfigError: a number is out of range; on use, for a model that is no ensemble.

    Source: Henaff, Canziani & LeCun (2019), "Model-predictive policy learning with uncertainty regularization for driving in dense traffic",
    arXiv 1901.02705; an ensemble is in place of dropout.
    """

    about_goals: ClassVar[bool] = False

    threshold: float = 0.1
    """Disagreement that costs nothing, as the deviation of the members' latents."""
    unit: float = 0.1
    """So much more costs 1."""

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not (value > 0 and math.isfinite(value)):
                raise ConfigError(f"Disagreement has {name} = {value}.", expected="a number above 0")

    def energy(self, rollout: Rollout, problem: Problem) -> Float[Tensor, "batch horizon"]:
        if rollout.disagreement is None:
            raise ConfigError(
                "This model cannot disagree with itself: it is no ensemble.", fix="train it with --recipe ensemble, or leave Disagreement away"
            )
        # Clamped before the root is taken, whose slope has no bound at zero.
        beyond = rollout.disagreement.clamp_min(self.threshold**2).sqrt() - self.threshold
        return beyond / (self.unit * rollout.horizon)
