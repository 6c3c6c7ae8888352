"""How long things take for somebody who may not come everywhere."""

from typing import Self

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from telos.core.levels import AbstractTimeToGo, Forbidden


class WithinReach(AbstractTimeToGo):
    """A critic's time round what is forbidden, which also knows what that is.

    What no allowed way leads to is farther than all else, by what it would take if nothing were forbidden. So a search still has a slope
    where the goal is out of reach: it goes as near as it may.

    Args:
        critic: what `avoiding` has made.
        forbidden: which beliefs are.
        known: beliefs of the states that the critic knows.
        broken: which of these are forbidden.
    """

    known: Tensor
    broken: Tensor

    def __init__(self, critic: AbstractTimeToGo, forbidden: Forbidden, known: Float[Tensor, "num belief"], broken: Bool[Tensor, " num"]) -> None:
        super().__init__()
        self.critic, self.forbidden = critic, forbidden
        self.register_buffer("slack", critic.slack)
        self.register_buffer("known", known)
        self.register_buffer("broken", broken)

    @classmethod
    def of(cls, critic: AbstractTimeToGo, forbidden: Forbidden) -> Self | None:
        """None: this critic knows of no states in between."""
        seen: list[tuple[Tensor, Tensor]] = []

        def noted(beliefs: Tensor) -> Tensor:
            seen.append((beliefs, forbidden(beliefs)))
            return seen[-1][1]

        round_it = critic.avoiding(noted)
        if round_it is None:
            return None
        known, broken = (torch.cat(parts) for parts in zip(*seen, strict=True))
        return cls(round_it, forbidden, known, broken)

    def forward(self, here: Float[Tensor, "*#batch latent"], there: Float[Tensor, "*#batch latent"]) -> Float[Tensor, "*#batch"]:
        return self.critic(here, there)

    def place(self, latents: Float[Tensor, "*batch latent"]) -> Float[Tensor, "*batch place"]:
        return self.critic.place(latents)

    def between(self, here: Float[Tensor, "*#batch place"], there: Float[Tensor, "*#batch place"]) -> Float[Tensor, "*#batch"]:
        return self.critic.between(here, there)

    def reaches(self, here: Float[Tensor, "*#batch latent"], there: Float[Tensor, "*#batch latent"]) -> Bool[Tensor, "*#batch"]:
        return self.critic.reaches(here, there)

    def leads_to(self, here: Float[Tensor, "batch latent"], there: Float[Tensor, "batch belief"]) -> Bool[Tensor, " batch"]:
        """Whether a way is known that comes through nothing forbidden; never to a state that is forbidden itself."""
        return self.critic.reaches(here, there[:, : here.shape[-1]]) & ~self.forbidden(there)

    def waypoint(
        self, here: Float[Tensor, "batch latent"], there: Float[Tensor, "batch latent"], steps: float
    ) -> Float[Tensor, "batch belief"] | None:
        return self.critic.waypoint(here, there, steps)
