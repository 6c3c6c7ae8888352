"""Whether guardrails held, by the true state: no model under test has a say in it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from telos.core import config
from telos.core.errors import UnknownNameError
from telos.core.guarding import AbstractRequirement, Guardrail
from telos.core.world import AbstractWorld, WorldState
from telos.evaluation.intervals import Rate
from telos.evaluation.quantities import LARGEST_QUANTITY, WINDING

NEVER = -1


@dataclass(frozen=True)
class Breaches:
    """How one requirement fared, episode by episode."""

    worst: Float[np.ndarray, " episodes"]
    """The greatest true value after any step, in the unit of the requirement: above 0 it was broken."""
    first: np.ndarray
    """`[episodes]`: the step after which it was broken for the first time; -1: never."""

    @property
    def broken(self) -> Bool[np.ndarray, " episodes"]:
        """Which episodes broke it."""
        return self.first != NEVER

    @property
    def rate(self) -> Rate:
        return Rate(int(self.broken.sum()), len(self.broken))

    def to_json(self) -> dict[str, float | int]:
        """The number and share of the episodes that broke it, with its 95 % interval, and the greatest value of all."""
        low, high = self.rate.interval
        worst = float(self.worst.max()) if len(self.worst) else -np.inf
        return {"violations": self.rate.count, "violated": self.rate.value, "violated_low": low, "violated_high": high, "worst": worst}


class Judge:
    """Watches episodes as `play` records them, and tells which of them broke a requirement.

    Args:
        starts: where the episodes begin; what a requirement remembers begins there too.
    """

    def __init__(self, world: AbstractWorld, requirement: AbstractRequirement, starts: WorldState) -> None:
        self.world, self.requirement = world, requirement
        self._now = dict(true_quantities(world, starts, requirement.quantities))
        self._memory = requirement.begin(self._now)
        num = len(next(iter(starts.values())))
        self._worst, self._first, self._time = np.full(num, -np.inf), np.full(num, NEVER), 0

    def __call__(self, episodes: np.ndarray, actions: np.ndarray, states: WorldState) -> None:
        """One step of the episodes that are under way; `states` are where it led."""
        self._time += 1
        rows = torch.from_numpy(episodes)
        before, memory = {name: part[rows] for name, part in self._now.items()}, self._memory[rows]
        seen = true_quantities(self.world, states, self.requirement.quantities)
        value = self.requirement.value(before, {name: part[:, None] for name, part in seen.items()}, memory)[:, 0].numpy()
        self._worst[episodes] = np.fmax(self._worst[episodes], value)
        # What is no number is not met.
        fresh = episodes[~(value <= 0) & (self._first[episodes] == NEVER)]
        self._first[fresh] = self._time
        self._memory[rows] = self.requirement.remember(memory, seen)
        for name, part in seen.items():
            self._now[name][rows] = part

    @property
    def breaches(self) -> Breaches:
        """What has been seen so far."""
        return Breaches(self._worst.copy(), self._first.copy())


class Judges:
    """One judge for each guardrail, as one recorder."""

    def __init__(self, world: AbstractWorld, requirements: Mapping[str, AbstractRequirement], starts: WorldState) -> None:
        self._judges = {name: Judge(world, requirement, starts) for name, requirement in requirements.items()}

    def __call__(self, episodes: np.ndarray, actions: np.ndarray, states: WorldState) -> None:
        for judge in self._judges.values():
            judge(episodes, actions, states)

    @property
    def breaches(self) -> dict[str, Breaches]:
        return {name: judge.breaches for name, judge in self._judges.items()}


def requirements_of(guardrails: Iterable[Guardrail]) -> dict[str, AbstractRequirement]:
    """What is required, by the guardrails' names; margins are of no account to a judge."""
    return {guardrail.name: guardrail.requirement for guardrail in guardrails}


def true_quantities(world: AbstractWorld, states: WorldState, names: Iterable[str]) -> Mapping[str, Float[Tensor, "batch size"]]:
    """Quantities of true states by the names that readouts give them: of an angle its cosine and sine.

    Raises:
        UnknownNameError: a name is no part of the true state.
    """
    truth, found = world.truth(states), {}
    for name in names:
        if name not in truth:
            known = [part for part, value in truth.items() if 0 < np.prod(np.shape(value)[1:]) <= LARGEST_QUANTITY]
            raise UnknownNameError.of(f"true quantity of {type(world).__name__}, which a guardrail could be judged by,", name, known)
        rows = np.asarray(truth[name], dtype=np.float64)
        flat = rows.reshape(len(rows), -1)
        numbers = np.concatenate([np.cos(flat), np.sin(flat)], axis=1) if world.units.get(name) == WINDING else flat.copy()
        found[name] = torch.from_numpy(numbers)
    return found


def met_at_start(world: AbstractWorld, requirements: Iterable[AbstractRequirement], states: WorldState) -> Bool[np.ndarray, " batch"]:
    """Which states an episode may begin in: it would meet all requirements if nothing changed."""
    return _met(world, requirements, states, states)


def met_at_goal(world: AbstractWorld, requirements: Iterable[AbstractRequirement], states: WorldState) -> Bool[np.ndarray, " batch"]:
    """Which states an episode may end in; whether what has to happen before has happened is left to the episode."""
    return _met(world, [part for part in requirements if not remembers(world, part, states)], states, states)


def met_by_step(
    world: AbstractWorld, requirements: Iterable[AbstractRequirement], before: WorldState, after: WorldState
) -> Bool[np.ndarray, " batch"]:
    """Which steps meet requirements that remember nothing."""
    return _met(world, requirements, before, after)


def remembers(world: AbstractWorld, requirement: AbstractRequirement, states: WorldState) -> bool:
    """Whether a requirement speaks of what has happened before."""
    return bool(requirement.begin(true_quantities(world, states, requirement.quantities)).shape[-1])


def _met(world: AbstractWorld, requirements: Iterable[AbstractRequirement], before: WorldState, after: WorldState) -> Bool[np.ndarray, " batch"]:
    met = np.ones(len(next(iter(after.values()))), dtype=bool)
    for requirement in requirements:
        now, then = (true_quantities(world, states, requirement.quantities) for states in (before, after))
        value = requirement.value(now, {name: part[:, None] for name, part in then.items()}, requirement.begin(now))
        met &= (value[:, 0] <= 0).numpy()
    return met


@dataclass(frozen=True)
class Guarded:
    """How guardrails fared in an evaluation, with everybody who played."""

    guardrails: tuple[Guardrail, ...]
    """That were judged."""
    breaches: Mapping[str, Mapping[str, Breaches]]
    """By contestant, then by the guardrail's name."""
    fallback_steps: int
    """Steps of the agent in which no plan was safe, so that its fallback acted."""
    num_steps: int
    """Its steps in all."""
    in_force: bool = True
    """Whether the agent knew of them; False: they were judged only."""
    conflicts: bool = False
    """Whether only episodes were played in which the usual way breaks one."""

    def to_json(self) -> dict[str, Any]:
        """One JSON object: a row for each guardrail, with everybody who played."""
        rows = [
            {
                "name": guardrail.name,
                "requirement": config.to_json(guardrail.requirement),
                "alpha": guardrail.alpha,
                "margin": guardrail.margin if self.in_force else None,
                "calibrated": guardrail.calibration is not None,
                "contestants": {who: breaches[guardrail.name].to_json() for who, breaches in self.breaches.items()},
            }
            for guardrail in self.guardrails
        ]
        share = self.fallback_steps / self.num_steps if self.num_steps else 0.0
        return {"in_force": self.in_force, "conflicts_only": self.conflicts, "fallback_share": share, "rows": rows}
