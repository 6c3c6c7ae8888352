"""A critic of time for the states of an upper level, by way of its landmarks."""

from functools import lru_cache

import torch
from jaxtyping import Float
from torch import Tensor

from telos.core.levels import AbstractLevel, AbstractTimeToGo

NEIGHBOURS = 3
"""Landmarks that a state is placed between."""
TOUCHING = 1e-4
"""Squared distance per number of a latent that counts as being at a landmark."""
KEPT = 8
"""Pairs of a critic and a level that are remembered."""


class SeenAbove(AbstractTimeToGo):
    """The same critic, asked about latents of a level: what is between landmarks of the level is as far as they are, the nearer the more.

    Its slack is the critic's own and the time between neighbouring landmarks: so much may be lost or gained on the way down.

    Args:
        critic: on latents of the lowest level.
        level: whose latents are asked about.
        latent_size: numbers of a latent of the lowest level.
    """

    def __init__(self, critic: AbstractTimeToGo, level: AbstractLevel, latent_size: int) -> None:
        super().__init__()
        self.critic, self.landmarks = critic, level.landmarks
        self.neighbours = min(NEIGHBOURS, len(level.landmarks))
        with torch.no_grad():
            self.places: Tensor
            self.register_buffer("places", critic.place(level.landmarks.beliefs[:, :latent_size]))
            self.register_buffer("slack", critic.slack + self._coarseness())

    @property
    def longest_known(self) -> float:
        return self.critic.longest_known

    def forward(self, here: Float[Tensor, "*#batch latent"], there: Float[Tensor, "*#batch latent"]) -> Float[Tensor, "*#batch"]:
        return self.between(self.place(here), self.place(there))

    def place(self, latents: Float[Tensor, "*batch latent"]) -> Float[Tensor, "*batch place"]:
        """Weights of the nearest landmarks, and which they are; the second half of the numbers are whole."""
        squares, which = self.landmarks.nearest(latents, self.neighbours)
        closeness = 1 / (squares + TOUCHING)
        return torch.cat([closeness / closeness.sum(dim=-1, keepdim=True), which.to(latents.dtype)], dim=-1)

    def between(self, here: Float[Tensor, "*#batch place"], there: Float[Tensor, "*#batch place"]) -> Float[Tensor, "*#batch"]:
        num = self.neighbours
        rows, columns = self.places[here[..., num:].long()], self.places[there[..., num:].long()]
        times = self.critic.between(rows[..., :, None, :], columns[..., None, :, :])
        return torch.einsum("...i,...ij,...j->...", here[..., :num], times, there[..., :num])

    def _coarseness(self) -> Tensor:
        """Steps from a landmark to the one beside it, as the level sees them; the median, and on both sides."""
        if len(self.landmarks) < 2:
            return self.critic.slack.new_zeros(())
        beside = self.landmarks.nearest(self.landmarks.latents, 2)[1][:, 1]
        return 2 * self.critic.between(self.places, self.places[beside]).median()


@lru_cache(maxsize=KEPT)
def seen_above(critic: AbstractTimeToGo, level: AbstractLevel, latent_size: int) -> SeenAbove:
    """`SeenAbove`, made once for each critic and level."""
    return SeenAbove(critic, level, latent_size).requires_grad_(False).eval()
