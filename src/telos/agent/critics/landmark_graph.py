"""A map of the logs: landmarks, the moves between them that were seen, and the shortest ways that these make together."""

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from telos.agent.critics.shortest_paths import FARTHER, mainland, num_parts, shortest_paths, within
from telos.core.errors import ConfigError
from telos.core.levels import AbstractTimeToGo, Forbidden
from telos.core.taught import AbstractDescription

ROWS_AT_ONCE = 512
"""Rows whose distances to all landmarks are held at a time: what a processor's cache takes."""
TOUCHING = 1e-4
"""Squared distance per number of a latent that counts as being at a landmark."""
BESIDE = 9
"""Landmarks that count as right beside one, itself among them."""


@dataclass(frozen=True, kw_only=True)
class LandmarkGraphConfig(AbstractDescription):
    """Sizes of a map, and how it was drawn. Raises ConfigError for sizes that cannot be."""

    latent_size: int
    """Numbers of a latent."""
    belief_size: int
    """Numbers of a belief; the latent first."""
    num_landmarks: int
    """States of the logs that the map holds."""
    num_edges: int
    """Moves between two of them that were seen."""
    neighbours: int = 3
    """Landmarks that a state is placed between."""
    kind: str = "landmarks"
    """How it was taught, for people."""
    source: str = ""
    """Which logs it was drawn from, for people."""
    measures: dict[str, Any] = field(default_factory=dict)
    """What was measured when it was drawn, for people."""

    def __post_init__(self) -> None:
        if not 1 <= self.latent_size <= self.belief_size or not 1 <= self.neighbours <= self.num_landmarks or self.num_edges < 0:
            raise ConfigError(
                f"A map cannot hold {self.num_landmarks} landmarks of {self.latent_size} numbers (beliefs of {self.belief_size}), "
                f"{self.num_edges} moves, and place states between {self.neighbours}.",
                expected="1 or more numbers, no more neighbours than landmarks, and beliefs that hold the latents",
            )

    def build(self) -> "LandmarkGraph":
        return LandmarkGraph(
            latent_size=self.latent_size,
            belief_size=self.belief_size,
            num_landmarks=self.num_landmarks,
            num_edges=self.num_edges,
            neighbours=self.neighbours,
        )


class LandmarkGraph(AbstractTimeToGo):
    """Time to go over landmarks: states of the logs, edges from what was seen between them, shortest paths, and interpolation on both sides.

    Use as the first choice: it needs no training, knows of ways that nobody has gone in one piece, and can tell what lies on the way.
    Not where states differ in more ways than the logs cover, such as many free objects: then no landmark is near; a learned critic
    generalises, this one does not.

    A state is placed between its nearest landmarks, the nearer the more; a time is the mean over the landmarks on both sides. A gradient
    flows through the weights alone, so it is rough: planners that sample get along with it better than those that descend.

    Source: Savinov et al. (2018), "Semi-parametric topological memory", arXiv 1803.00653; Eysenbach et al. (2019), "Search on the replay
    buffer", arXiv 1906.05253; with edges that were seen in place of edges that were learned.
    """

    def __init__(self, *, latent_size: int, belief_size: int, num_landmarks: int, num_edges: int, neighbours: int) -> None:
        super().__init__()
        self.neighbours, self.latent_size = neighbours, latent_size
        self.beliefs: Tensor
        self.register_buffer("beliefs", torch.zeros(num_landmarks, belief_size))
        self.edges: Tensor
        self.register_buffer("edges", torch.zeros(2, num_edges, dtype=torch.int32))
        self.edge_steps: Tensor
        self.register_buffer("edge_steps", torch.zeros(num_edges))
        # Half of the memory; a step more or less does not matter where a way is longer than 2,048.
        self.times: Tensor
        self.register_buffer("times", torch.zeros(num_landmarks, num_landmarks, dtype=torch.float16))
        self.allowed: Tensor
        self.register_buffer("allowed", torch.ones(num_landmarks, dtype=torch.bool))
        self.linked: Tensor | None
        # Between which landmarks a way is left, where some are forbidden; a map of that kind is never saved.
        self.register_buffer("linked", None, persistent=False)
        self.slack: Tensor
        self.register_buffer("slack", torch.zeros(()))
        self._longest_known: float | None = None

    def __len__(self) -> int:
        return len(self.beliefs)

    @property
    def longest_known(self) -> float:
        """Where parts of the logs are not connected, between the longest way there is and what stands for none. What guardrails cut off was seen,
        and is out of reach on purpose."""
        if self._longest_known is None:
            parts = 1 if self.linked is not None else num_parts(self.edges.cpu().numpy(), self.allowed.cpu().numpy())
            self._longest_known = math.inf if parts == 1 else float(self.times.max()) * (1 + 1 / FARTHER) / 2
        return self._longest_known

    def draw(self, beliefs: Tensor, edges: np.ndarray, steps: np.ndarray, *, beyond: float | None = None) -> "LandmarkGraph":
        """Fills the map in, shortest ways and all; itself. Sizes are those that it was built with.

        Args:
            beyond: steps to what is out of reach; None: twice the longest way there is.
        """
        self.beliefs.copy_(beliefs)
        self.edges.copy_(torch.from_numpy(edges))
        self.edge_steps.copy_(torch.from_numpy(steps))
        self.times.copy_(torch.from_numpy(within(shortest_paths(edges, steps, len(beliefs)), beyond)))
        self._longest_known = None
        return self

    def forward(self, here: Float[Tensor, "*#batch latent"], there: Float[Tensor, "*#batch latent"]) -> Float[Tensor, "*#batch"]:
        return self.between(self.place(here), self.place(there))

    def place(self, latents: Float[Tensor, "*batch latent"]) -> Float[Tensor, "*batch place"]:
        """Weights of the nearest landmarks, and which they are; the second half of the numbers are whole."""
        flat = latents.reshape(-1, latents.shape[-1])
        found = [self._nearest(part) for part in flat.split(ROWS_AT_ONCE)] or [flat.new_zeros(0, 2 * self.neighbours)]
        return torch.cat(found).reshape(*latents.shape[:-1], 2 * self.neighbours)

    def between(self, here: Float[Tensor, "*#batch place"], there: Float[Tensor, "*#batch place"]) -> Float[Tensor, "*#batch"]:
        num = self.neighbours
        rows, columns = here[..., num:].long(), there[..., num:].long()
        times = self.times[rows[..., :, None], columns[..., None, :]].to(here.dtype)
        weights = here[..., :num, None] * there[..., None, :num]
        if self.linked is not None:
            # Landmarks between which no way leads say nothing, as long as others do.
            known = self.linked[rows[..., :, None], columns[..., None, :]]
            weights = weights * (known | ~known.any(dim=-1, keepdim=True).any(dim=-2, keepdim=True))
            weights = weights / weights.sum(dim=(-1, -2), keepdim=True).clamp_min(1e-12)
        return (weights * times).sum(dim=(-1, -2))

    def reaches(self, here: Float[Tensor, "*#batch latent"], there: Float[Tensor, "*#batch latent"]) -> Bool[Tensor, "*#batch"]:
        if self.linked is None:
            return super().reaches(here, there)
        rows, columns = (self.place(latents)[..., self.neighbours :].long() for latents in (here, there))
        return self.linked[rows[..., :, None], columns[..., None, :]].any(dim=-1).any(dim=-1)

    def avoiding(self, forbidden: Forbidden) -> "LandmarkGraph | None":
        """The same map without the landmarks that are forbidden, and without ways through them: states are placed among the others, and what
        cannot be reached any more is farther than all that can, by what it would take if nothing were forbidden. Takes about as long as drawing
        the map."""
        banned = forbidden(self.beliefs) | ~self.allowed
        banned = banned | self._islets(banned)
        edges, steps = self._moves(banned)
        other = LandmarkGraph(
            latent_size=self.latent_size,
            belief_size=self.beliefs.shape[1],
            num_landmarks=len(self),
            num_edges=edges.shape[1],
            neighbours=self.neighbours,
        ).to(self.beliefs.device)
        other.draw(self.beliefs, edges.cpu().numpy(), steps.cpu().numpy(), beyond=float("inf"))
        other.linked = other.times.isfinite() & ~banned & ~banned[:, None]
        longest = other.times[other.linked].max() if other.linked.any() else other.times.new_zeros(())
        other.times.copy_(torch.where(other.linked, other.times, longest + self.times))
        # Where all is forbidden states are placed as ever, and no way leads anywhere.
        other.allowed.copy_(~banned if not banned.all() else self.allowed)
        other.slack.copy_(self.slack)
        return other.requires_grad_(False).eval()

    def waypoint(
        self, here: Float[Tensor, "batch latent"], there: Float[Tensor, "batch latent"], steps: float
    ) -> Float[Tensor, "batch belief"] | None:
        start, goal = (self.place(latents)[:, self.neighbours].long() for latents in (here, there))
        times = self.times.to(here.dtype)
        out, back = times[start], times[:, goal].T
        # On the way means: coming through it costs next to nothing. Of these the one that is so many steps away, and none that is nearer to
        # the goal than the goal's own landmark.
        detour = out + back - times[start, goal][:, None]
        off = (out - steps).abs() + 2 * detour.clamp_min(0)
        which = off.masked_fill(~self.allowed, torch.inf).argmin(dim=1)
        return self.beliefs[torch.where(times[start, goal] <= steps, goal, which)]

    def _moves(self, banned: Bool[Tensor, " landmarks"]) -> tuple[Tensor, Tensor]:
        """Edges that touch none of these, and their steps."""
        kept = ~(banned[self.edges[0].long()] | banned[self.edges[1].long()])
        return self.edges[:, kept], self.edge_steps[kept]

    def _islets(self, banned: Bool[Tensor, " landmarks"]) -> Bool[Tensor, " landmarks"]:
        """Few landmarks whose moves all led through forbidden ones, right beside others that are not cut off: states there are placed among
        those. Where no others are near, a small place is cut off indeed."""
        main = torch.from_numpy(mainland(self._moves(banned)[0].cpu().numpy(), len(self))).to(banned.device) & ~banned
        found = torch.zeros_like(banned)
        islets = (~main & ~banned).nonzero()[:, 0]
        if len(islets) and main.any():
            latents = self.beliefs[:, : self.latent_size]
            beside = torch.cdist(latents[islets], latents).topk(min(BESIDE, len(self)), dim=1, largest=False).indices
            found[islets] = main[beside].any(dim=1)
        return found

    def _nearest(self, latents: Float[Tensor, "rows latent"]) -> Float[Tensor, "rows place"]:
        known = self.beliefs[:, : self.latent_size].to(latents.dtype)
        offset = known.square().sum(dim=1).masked_fill(~self.allowed, torch.inf)
        far, which = torch.addmm(offset, latents, known.T, alpha=-2).topk(self.neighbours, dim=1, largest=False)
        squares = (far + latents.square().sum(dim=1, keepdim=True)).clamp_min(0)
        closeness = 1 / (squares / self.latent_size + TOUCHING)
        weights = closeness / closeness.sum(dim=1, keepdim=True).clamp_min(1e-12)
        return torch.cat([weights, which.to(latents.dtype)], dim=1)
