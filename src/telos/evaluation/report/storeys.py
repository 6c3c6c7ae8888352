"""One plan as a house: what each level expects to come through, and what it goes for, as pictures and places."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from telos.agent.aims import LOWEST, aims_of
from telos.core.levels import AbstractLevel
from telos.core.types import Aim
from telos.evaluation.report.episode import lowest_subgoal
from telos.evaluation.report.gallery import Gallery
from telos.evaluation.report.pictures import RGB

Draw = Callable[[Tensor], RGB | None]
"""Pictures `[num height width 3]` of latents `[num latent]`; None if there is no way to draw them."""


@dataclass(frozen=True, kw_only=True)
class Storey:
    """One level's part of a plan."""

    level: int
    stride: int | None
    """Steps of the world in one of its own; None: its states are what a critic of time knows to lie on the way, and no plan."""
    times: tuple[int, ...]
    """When its states are expected, in steps of the world from now; below 0: they were, some time ago. None are told of states on the way."""
    num: int
    """States there are."""
    pictures: RGB | None
    """Of these states `[horizon height width 3]`; None if nobody can draw them."""
    places: np.ndarray | None
    """Where they are `[horizon 2]`, as far as logs tell."""
    toward: RGB | None
    """What this level goes for `[height width 3]`: the goal, or a state that the next level which helps expects to come through."""
    serves: int | None
    """The level of which that is a state; None: it is the goal itself."""
    chosen: int | None
    """Which of its states the level below goes for; None for the lowest level, and for one that does not help."""
    why: str
    """Why it helps, or does not; empty for the lowest."""

    @property
    def helps(self) -> bool:
        return self.level == LOWEST or self.chosen is not None


@dataclass(frozen=True, kw_only=True)
class Beholder:
    """Whoever draws plans: states of the logs as they were seen, imagined ones as best as can be."""

    levels: Sequence[AbstractLevel]
    gallery: Gallery
    seen: Draw
    """Of states that were really seen."""
    imagined: Draw

    def storeys(self, latents: Tensor, aim: Aim | None, goal: RGB | None) -> tuple[Storey, ...]:
        """The storeys of one plan, the highest first.

        Args:
            latents: what the lowest level imagines `[horizon latent]`.
            aim: what it serves, one row.
            goal: what the task asks for `[height width 3]`.
        """
        aims = aims_of(aim)
        found = [
            Storey(
                level=LOWEST,
                stride=1,
                times=tuple(range(1, len(latents) + 1)),
                num=len(latents),
                pictures=self.imagined(latents),
                places=self._places(latents),
                toward=self._toward(aim, goal),
                serves=_first_of_use(aim, LOWEST + 1),
                chosen=None,
                why="",
            )
        ]
        for number, one in enumerate(aims):
            subgoals = self._bottom(one.subgoals[0])
            # What a critic knows to lie on the way has no actions of its own.
            steps = self.levels[number].steps if one.plan.actions.shape[2] else None
            found.append(
                Storey(
                    level=LOWEST + 1 + number,
                    stride=steps,
                    times=() if steps is None else tuple(steps * (step + 1) - int(one.age[0]) for step in range(len(subgoals))),
                    num=len(subgoals),
                    pictures=self.seen(subgoals),
                    places=self._places(subgoals),
                    toward=self._toward(one.plan.aim, goal),
                    serves=_first_of_use(one.plan.aim, LOWEST + 2 + number),
                    chosen=int(one.step[0]) if one.helps[0] else None,
                    why=one.reasons[int(one.reason[0])],
                )
            )
        return tuple(reversed(found))

    def gone_for(self, beliefs: Sequence[Tensor | None], goal: RGB) -> RGB | None:
        """A picture for each of some beliefs; the goal's where there is none."""
        known = [place for place, belief in enumerate(beliefs) if belief is not None]
        pictures = np.repeat(goal[None], len(beliefs), axis=0)
        if not known:
            return pictures
        drawn = self.seen(self._bottom(torch.stack([belief for belief in beliefs if belief is not None])))
        if drawn is None or drawn.shape[1:] != goal.shape:
            return None
        pictures[known] = drawn
        return pictures

    def _toward(self, aim: Aim | None, goal: RGB | None) -> RGB | None:
        subgoal = lowest_subgoal(aim)
        if subgoal is None:
            return goal
        drawn = self.seen(self._bottom(subgoal[None]))
        return None if drawn is None else drawn[0]

    def _places(self, latents: Tensor) -> np.ndarray | None:
        return None if self.gallery.positions is None else self.gallery.positions[self.gallery.nearest(latents)]

    def _bottom(self, beliefs: Tensor) -> Tensor:
        """The latents of beliefs of the lowest level."""
        return beliefs[:, : self.gallery.latents.shape[1]]


def _first_of_use(aim: Aim | None, level: int) -> int | None:
    """The number of the first level that helps, if `aim` is of this `level`."""
    return next((level + above for above, one in enumerate(aims_of(aim)) if one.helps[0]), None)
