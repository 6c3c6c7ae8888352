"""A scripted expert that always keeps the means to stop: for worlds with momentum."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Bool

from telos.core.guarding import AbstractRequirement
from telos.core.spaces import VectorSpace
from telos.core.world import AbstractWorld, WorldState
from telos.evaluation.contestants import AbstractContestant
from telos.evaluation.guarded import met_by_step

Dynamics = Callable[[WorldState, np.ndarray], WorldState]
LEVELS = {1: 41, 2: 9, 3: 5}
"""Actions per axis that are looked at where the expert's own is not allowed, by the number of axes."""


class CautiousExpert(AbstractContestant):
    """Does what the world's own expert would, or the allowed action nearest to it.

    An action is allowed if, full brakes after it, no requirement is broken until the end of the way to rest. It sees the true state.

    Args:
        gain: actions per unit of velocity that brake it within a step or two; clipped to the bounds.
        tail: steps of braking that are looked at.
        dynamics: what the world does, where there is a faster way to tell than its own.
    """

    name = "guarded expert"

    def __init__(self, requirements: tuple[AbstractRequirement, ...], *, gain: float, tail: int, dynamics: Dynamics | None = None) -> None:
        self.requirements, self.gain, self.tail, self.dynamics = requirements, gain, tail, dynamics

    def begin(self, world: AbstractWorld, starts: WorldState, goals: WorldState) -> None:
        self.world, self.goals = world, goals
        self.advance = self.dynamics or world.advance
        space = world.spaces.action
        assert isinstance(space, VectorSpace), "expert_under looks at this first"
        self.low, self.high = np.asarray(space.low, np.float64), np.asarray(space.high, np.float64)
        axes = [np.linspace(low, high, LEVELS.get(len(self.low), 3)) for low, high in zip(self.low, self.high, strict=True)]
        self.choices = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, len(self.low))

    def act(self, states: WorldState) -> np.ndarray:
        actions = np.asarray(self.world.expert(states, self.goals), np.float64)
        (rows,) = np.nonzero(~self._allowed(states, actions))
        if len(rows):
            few = {name: part[rows] for name, part in states.items()}
            actions[rows] = self._nearest(few, actions[rows])
        return actions.astype(self.world.spaces.action.dtype)

    def keep(self, rows: np.ndarray) -> None:
        self.goals = {name: part[rows] for name, part in self.goals.items()}

    def _nearest(self, states: WorldState, wished: np.ndarray) -> np.ndarray:
        brake = self._brake(states)
        choices = np.concatenate([np.broadcast_to(self.choices, (len(wished), *self.choices.shape)), brake[:, None]], axis=1)
        num = choices.shape[1]
        many = {name: np.repeat(part, num, axis=0) for name, part in states.items()}
        allowed = self._allowed(many, choices.reshape(-1, choices.shape[-1])).reshape(-1, num)
        away = np.where(allowed, np.square(choices - wished[:, None]).sum(axis=-1), np.inf)
        chosen = np.where(allowed.any(axis=1), away.argmin(axis=1), num - 1)
        return choices[np.arange(len(choices)), chosen]

    def _brake(self, states: WorldState) -> np.ndarray:
        velocity = np.asarray(states["velocity"], np.float64).reshape(len(states["velocity"]), -1)
        return np.clip(-self.gain * velocity, self.low, self.high)

    def _allowed(self, states: WorldState, actions: np.ndarray) -> Bool[np.ndarray, " batch"]:
        allowed = np.ones(len(actions), dtype=bool)
        for _ in range(1 + self.tail):
            ahead = self.advance(states, actions)
            allowed &= met_by_step(self.world, self.requirements, states, ahead)
            states, actions = ahead, self._brake(ahead)
        return allowed
