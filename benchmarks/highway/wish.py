"""What is asked of a driver: to be fast, and not to crash, in quantities that it reads from what it imagines."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from telos.core.contracts import AbstractCost
from telos.core.errors import ConfigError
from telos.core.readouts import AbstractReadout, Knowledge
from telos.core.tasks import AbstractTask
from telos.core.types import Problem, Rollout, State

SLOW, FAST = 20.0, 30.0
"""Metres a second between which the car can be driven."""


@dataclass(frozen=True, kw_only=True)
class DriveFast(AbstractTask):
    """Drive as fast as is wise; it has no end of its own.

    Raises:
        ConfigError: the price is negative.
        UnknownNameError: on `agent.set_task`, when the agent reads neither `crashed` nor `speed`.
    """

    price: float = 10.0
    """Of a crash, in units of driving at the lowest speed rather than at the highest, all the way."""

    def __post_init__(self) -> None:
        if not self.price >= 0:
            raise ConfigError(f"A crash has the price {self.price}.", expected="0 or more")

    def start(self, knowledge: Knowledge, num_rows: int) -> None:
        for name in ("crashed", "speed"):
            knowledge.readout(name)

    def problem(self, state: State, progress: None) -> Problem:
        return Problem(state=state)

    def cost(self, base: AbstractCost, knowledge: Knowledge) -> AbstractCost:
        return Haste(price=self.price, crashed=knowledge.readout("crashed"), speed=knowledge.readout("speed"))


@dataclass(frozen=True, kw_only=True)
class Haste(AbstractCost):
    """How slow the way is, and whether it leads to a crash: what follows one does not matter any more, and no log says what it is."""

    price: float
    crashed: AbstractReadout
    """Reads the log odds of it."""
    speed: AbstractReadout

    def energy(self, rollout: Rollout, problem: Problem) -> Float[Tensor, "batch horizon"]:
        slowness = ((FAST - rollout.read(self.speed)[..., 0]) / (FAST - SLOW)).clamp(0, 1)
        crash = self.price * rollout.read(self.crashed)[..., 0].sigmoid().amax(dim=1, keepdim=True)
        return slowness / rollout.horizon + torch.nn.functional.pad(crash, (rollout.horizon - 1, 0))
