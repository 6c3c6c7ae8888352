"""How levels plan together, from the top down: settings."""

from dataclasses import dataclass
from typing import Literal

from telos.core.contracts import AbstractPlanner
from telos.core.errors import ConfigError, UnknownNameError

Proposer = Literal["levels", "critic"]
Comparison = Literal["above", "below"]
PROPOSERS: tuple[Proposer, ...] = ("levels", "critic")
COMPARISONS: tuple[Comparison, ...] = ("above", "below")


@dataclass(frozen=True, kw_only=True)
class TopDown:
    """How the levels above the lowest plan, and how the lowest is led by them.

    Raises:
        UnknownNameError: a choice that there is not.
        ConfigError: a number that cannot be.
    """

    planner: AbstractPlanner | None = None
    """Searches for the macro-actions of the upper levels; its horizon counts their steps. None: MPPI, a few steps ahead."""
    replan_every: int = 1
    """Steps of its own clock after which an upper level plans anew; sooner where its plan has run out, or where what it goes for has moved."""
    subgoals: Proposer = "levels"
    """Who says where to go next: the plans of the upper levels, or the critic of time, from what was seen on the way to the goal."""
    ahead: float | None = None
    """With subgoals of a critic: steps of the world that they are away. None: as many as a plan of the lowest level looks ahead."""
    snap: bool = True
    """Whether subgoals are drawn to the nearest state that was really seen; without it they are what is imagined, which may be nowhere."""
    compare: Comparison = "above"
    """Where a plan is compared with its subgoal: `above`, as the level sees it that has chosen it; or `below`, in the latents of the level that
    plans, which differ in much that does not matter."""
    below_share: float = 0.0
    """Weight of the distance in the level's own latents, where a plan is compared above."""
    reached: float = 0.8
    """How near to a subgoal counts as there, as a share of what one step of the level above comes to; never nearer than its landmarks lie. Who has
    come so near goes for the next one: nobody slows down at a subgoal."""
    horizon: int | None = None
    """Steps that the lowest level looks ahead at the most, since subgoals are never far. None: three quarters of a stride of the level above, as
    logs wander, and who has an aim is faster; 6 at the least."""

    def __post_init__(self) -> None:
        if self.subgoals not in PROPOSERS:
            raise UnknownNameError.of("proposer of subgoals", self.subgoals, PROPOSERS)
        if self.compare not in COMPARISONS:
            raise UnknownNameError.of("place to compare with a subgoal", self.compare, COMPARISONS)
        for name in ("replan_every", "horizon"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ConfigError(f"The {name} of top-down planning is {value}.", expected="1 step or more")
        for name in ("below_share", "reached"):
            if not getattr(self, name) >= 0:
                raise ConfigError(f"{name} of top-down planning is {getattr(self, name)}.", expected="0 or more")
        if self.ahead is not None and not self.ahead > 0:
            raise ConfigError(f"Subgoals are to be {self.ahead} steps ahead.", expected="more than 0")
