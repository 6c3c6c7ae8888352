"""Tasks about quantities: machines that go by numbers, those that the agent reads or, for a judge, the true ones."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from telos.core.contracts import AbstractCost
from telos.core.errors import ConfigError, SpaceError
from telos.core.readouts import AbstractReadout, Knowledge
from telos.core.tasks import AbstractTask, split_drives
from telos.core.types import Batched, Problem, Rollout, State

Numbers = Mapping[str, Float[Tensor, "batch size"]]
"""Quantities of one moment, by name."""
Along = Mapping[str, Float[Tensor, "batch horizon size"]]
"""Quantities of the steps that follow, by name."""


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What a task has to know of a quantity before it sees the first number."""

    size: int
    """Numbers that it has."""
    scale: float = 1.0
    """Its spread, in its unit: distances are divided by it, so that energies of different quantities are of one size."""
    error: float = 0.0
    """How far off a reading is; whoever has to be sure stays so far within a border."""


@dataclass(frozen=True)
class Underway(Batched):
    """The progress of a task about quantities, and with what it reads them."""

    progress: Any
    readouts: Mapping[str, AbstractReadout] = field(compare=False, repr=False)


class AbstractQuantityTask(AbstractTask):
    """A task that speaks of quantities by name, so that the same machine leads the agent and judges what was true."""

    @property
    @abstractmethod
    def quantities(self) -> tuple[str, ...]:
        """Names of what it speaks of."""

    @abstractmethod
    def begin(self, readings: Mapping[str, Reading], num_rows: int, like: Tensor) -> Batched:
        """The progress before anything was seen, a row for each episode, on the device and with the dtype of `like`.

        Raises:
            SpaceError: a quantity has another number of numbers than the task gives.
        """

    @abstractmethod
    def step(self, progress: Any, numbers: Numbers) -> Any:
        """The progress after a state with these quantities was reached; the first one is where the episode begins."""

    @abstractmethod
    def fulfilled(self, progress: Any) -> Bool[Tensor, " batch"]:
        """Who has done what was asked; once true, it stays true."""

    @abstractmethod
    def energy(self, progress: Any, along: Along, readings: Mapping[str, Reading]) -> Float[Tensor, "batch horizon"]:
        """What imagined quantities are worth, step by step; about 1 for those that are as far off as can be."""

    def waypoint(self, progress: Any) -> Mapping[str, Float[Tensor, "batch size"]] | None:
        """Where to go next, for somebody who sees the true state: a floor of the evaluation. None: no single place."""
        return None

    @property
    def time_limit(self) -> int | None:
        """Steps after which it is decided anyway; None: it never is."""
        return None

    def start(self, knowledge: Knowledge, num_rows: int) -> Underway:
        readouts = {name: readable(knowledge, name) for name in self.quantities}
        like = next(knowledge.world_model.parameters())
        return Underway(self.begin(_readings(readouts), num_rows, like), readouts)

    def problem(self, state: State, progress: Underway) -> Problem:
        return Problem(state=state, progress=progress.progress)

    def advance(self, progress: Underway, state: State) -> Underway:
        numbers = {name: state.read(readout) for name, readout in progress.readouts.items()}
        return replace(progress, progress=self.step(progress.progress, numbers))

    def done(self, progress: Underway) -> Bool[Tensor, " batch"] | None:
        return self.fulfilled(progress.progress)

    def cost(self, base: AbstractCost, knowledge: Knowledge) -> AbstractCost:
        own = QuantityEnergy(task=self, readouts={name: knowledge.readout(name) for name in self.quantities})
        _, drives = split_drives(base)
        return own if drives is None else own + drives


@dataclass(frozen=True, kw_only=True)
class QuantityEnergy(AbstractCost):
    """The energy of a task about quantities, read from what is imagined."""

    task: AbstractQuantityTask
    readouts: Mapping[str, AbstractReadout]

    def energy(self, rollout: Rollout, problem: Problem) -> Float[Tensor, "batch horizon"]:
        along = {name: rollout.read(readout) for name, readout in self.readouts.items()}
        return self.task.energy(problem.progress, along, _readings(self.readouts))


def check_rows(what: str, given: int, numbers: Tensor) -> None:
    """Raises SpaceError if a task has values for another number of episodes than are played."""
    if given != numbers.shape[0]:
        raise SpaceError(
            f"The task has {given} values of {what}, and there are {numbers.shape[0]} observations.",
            expected="one value for all, or one for each observation",
        )


def readable(knowledge: Knowledge, name: str) -> AbstractReadout:
    """What reads a quantity. Raises UnknownNameError where there is none, ConfigError where it is too far off for a task."""
    readout = knowledge.readout(name)
    if not readout.fidelity.readable:
        raise ConfigError(
            f"The agent cannot read '{name}' well enough for a task: {readout.fidelity.why or 'its error is as large as its spread'}",
            fix="give the task in another quantity, or teach the readout from more labels: telos readout RUN",
        )
    return readout


def _readings(readouts: Mapping[str, AbstractReadout]) -> dict[str, Reading]:
    found = {}
    for name, readout in readouts.items():
        spread, error = readout.fidelity.floor, readout.fidelity.error
        # A quantity that never changed in the labels has no spread to measure by.
        found[name] = Reading(size=readout.size, scale=spread if 0 < spread < torch.inf else 1.0, error=error if 0 <= error < torch.inf else 0.0)
    return found
