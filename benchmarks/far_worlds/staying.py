"""Logs in which nobody changes rooms: `telos data collect two-rooms --policy benchmarks/far_worlds/staying.py:StayInRoom`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from telos.core.spaces import ActionSpace, Tree
from telos.data.behaviour import AbstractBehaviour, Acting, HeldRandomActions


@dataclass(frozen=True, kw_only=True)
class StayInRoom(AbstractBehaviour):
    """Wanders at random in `TwoRooms`, and turns round where the next step would lead past the middle of the wall.

    Both halves of the door are seen, from either side; nobody ever comes through. It looks at the true state, as no agent does.

    Source: the data without door crossings of Sobal et al. (2025), arXiv 2502.14819.
    """

    max_hold: int = 8
    """Most steps that an action is held."""
    reach: ClassVar[float] = 0.0
    """How far from the middle of the wall it turns round, in arena widths."""

    def start(self, space: ActionSpace, num: int, rng: np.random.Generator) -> Acting:
        wander = HeldRandomActions(max_hold=self.max_hold).start(space, num, rng)

        def act(observations: Tree, state: Mapping[str, np.ndarray], started: np.ndarray) -> np.ndarray:
            actions = wander(observations, state, started)
            here = state["position"][:, 0] - state["wall"]
            side = np.where(here < 0, -1, 1)
            # The next place on this side of the wall, as far as it counts.
            turns = side * (here + actions[:, 0]) < np.minimum(self.reach, side * here)
            actions[turns, 0] = np.abs(actions[turns, 0]) * side[turns]
            return actions

        return act


@dataclass(frozen=True, kw_only=True)
class StayOutOfDoors(StayInRoom):
    """The same, and nobody even sets foot in the door: what it is like in there, no log shows."""

    reach: ClassVar[float] = 0.08
    """With the usual wall and disc the door begins here."""
