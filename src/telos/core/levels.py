"""Far goals: how long things take, and world models of world models, each with a slower clock than the one below."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable

import torch
from jaxtyping import Bool, Float, Int, Num
from torch import Tensor, nn

from telos.core.contracts import AbstractWorldModel

Forbidden = Callable[[Float[Tensor, "num belief"]], Bool[Tensor, " num"]]
"""Which of some beliefs of the lowest level nobody may come through."""


class AbstractTimeToGo(nn.Module, ABC):
    """A critic: how many steps of the world it takes from one state to another, learned from logs without rewards. A module."""

    slack: Tensor
    """A number (buffer): logged moves come out at most so many steps longer than they took, but for a small share. What is imagined and
    exceeds it is too good to be true."""

    @property
    def longest_known(self) -> float:
        """Steps beyond which a time says no more than that nobody was seen to go there: it can neither lead nor veto. Infinite for critics that
        always have an opinion."""
        return math.inf

    @abstractmethod
    def forward(self, here: Float[Tensor, "*#batch latent"], there: Float[Tensor, "*#batch latent"]) -> Float[Tensor, "*#batch"]:
        """Steps from latents of the lowest level to others, 0 or more; differentiable where it can be. Shapes broadcast but for the last axis."""

    def place(self, latents: Float[Tensor, "*batch latent"]) -> Float[Tensor, "*batch place"]:
        """All that `between` has to know of states, worked out once where a state is asked about often. Override where that pays."""
        return latents

    def between(self, here: Float[Tensor, "*#batch place"], there: Float[Tensor, "*#batch place"]) -> Float[Tensor, "*#batch"]:
        """The same as `forward`, for states that were placed."""
        return self(here, there)

    def avoiding(self, forbidden: Forbidden) -> "AbstractTimeToGo | None":
        """The same for somebody who may not come through some states; None: this critic knows of no states in between."""
        return None

    def reaches(self, here: Float[Tensor, "*#batch latent"], there: Float[Tensor, "*#batch latent"]) -> Bool[Tensor, "*#batch"]:
        """Whether any way is known from here to there: always, for a critic that knows of no states in between. Where none is, the time is longer
        than that of every way there is, by what it would take if nothing were forbidden."""
        return torch.ones(torch.broadcast_shapes(here.shape, there.shape)[:-1], dtype=torch.bool, device=here.device)

    def waypoint(
        self, here: Float[Tensor, "batch latent"], there: Float[Tensor, "batch latent"], steps: float
    ) -> Float[Tensor, "batch belief"] | None:
        """A state of the logs about so many steps ahead on the way from here to there; the last one before the goal, if that is nearer.
        None: this critic knows of no states in between."""
        return None


class Landmarks(nn.Module):
    """States that were really seen, spread over all that was: what is imagined is kept near them.

    Args:
        beliefs: of the lowest level, the latent first; what plans of that level aim at.
        latents: the same states as a level sees them.
    """

    beliefs: Tensor
    latents: Tensor

    def __init__(self, beliefs: Float[Tensor, "num belief"], latents: Float[Tensor, "num latent"]) -> None:
        super().__init__()
        self.register_buffer("beliefs", beliefs)
        self.register_buffer("latents", latents)

    def __len__(self) -> int:
        return len(self.latents)

    def nearest(self, latents: Float[Tensor, "*batch latent"], num: int = 1) -> tuple[Float[Tensor, "*batch {num}"], Int[Tensor, "*batch {num}"]]:
        """Mean squared differences to the nearest landmarks, in order, and which they are. Differentiable in the differences."""
        flat = latents.reshape(-1, latents.shape[-1])
        size = flat.shape[-1]
        far = (flat.square().sum(dim=-1, keepdim=True) + self.latents.square().sum(dim=-1) - 2 * flat @ self.latents.T) / size
        found, which = far.topk(num, dim=-1, largest=False)
        lead = (*latents.shape[:-1], num)
        return found.clamp_min(0).reshape(lead), which.reshape(lead)


class AbstractLevel(AbstractWorldModel):
    """A world model whose observations are the latents of the level below, and whose actions are macro-actions: a few numbers for all that is
    done below within one step of its own clock. `spaces` says both, as vectors; a macro of zeros is the likeliest, and within the bounds lies
    what was seen in logs. Every planner and every cost works on it.

    Its windows hold states of the level below, one for each step of its own; its windows' actions are whatever the level below did in
    between, flat `[batch time stride * action]`. What they amount to is inferred (`explain`).

    Source: LeCun (2022), "A Path Towards Autonomous Machine Intelligence", sections 4.6 and 4.7.
    """

    stride: int
    """Steps of the level below in one of its own."""
    steps: int
    """Steps of the world in one of its own: the product of all strides down to the lowest level."""
    landmarks: Landmarks
    """Real states, as this level sees them."""

    @abstractmethod
    def raised(self, latents: Float[Tensor, "*batch below"]) -> Float[Tensor, "*batch latent"]:
        """States of the level below as this one sees them; differentiable, so that what is planned below can be compared up here."""

    @abstractmethod
    def summarise(self, below: Float[Tensor, "batch ends below"], actions: Num[Tensor, "batch between"]) -> Float[Tensor, "batch macro"]:
        """The macro-action of what was done, inside its bounds.

        Args:
            below: `ends` is 2: latents of the level below before and after.
            actions: of the level below in between, flat.
        """

    @abstractmethod
    def lift(self, latents: Float[Tensor, "batch bottom"]) -> Float[Tensor, "batch latent"]:
        """Latents of the lowest level as this level sees them, through all levels in between."""


def climb(levels: tuple[AbstractLevel, ...], latents: Float[Tensor, "batch bottom"]) -> list[Float[Tensor, "batch _"]]:
    """The same states as every level sees them, the lowest first."""
    seen = [latents]
    for level in levels:
        seen.append(level.raised(seen[-1]))
    return seen


def distinct(latents: Float[Tensor, "rows latent"], num: int, *, first: int = 0) -> Int[Tensor, " num"]:
    """Rows that are spread as far as they can be: each the farthest from all before it.

    Source: Gonzalez (1985), "Clustering to minimize the maximum intercluster distance".
    """
    far = torch.full((len(latents),), torch.inf, device=latents.device, dtype=latents.dtype)
    chosen = torch.empty(min(num, len(latents)), dtype=torch.long, device=latents.device)
    row = torch.tensor(first, device=latents.device)
    for place in range(len(chosen)):
        chosen[place] = row
        far = torch.minimum(far, (latents - latents[row]).square().sum(dim=-1))
        row = far.argmax()
    return chosen
