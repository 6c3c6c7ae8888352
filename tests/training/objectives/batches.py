"""Batches of windows whose latents are given, for the tests of the objectives."""

import numpy as np
import torch
from torch import Tensor, nn

from telos.core.contracts import AbstractObjective
from telos.core.logs import Windows
from telos.core.types import Rollout, State


def random_latents(num: int = 12, frames: int = 4, size: int = 5, seed: int = 0) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).normal(size=(num, frames, size)))


def term_of(
    objective: AbstractObjective,
    latents: Tensor,
    *,
    imagined: Tensor | None = None,
    actions: Tensor | None = None,
    episodes: Tensor | None = None,
    head: nn.Module | None = None,
) -> Tensor:
    """The objective's term for windows with these latents `[batch time+1 latent]`; no predictions: those of a perfect model."""
    num, frames = latents.shape[:2]
    actions = torch.zeros(num, frames - 1, 2) if actions is None else actions
    windows = Windows(observations=latents.detach(), actions=actions, episodes=torch.arange(num) if episodes is None else episodes)
    imagined = latents[:, 1:] if imagined is None else imagined
    head = nn.Identity() if head is None else head
    return objective.term(windows, State(latent=latents, belief=latents), Rollout(latent=imagined, actions=actions), head)


def spread_out(samples: int, deviations: np.ndarray, seed: int) -> Tensor:
    """Latents `[samples latent]` whose numbers are uncorrelated and have exactly these sample deviations."""
    drawn = np.random.default_rng(seed).normal(size=(samples, len(deviations)))
    directions, _ = np.linalg.qr(drawn - drawn.mean(0))
    directions = directions - directions.mean(0)
    return torch.from_numpy(directions / directions.std(0, ddof=1) * deviations)
