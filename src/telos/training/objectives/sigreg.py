"""SIGReg: the latents' distribution must be an isotropic Gaussian, tested on random directions."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Generator, Tensor, nn
from torch.autograd.function import once_differentiable

from telos.core.contracts import AbstractObjective, Predictions
from telos.core.errors import ConfigError
from telos.core.logs import Windows
from telos.core.products import product
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
        return epps_pulley(product(latents, directions.t()), num_points=self.num_points, t_max=self.t_max)


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
    return _EppsPulley.apply(projections, num_points, t_max)


class _EppsPulley(torch.autograd.Function):
    """The points of the integral lie evenly, so cosines and sines of all angles follow from those of the first.

    `cos((k+1) x) = 2 cos(x) cos(k x) - cos((k-1) x)`, and the same for sines (Chebyshev); the gradient is a sum of such terms,
    evaluated backwards (Clenshaw 1955). One cosine and one sine a projection in place of 16, and nothing that is 17 times as large
    as the projections: 6 times faster, rounding about 3e-6 of the largest slope.
    """

    @staticmethod
    def forward(ctx, projections: Tensor, num_points: int, t_max: float) -> Tensor:
        num_samples, num_directions = projections.shape
        t = torch.linspace(0, t_max, num_points, dtype=projections.dtype, device=projections.device)[:, None]
        gaussian = torch.exp(-t.square() / 2)
        weights = 2 * t_max / (num_points - 1) * gaussian
        weights[0] /= 2
        weights[-1] /= 2
        angle = projections * t[1]
        cosine, sine = angle.cos(), angle.sin_()
        real, imaginary = _characteristic_function(cosine, sine, num_points)
        real -= gaussian
        if ctx.needs_input_grad[0]:
            slope = weights * t * (2 / num_directions)
            ctx.save_for_backward(_trigonometric_sum(cosine, sine, slope * imaginary, -slope * real))
        return num_samples * (weights * (real.square() + imaginary.square())).sum(dim=0).mean()

    @staticmethod
    @once_differentiable
    def backward(ctx, *gradients: Tensor) -> tuple[Tensor, None, None]:  # type: ignore[bad-override] - the decorator hides its first argument
        (slope,) = ctx.saved_tensors
        return gradients[0] * slope, None, None


def _characteristic_function(
    cosine: Float[Tensor, "samples directions"], sine: Float[Tensor, "samples directions"], num_points: int
) -> tuple[Float[Tensor, "{num_points} directions"], Float[Tensor, "{num_points} directions"]]:
    """Means over the samples of `cos(k x)` and `sin(k x)`, for k from 0 on."""
    twice = 2 * cosine
    means = []
    for before, now in ((torch.ones_like(cosine), cosine.clone()), (torch.zeros_like(sine), sine.clone())):
        found = [before.mean(dim=0), now.mean(dim=0)]
        for _ in range(num_points - 2):
            before, now = now, before.neg_().addcmul_(twice, now)
            found.append(now.mean(dim=0))
        means.append(torch.stack(found))
    return means[0], means[1]


def _trigonometric_sum(
    cosine: Float[Tensor, "samples directions"],
    sine: Float[Tensor, "samples directions"],
    of_cosines: Float[Tensor, "points directions"],
    of_sines: Float[Tensor, "points directions"],
) -> Float[Tensor, "samples directions"]:
    """`sum over k of of_cosines[k] cos(k x) + of_sines[k] sin(k x)`."""
    twice = 2 * cosine
    ends = []
    for factors in (of_cosines, of_sines):
        now, before = torch.zeros_like(cosine), torch.zeros_like(cosine)
        for factor in factors[1:].flip(0):
            now, before = before.neg_().addcmul_(twice, now).add_(factor), now
        ends.append((now, before))
    (now, before), (of_sine, _) = ends
    return of_sine.mul_(sine).addcmul_(now, cosine).sub_(before).add_(of_cosines[0])
