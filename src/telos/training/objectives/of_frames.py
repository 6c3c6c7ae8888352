"""Terms about what single frames show, for models whose latents are beliefs."""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from telos.core.contracts import AbstractObjective, Predictions
from telos.core.errors import ConfigError
from telos.core.logs import Windows
from telos.core.spaces import Spaces
from telos.core.types import State
from telos.training.objectives.covariance import Covariance
from telos.training.objectives.inverse_dynamics import InverseDynamics
from telos.training.objectives.variance import Variance

DIGITS = 1e3
"""Codes that differ by less than this part of their deviation are those of one and the same picture."""


@dataclass(frozen=True, kw_only=True)
class OfFrames(AbstractObjective):
    """Other terms, asked of what each frame shows by itself in place of the belief: the weighted sum.

    A belief can vary, and tell actions, without looking at anything: it would only have to count its steps. What frames show cannot.
    Where half of all frames are the same blank one, "blank or not" would be the cheapest way to vary; so a picture counts once for the
    terms of spread, however often it is seen.
    """

    spread: tuple[AbstractObjective, ...] = (Variance(), Covariance())
    """What is asked of all distinct frames of the batch, with weights of their own; in no order."""
    along: tuple[AbstractObjective, ...] = (InverseDynamics(),)
    """What is asked of frames one after the other, with weights of their own."""

    def __post_init__(self) -> None:
        if not self.spread:
            raise ConfigError("OfFrames asks for no spread: what frames show would die out.", expected="at least one term, such as Variance()")

    def head(self, spaces: Spaces, latent_size: int) -> nn.Module:
        return nn.ModuleList([term.head(spaces, latent_size) for term in (*self.spread, *self.along)])

    def term(self, windows: Windows, states: State, predictions: Predictions, head: nn.Module) -> Float[Tensor, ""]:
        assert isinstance(head, nn.ModuleList)
        seen = states.memory.get("seen", states.latent)
        flat = seen.flatten(0, 1)
        rows = _distinct(flat.detach())
        once = replace(windows, episodes=windows.episodes.repeat_interleave(seen.shape[1])[rows])
        parts = []
        for term, own in zip((*self.spread, *self.along), head, strict=True):
            among, latent = (once, flat[rows][:, None]) if term in self.spread else (windows, seen)
            parts.append(term.weight * term.term(among, State(latent=latent, belief=latent), predictions, own))
        return torch.stack(parts).sum()


def _distinct(codes: Float[Tensor, "frames latent"]) -> Int[Tensor, " frames"]:
    """As many rows as there are, of distinct codes only: each in turn, over and over, since processes gather equally many."""
    scale = codes.std(dim=0).clamp_min(1e-12)
    _, kind = (codes / scale * DIGITS).round().unique(dim=0, return_inverse=True)
    first = torch.full((int(kind.max()) + 1,), len(codes), device=codes.device).scatter_reduce(
        0, kind, torch.arange(len(codes), device=codes.device), "amin"
    )
    first = first.sort().values
    return first[torch.arange(len(codes), device=codes.device) % len(first)]
