"""SIGReg: the latents' distribution must be an isotropic Gaussian, tested on random directions."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Generator, Tensor, nn

from telos.core.contracts import AbstractObjective, Predictions
from telos.core.errors import ConfigError
from telos.core.logs import Windows
from telos.core.seeding import derive_seed
from telos.core.types import State
from telos.training.objectives.spread import latents_of_batch


@dataclass(frozen=True, kw_only=True)
class SIGReg(AbstractObjective):
    """Epps-Pulley statistic of the latents along random directions, averaged over them.

    `N * integral over t of |phi_N(t) - exp(-t^2 / 2)|^2 * exp(-t^2 / 2) dt` per direction, by the trapezoid rule on [-t_max, t_max].
    It replaces variance and covariance by one term.

    Convention: the term is added with `weight` beside a prediction of weight 1. LeJEPA's reference mixes
    `(1 - lambda) * prediction + lambda * SIGReg`; its lambda is `weight / (1 + weight)` here, up to the loss's scale.

    Source: Balestriero & LeCun (2025), LeJEPA, arXiv 2511.08544, section 4; the test is Epps & Pulley (1983).
    """

    weight: float = 0.02
    """Factor in the loss."""
    within_episode: bool = False
    """Look at what varies within an episode only; needed where the scenery changes from episode to episode."""
    num_directions: int = 256
    """Random directions per batch; drawn anew each time, the same on every process."""
    num_points: int = 17
    """Points of the integral."""
    t_max: float = 3.0
    """Where the integral ends."""

    def __post_init__(self) -> None:
        if self.num_directions < 1 or self.num_points < 3 or self.t_max <= 0:
            raise ConfigError(
                f"SIGReg has {self.num_directions} directions and {self.num_points} points up to {self.t_max}.",
                expected="1 direction, 3 points and a t_max above 0 at the least",
            )

    def head(self, spaces, latent_size: int) -> nn.Module:
        return _Counter()

    def term(self, windows: Windows, states: State, predictions: Predictions, head: nn.Module) -> Float[Tensor, ""]:
        latents = latents_of_batch(windows, states, within_episode=self.within_episode)
        generator = torch.Generator().manual_seed(derive_seed(0, "sigreg", head()))
        directions = random_directions(latents.shape[1], self.num_directions, generator).to(latents)
        return epps_pulley(latents @ directions, num_points=self.num_points, t_max=self.t_max)


class _Counter(nn.Module):
    """Counts batches, so that every process, and a run that was resumed, draws the same directions."""

    count: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("count", torch.zeros((), dtype=torch.int64))

    def forward(self) -> int:
        self.count += 1
        return int(self.count)


def random_directions(size: int, num: int, generator: Generator) -> Float[Tensor, "{size} {num}"]:
    """Directions drawn evenly from the unit sphere, one a column."""
    drawn = torch.randn(size, num, generator=generator)
    return drawn / drawn.norm(dim=0)


def epps_pulley(projections: Float[Tensor, "samples directions"], *, num_points: int = 17, t_max: float = 3.0) -> Float[Tensor, ""]:
    """The statistic, averaged over directions. The integrand is even in t, so half of the integral is computed, and doubled."""
    t = torch.linspace(0, t_max, num_points, dtype=projections.dtype, device=projections.device)
    gaussian = torch.exp(-t.square() / 2)
    angles = projections[..., None] * t
    difference = (angles.cos().mean(dim=0) - gaussian).square() + angles.sin().mean(dim=0).square()
    integral = 2 * torch.trapezoid(difference * gaussian, t, dim=-1)
    return len(projections) * integral.mean()
