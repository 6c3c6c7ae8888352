"""Keeping out of a region where that is worth something, and not at any price."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from telos.agent.tasks.quantity import readable
from telos.agent.tasks.values import check_number, check_quantity, check_size
from telos.core.contracts import AbstractCost
from telos.core.errors import ConfigError
from telos.core.readouts import AbstractReadout, Knowledge
from telos.core.regions import AbstractRegion
from telos.core.tasks import AbstractTask, split_drives
from telos.core.types import Problem, Rollout, State


@dataclass(frozen=True)
class Avoid(AbstractTask):
    """Better not enter a region: `ReachGoal(frame) + 4.0 * Avoid("position", pits)`. It has no end of its own.

    A plan that enters costs 1, times its weight, whenever it does so and however long it stays: a fall does not get cheaper by being put
    off. With several futures and a risk the weight says what a fall costs in the futures in which it happens; for the mean that is
    weighed against what the way saves. Where nothing is worth it, take the guardrail `KeepOut`.

    Raises:
        UnknownNameError, ConfigError: on `agent.set_task`, when the agent cannot read the quantity.
        SpaceError: on `agent.set_task`, when the region has another number of dimensions than the quantity has numbers.
    """

    quantity: str
    """Name of what the agent can read."""
    region: AbstractRegion
    """Where it had better not be, in the unit of the quantity."""
    margin: float = 0.0
    """How near counts in part, in the unit of the quantity: nothing at this distance, all of it on the border. A margin as wide as the
    model is off a few steps ahead keeps plans from cutting corners. 0: only inside counts, and gradients see nothing of it."""

    def __post_init__(self) -> None:
        check_quantity(self.quantity)
        if not isinstance(self.region, AbstractRegion):
            raise ConfigError(f"'{self.region}' is no region.", expected="a region such as Disc(center=(0.8, 0.2), radius=0.1)")
        check_number("margin", self.margin, least=0)

    def start(self, knowledge: Knowledge, num_rows: int) -> None:
        check_size(self.quantity, self.region.size, readable(knowledge, self.quantity).size)

    def problem(self, state: State, progress: None) -> Problem:
        return Problem(state=state)

    def cost(self, base: AbstractCost, knowledge: Knowledge) -> AbstractCost:
        own = Entering(task=self, readout=knowledge.readout(self.quantity))
        _, drives = split_drives(base)
        return own if drives is None else own + drives


@dataclass(frozen=True, kw_only=True)
class Entering(AbstractCost):
    """The energy of `Avoid`, read from what is imagined."""

    about_goals: ClassVar[bool] = False

    task: Avoid
    readout: AbstractReadout

    def energy(self, rollout: Rollout, problem: Problem) -> Float[Tensor, "batch horizon"]:
        outside, margin = self.task.region.distance(rollout.read(self.readout)), self.task.margin
        inside = (1 - outside / margin).clamp(0, 1) if margin else (outside <= 0).to(outside.dtype)
        # What each step adds to the worst so far: the sum over the path is the worst of it.
        return inside.cummax(dim=1).values.diff(dim=1, prepend=torch.zeros_like(inside[:, :1]))
