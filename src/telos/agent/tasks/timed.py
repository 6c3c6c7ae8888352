"""Tasks that time plays a part in: staying, following a path, and arriving by a deadline."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from telos.agent.tasks.effort import ShareOfStrength
from telos.agent.tasks.quantity import AbstractQuantityTask, Along, Numbers, Reading, check_rows
from telos.agent.tasks.reach import NEAR
from telos.agent.tasks.targets import AbstractTarget, AbstractTargetsTask, Visits
from telos.agent.tasks.values import as_tuple, check_count, check_number, check_quantity, check_size
from telos.core.contracts import AbstractCost
from telos.core.errors import ConfigError
from telos.core.readouts import Knowledge
from telos.core.tasks import Wish
from telos.core.types import Batched, Problem

SPARE = 2
"""Steps before the deadline that one plans to be there: the last ones may go wrong."""
PACE = 1.0
"""Weight of keeping an even pace, which takes the least effort, beside being there in time."""

QUIET = 5
"""Rounds of search after which actions are quiet enough to stay in a place of a twentieth of the arena (docs/log.md)."""


@dataclass(frozen=True)
class Hold(AbstractTargetsTask):
    """Get inside of a target and stay there for so many steps in a row: `Hold(ReachRegion("position", disc), steps=20)`."""

    target: AbstractTarget
    """Where to stay."""
    steps: int = 20
    """For how long."""

    def __post_init__(self) -> None:
        _check_target(self, self.target)
        check_count("steps", self.steps)

    @property
    def targets(self) -> tuple[AbstractTarget, ...]:
        return (self.target,)

    def stay_in(self, target: AbstractTarget) -> int:
        return self.steps

    def wish(self, problem: Problem, usual: int) -> Wish | None:
        """Quiet actions; a short hold needs none of that."""
        return Wish(horizon=usual, why="it is to stay where it is", rounds=QUIET) if self.steps > usual else None

    def enough(self, reached: Bool[Tensor, "batch targets"]) -> Bool[Tensor, " batch"]:
        return reached[:, 0]


@dataclass(frozen=True)
class ReachBy(AbstractTargetsTask):
    """Reach a target by a deadline, with the least effort that this takes: `ReachBy(ReachValue("position", (0.8, 0.2)), deadline=30)`.

    The `hold` steps inside of the target may be the first ones after the deadline; it is the arrival that must not be late.
    """

    target: AbstractTarget
    """Where to be."""
    deadline: int
    """Steps from the beginning after which one has to be there."""
    effort: float = 1.0
    """Weight of the effort: of the mean square of the actions, as shares of the strongest ones."""

    def __post_init__(self) -> None:
        _check_target(self, self.target)
        check_count("deadline", self.deadline)
        check_number("effort", self.effort, least=0)

    @property
    def targets(self) -> tuple[AbstractTarget, ...]:
        return (self.target,)

    @property
    def time_limit(self) -> int:
        return self.deadline + self.target.hold - 1

    def enough(self, reached: Bool[Tensor, "batch targets"]) -> Bool[Tensor, " batch"]:
        return reached[:, 0]

    def step(self, progress: Visits, numbers: Numbers) -> Visits:
        after = super().step(progress, numbers)
        # Who comes in after the deadline is late, however long he stays.
        late = after.time[:, None] - after.inside_for + 1 > self.deadline
        return replace(after, reached=progress.reached | (after.reached & ~late))

    def energy(self, progress: Visits, along: Along, readings: Mapping[str, Reading]) -> Float[Tensor, "batch horizon"]:
        """How far one is when time is up, and some of how far one lags behind an even pace until then.

        Not squared: a square would leave those who are nearly there no reason to make the last effort.
        """
        distance = self.pulls(progress, along, readings)[..., 0].clamp_min(1e-12).sqrt()
        horizon, reading = distance.shape[1], readings[self.target.quantity]
        left = (self.deadline - SPARE - progress.time)[:, None]
        ahead = torch.arange(1, horizon + 1, device=distance.device)
        # Past the deadline every step is due; before it comes into sight, none is, and the pace alone counts.
        due = (ahead >= left) & (ahead < left + SPARE + self.target.hold) | (left <= 0)
        missed = due * distance / due.sum(dim=1, keepdim=True).clamp_min(1)
        now = progress.outside[:, :1].clamp(0, 1e6) / reading.scale / reading.size**0.5
        paced = (1 - ahead / left.clamp_min(1)).clamp_min(0) * now
        return missed + PACE * (distance - paced).clamp_min(0) / horizon

    def wish(self, problem: Problem, usual: int) -> Wish | None:
        """To see the deadline, and no farther than a little beyond it."""
        left = self.deadline - int(problem.progress.time.min())
        why = f"the deadline is {left} steps away" if left > 0 else "the deadline has passed"
        # What lies beyond the deadline is of interest only as far as one has to stay.
        return Wish(horizon=max(left, 1) + self.target.hold - 1, why=why, precise=self.effort > 0)

    def cost(self, base: AbstractCost, knowledge: Knowledge) -> AbstractCost:
        own = super().cost(base, knowledge)
        return own + self.effort * ShareOfStrength.of(knowledge.world_model.spaces.action) if self.effort else own


@dataclass(frozen=True)
class Following(Batched):
    """How far a path was followed."""

    points: Float[Tensor, "batch points size"]
    """The path, at even intervals of time."""
    time: Int[Tensor, " batch"]
    """Steps since the beginning; -1 before anything was seen."""
    strayed: Bool[Tensor, " batch"]
    """Whether one was too far from it at some step that counts."""


@dataclass(frozen=True)
class FollowPath(AbstractQuantityTask):
    """Be at a certain place at every time: `FollowPath("position", [(0.2, 0.2), (0.8, 0.2), (0.8, 0.8)], steps=40)`.

    The path leads through its points in straight lines, at even intervals of time; one for all, or one for each episode `[batch points size]`.
    """

    quantity: str
    """Name of what the agent can read."""
    points: Sequence[Any]
    """Where the path leads, in the unit of the quantity; two points or more."""
    steps: int
    """From the first point to the last."""
    within: float = 2 * NEAR
    """How far one may be from where one is to be, at any step that counts."""
    join: int = 10
    """Steps to get to the first point, before the clock starts."""

    def __post_init__(self) -> None:
        check_quantity(self.quantity)
        object.__setattr__(self, "points", as_tuple(self.points, f"The path of '{self.quantity}'", depths=(2, 3)))
        path = self.points[0] if isinstance(self.points[0][0], tuple) else self.points
        if len(path) < 2:
            raise ConfigError(f"The path of '{self.quantity}' has {len(path)} points.", expected="two, or more")
        check_count("steps", self.steps)
        check_count("join", self.join, least=0)
        check_number("within", self.within, above=0)

    @property
    def quantities(self) -> tuple[str, ...]:
        return (self.quantity,)

    @property
    def time_limit(self) -> int:
        return self.join + self.steps

    def begin(self, readings: Mapping[str, Reading], num_rows: int, like: Tensor) -> Following:
        points = like.new_tensor(self.points)
        check_size(self.quantity, points.shape[-1], readings[self.quantity].size)
        points = points if points.ndim == 3 else points.expand(num_rows, -1, -1).clone()
        time = torch.full((len(points),), -1, device=like.device)
        return Following(points=points, time=time, strayed=time > 0)

    def step(self, progress: Following, numbers: Numbers) -> Following:
        here = numbers[self.quantity]
        check_rows(self.quantity, len(progress.time), here)
        time = progress.time + 1
        far = (here - self.place(progress.points, time[:, None])[:, 0]).norm(dim=-1) > self.within
        counts = (time >= self.join) & (time <= self.time_limit)
        return replace(progress, time=time, strayed=progress.strayed | (far & counts))

    def fulfilled(self, progress: Following) -> Bool[Tensor, " batch"]:
        return (progress.time >= self.time_limit) & ~progress.strayed

    def energy(self, progress: Following, along: Along, readings: Mapping[str, Reading]) -> Float[Tensor, "batch horizon"]:
        here, reading = along[self.quantity], readings[self.quantity]
        ahead = torch.arange(1, here.shape[1] + 1, device=here.device)
        off = (here - self.place(progress.points, progress.time[:, None] + ahead)) / reading.scale
        return off.square().mean(dim=-1) / here.shape[1]

    def waypoint(self, progress: Following) -> Mapping[str, Float[Tensor, "batch size"]]:
        return {self.quantity: self.place(progress.points, progress.time[:, None] + 1)[:, 0]}

    def place(self, points: Float[Tensor, "batch points size"], time: Int[Tensor, "batch times"]) -> Float[Tensor, "batch times size"]:
        """Where to be at these times; before the path begins, at its beginning."""
        pieces = points.shape[1] - 1
        along = ((time - self.join).to(points.dtype) / self.steps).clamp(0, 1) * pieces
        piece = along.floor().clamp_max(pieces - 1).long()
        share = (along - piece)[..., None]
        first, second = (points.gather(1, (piece + shift)[..., None].expand(-1, -1, points.shape[2])) for shift in (0, 1))
        return first + share * (second - first)


def _check_target(task: Any, target: Any) -> None:
    if not isinstance(target, AbstractTarget):
        raise ConfigError(f"{type(task).__name__} is given {target!r}.", expected="a target such as ReachValue(...) or ReachRegion(...)")
