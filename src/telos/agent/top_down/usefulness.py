"""Which episodes a level is of use to: far goals are approached through subgoals, near ones directly."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

LEFT_OUT = "left out by the configurator"
FARTHER, NEARER = "the goal is farther than one step up here", "one step up here is farther than the goal"
NO_NEARER = "the subgoal is no nearer to the goal"


@dataclass(frozen=True)
class Use:
    """Whether a level helps each episode, and why, or why not."""

    helps: Bool[Tensor, " batch"]
    texts: tuple[str, ...]
    """A reason for each episode."""

    def but(self, rows: Bool[Tensor, " batch"], text: str) -> "Use":
        """The same, without the use for some of those that it helps, for this reason."""
        rows = rows & self.helps
        if not rows.any():
            return self
        return Use(self.helps & ~rows, tuple(text if without else before for without, before in zip(rows.tolist(), self.texts, strict=True)))

    def reasons(self, device: torch.device) -> tuple[Int[Tensor, " batch"], tuple[str, ...]]:
        """As an `Aim` holds them: the place of each reason among all that there are."""
        known = tuple(dict.fromkeys(self.texts))
        return torch.tensor([known.index(text) for text in self.texts], dtype=torch.long, device=device), known


def by_time(steps: Float[Tensor, " batch"], within: float) -> Use:
    """A level helps where the goal is farther than what the levels below overlook.

    Args:
        steps: of the world, to the goal, as a critic says.
        within: steps that plans of the levels below overlook.
    """
    helps = steps > within
    rounded = [round(number) for number in steps.tolist()]
    texts = (f"the goal is {num} steps away" if far else f"the goal is near: {num} steps" for num, far in zip(rounded, helps.tolist(), strict=True))
    return Use(helps, tuple(texts))


def by_distance(away: Float[Tensor, " batch"], step: float) -> Use:
    """A level helps where the goal is farther than one of its steps.

    Args:
        away: distances to the goal, as the level sees them.
        step: what one of its steps comes to.
    """
    helps = away > step
    return Use(helps, tuple(FARTHER if far else NEARER for far in helps.tolist()))


def by_depth(depth: Int[Tensor, " batch"], number: int, steps: Float[Tensor, " batch"] | None) -> Use:
    """As a configurator has decided.

    Args:
        depth: levels that plan for each episode.
        number: of the level; the lowest is 1.
        steps: to the goal, where a critic knows.
    """
    helps = depth >= number
    away = [FARTHER] * len(depth) if steps is None else [f"the goal is {round(num)} steps away" for num in steps.tolist()]
    return Use(helps, tuple(far if one else LEFT_OUT for far, one in zip(away, helps.tolist(), strict=True)))
