"""Places that can be gone to, one or several, and the machine that all tasks with such places share."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from telos.agent.tasks.quantity import AbstractQuantityTask, Along, Numbers, Reading, check_rows
from telos.agent.tasks.shape import arrive
from telos.core.errors import ConfigError
from telos.core.types import Batched


@dataclass(frozen=True)
class Visits(Batched):
    """How far a task with targets has come."""

    aims: tuple[Float[Tensor, "batch size"], ...]
    """A point in each target."""
    caution: Float[Tensor, "batch targets"]
    """How deep inside one has to be, in the unit of the quantity, to be sure of it."""
    outside: Float[Tensor, "batch targets"]
    """How far outside of each target one is; infinite before anything was seen."""
    inside_for: Int[Tensor, "batch targets"]
    """Steps in a row inside each target."""
    reached: Bool[Tensor, "batch targets"]
    """Whether one has been inside for long enough."""
    current: Int[Tensor, " batch"]
    """The target that is headed for."""
    nearest: Float[Tensor, " batch"]
    """The least that one has been outside of it since it was headed for."""
    stalled: Int[Tensor, " batch"]
    """Steps since one came nearer to it."""
    time: Int[Tensor, " batch"]
    """Steps since the beginning; -1 before anything was seen."""


class AbstractTargetsTask(AbstractQuantityTask):
    """A task that is about being inside of targets."""

    @property
    @abstractmethod
    def targets(self) -> tuple["AbstractTarget", ...]:
        """Where to be."""

    @abstractmethod
    def enough(self, reached: Bool[Tensor, "batch targets"]) -> Bool[Tensor, " batch"]:
        """Whether what is reached is what was asked for."""

    def head_for(self, progress: Visits, numbers: Numbers) -> Visits:
        """The same progress with the `current` target chosen anew; the first one unless there are several."""
        return progress

    def counts(self, progress: Visits) -> Bool[Tensor, "batch targets"]:
        """Which targets it counts to be inside of, now: all, unless there is an order."""
        return torch.ones_like(progress.reached)

    @property
    def quantities(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(target.quantity for target in self.targets))

    def begin(self, readings: Mapping[str, Reading], num_rows: int, like: Tensor) -> Visits:
        given = {len(target.rows) for target in self.targets if target.rows is not None}
        if len(given) > 1:
            numbers = " and ".join(map(str, sorted(given)))
            raise ConfigError(f"The targets of one task have values for {numbers} episodes.", expected="the same number for each")
        num_rows = next(iter(given), num_rows)
        aims = tuple(target.aims(readings[target.quantity], num_rows, like) for target in self.targets)
        caution = torch.stack([like.new_tensor(target.caution(readings[target.quantity], aim[:1])) for target, aim in zip(self.targets, aims)])
        blank = like.new_zeros(num_rows, len(self.targets))
        return Visits(
            aims=aims,
            caution=caution.expand_as(blank).clone(),
            outside=torch.full_like(blank, torch.inf),
            inside_for=blank.long(),
            reached=blank.bool(),
            current=blank[:, 0].long(),
            nearest=torch.full_like(blank[:, 0], torch.inf),
            stalled=blank[:, 0].long(),
            time=blank[:, 0].long() - 1,
        )

    def step(self, progress: Visits, numbers: Numbers) -> Visits:
        check_rows(", ".join(self.quantities), progress.time.shape[0], next(iter(numbers.values())))
        outside = torch.stack([target.outside(numbers[target.quantity], aim) for target, aim in zip(self.targets, progress.aims)], dim=1)
        inside = (outside <= -progress.caution) & self.counts(progress)
        inside_for = torch.where(inside, progress.inside_for + 1, 0)
        needed = inside_for.new_tensor([self.stay_in(target) for target in self.targets])
        progress = replace(
            progress, outside=outside, inside_for=inside_for, reached=progress.reached | (inside_for >= needed), time=progress.time + 1
        )
        return self.head_for(progress, numbers)

    def stay_in(self, target: "AbstractTarget") -> int:
        """Steps in a row inside `target` that are asked for."""
        return target.hold

    def fulfilled(self, progress: Visits) -> Bool[Tensor, " batch"]:
        return self.enough(progress.reached)

    def pulls(self, progress: Visits, along: Along, readings: Mapping[str, Reading]) -> Float[Tensor, "batch horizon targets"]:
        """Squared distance to each target along the path, in deviations of its quantity."""
        distances = []
        for number, (target, aim) in enumerate(zip(self.targets, progress.aims)):
            reading = readings[target.quantity]
            distance = target.pull(along[target.quantity], aim[:, None], progress.caution[:, number, None])
            distances.append((distance / reading.scale).square() / reading.size)
        return torch.stack(distances, dim=-1)

    def arrivals(self, progress: Visits, along: Along, readings: Mapping[str, Reading]) -> Float[Tensor, "targets batch horizon"]:
        """The energy of arriving at each target."""
        pulls = self.pulls(progress, along, readings)
        return torch.stack([arrive(pulls[..., number], self.stay_in(target)) for number, target in enumerate(self.targets)])

    def heading(self, progress: Visits, arrivals: Float[Tensor, "targets batch horizon"]) -> Int[Tensor, " batch"]:
        """Which target each imagined path is judged by: the current one."""
        return progress.current

    def energy(self, progress: Visits, along: Along, readings: Mapping[str, Reading]) -> Float[Tensor, "batch horizon"]:
        arrivals = self.arrivals(progress, along, readings)
        return arrivals[self.heading(progress, arrivals), torch.arange(arrivals.shape[1], device=arrivals.device)]

    def waypoint(self, progress: Visits) -> Mapping[str, Float[Tensor, "batch size"]] | None:
        if len(self.quantities) > 1:
            return None
        sizes = torch.stack(progress.aims, dim=1)
        return {self.quantities[0]: sizes[torch.arange(len(sizes), device=sizes.device), progress.current]}


@dataclass(frozen=True)
class AbstractTarget(AbstractTargetsTask):
    """One target; by itself it is the task of reaching it."""

    quantity: str
    """Name of what the agent can read."""

    @property
    @abstractmethod
    def hold(self) -> int:
        """Steps in a row inside that count as having reached it; a field will do."""

    @property
    def targets(self) -> tuple["AbstractTarget", ...]:
        return (self,)

    @property
    def rows(self) -> Any:
        """A value for each episode, where there is more than one; None: one for all."""
        return None

    @abstractmethod
    def aims(self, reading: Reading, num_rows: int, like: Tensor) -> Float[Tensor, "batch size"]:
        """A point well inside, for each episode."""

    @abstractmethod
    def outside(self, points: Float[Tensor, "*batch size"], aims: Float[Tensor, "*batch size"]) -> Float[Tensor, "*batch"]:
        """How far outside of the target each point is, in the unit of the quantity; at most 0 inside."""

    @abstractmethod
    def pull(
        self, points: Float[Tensor, "*batch size"], aims: Float[Tensor, "*batch size"], caution: Float[Tensor, "*batch"]
    ) -> Float[Tensor, "*batch"]:
        """How far each point is from where one is sure of being inside; what the agent makes small."""

    @abstractmethod
    def caution(self, reading: Reading, aim: Float[Tensor, "1 size"]) -> float:
        """How deep inside one has to be to be sure of it, given how well the quantity is read."""

    def enough(self, reached: Bool[Tensor, "batch targets"]) -> Bool[Tensor, " batch"]:
        return reached[:, 0]
