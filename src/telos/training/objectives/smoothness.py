"""Temporal smoothness: what is seen next differs little from what is seen now."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor, nn

from telos.core.contracts import AbstractObjective, Predictions
from telos.core.logs import Windows
from telos.core.types import State


@dataclass(frozen=True, kw_only=True)
class Smoothness(AbstractObjective):
    """Mean squared change of the latent from frame to frame: unfolds the latent, so that near in latent means near in time.

    Source: Sobal et al. (2025), arXiv 2502.14819, equation 6; the idea is that of slow features (Wiskott & Sejnowski 2002).
    """

    def term(self, windows: Windows, states: State, predictions: Predictions, head: nn.Module) -> Float[Tensor, ""]:
        return (states.latent[:, 1:] - states.latent[:, :-1]).square().mean()
