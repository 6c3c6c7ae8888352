"""The latent variable as a few numbers, noisy so that they cannot tell much."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from telos.agent.world_model.chance import AbstractChance, AbstractChanceConfig, Inferred, Predict, energy, layered
from telos.core.errors import ConfigError
from telos.core.layers import Perceptron
from telos.core.seeding import derive_seed

LEAST_LOG_STD, MOST_LOG_STD = -4.0, 2.0


@dataclass(frozen=True, kw_only=True)
class GaussianCodeConfig(AbstractChanceConfig):
    """A few numbers, drawn from a Gaussian that depends on belief and action; noise and its price limit what they tell.

    Use where what is unknown has a size: a gust of any strength. Not where futures fork: between two Gaussians' worth of futures there is
    a bridge of futures that never happen; take `DiscreteCodeConfig`.
    """

    num_numbers: int = 4
    """Numbers of z."""
    refinements: int = 2
    """Steps along the energy's gradient after z was guessed."""
    rate: float = 0.5
    """Their size, in deviations of the prior for a normalised gradient."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.num_numbers < 1 or self.refinements < 0 or not self.rate > 0:
            raise ConfigError(
                f"The latent variable has {self.num_numbers} numbers, refined in {self.refinements} steps of {self.rate}.",
                expected="1 number or more, 0 steps or more, of a size above 0",
            )

    @property
    def size(self) -> int:
        return self.num_numbers

    def build(self, *, context_size: int, latent_size: int) -> "GaussianCode":
        return GaussianCode(self, context_size=context_size, latent_size=latent_size)


class GaussianCode(AbstractChance):
    """Numbers with a Gaussian prior; a network guesses them from what was seen, the gradient of the energy refines the guess.

    Energy: the latent's mean squared error plus `price` times the divergence of guess and prior. In training z is drawn around the guess,
    with a deviation of the guess's own: what is noisy tells little.

    Source: Kingma & Welling (2014), arXiv 1312.6114, and Kim et al. (2018), "Semi-amortized variational autoencoders", arXiv 1802.02550;
    noise as a limit of information in LeCun (2022), section 4.5.
    """

    count: Tensor

    def __init__(self, config: GaussianCodeConfig, *, context_size: int, latent_size: int) -> None:
        super().__init__()
        self.size = self.noise_size = config.num_numbers
        self.price, self.refinements, self.rate = config.price, config.refinements, config.rate
        self.prior = Perceptron(context_size, [config.width] * 2, 2 * self.size)
        self.posterior = Perceptron(context_size + latent_size, [config.width] * 2, 2 * self.size)
        self.register_buffer("count", torch.zeros((), dtype=torch.int64))

    def noise(self, num: int, steps: int, generator: Generator) -> Float[Tensor, "{num} {steps} noise"]:
        return torch.special.ndtri(layered(num, steps, self.size, generator))

    def draw(self, context: Float[Tensor, "batch context"], noise: Float[Tensor, "batch noise"] | None) -> Float[Tensor, "batch z"]:
        mean, log_std = _gaussian(self.prior(context))
        return mean if noise is None else mean + log_std.exp() * noise

    def infer(self, context: Float[Tensor, "batch context"], target: Float[Tensor, "batch latent"], predict: Predict) -> Inferred:
        prior = _gaussian(self.prior(context))
        mean, log_std = self._guessed(context, target, prior)
        mean = mean + self._refinement(mean, log_std, prior, target, predict)
        z = mean + log_std.exp() * self._noise_like(mean) if self.training else mean
        return Inferred(z, _divergence(mean, log_std, *prior))

    def guess(self, context: Float[Tensor, "batch context"], target: Float[Tensor, "batch latent"], predict: Predict) -> Float[Tensor, "batch z"]:
        # Acting has no gradients: what is carried on is the guess as it is.
        with torch.no_grad():
            return self._guessed(context, target, _gaussian(self.prior(context)))[0]

    def _guessed(self, context: Tensor, target: Tensor, prior: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        """In units of the prior: a guess of nothing is the prior itself."""
        shift, log_factor = self.posterior(torch.cat([context, target], dim=-1)).chunk(2, dim=-1)
        return prior[0] + prior[1].exp() * shift, (prior[1] + log_factor).clamp(LEAST_LOG_STD, MOST_LOG_STD)

    def _refinement(self, mean: Tensor, log_std: Tensor, prior: tuple[Tensor, Tensor], target: Tensor, predict: Predict) -> Tensor:
        """How far the guess is moved; a constant, so that nothing is learned through the steps themselves."""
        start, fixed = mean.detach(), tuple(part.detach() for part in prior)

        def total(z: Tensor) -> Float[Tensor, " batch"]:
            return energy(predict(z), target.detach()) + self.price * _divergence(z, log_std.detach(), *fixed)

        now = start
        for step in range(self.refinements):
            with torch.enable_grad():
                least = total(now.requires_grad_())
                (slope,) = torch.autograd.grad(least.sum(), now)
            down = slope * fixed[1].exp() / slope.norm(dim=-1, keepdim=True).clamp_min(1e-12)
            further = now.detach() - self.rate / 2**step * down
            with torch.no_grad():
                # A step is taken only where it leads down.
                now = torch.where((total(further) < least.detach())[:, None], further, now.detach())
        return now - start

    def _noise_like(self, mean: Tensor) -> Tensor:
        """Noise that is a function of how many batches there were, so that a run that was resumed goes on with it."""
        self.count += 1
        generator = torch.Generator().manual_seed(derive_seed(0, "z", int(self.count)))
        return torch.randn(mean.shape, generator=generator).to(mean)


def _gaussian(numbers: Tensor) -> tuple[Tensor, Tensor]:
    mean, log_std = numbers.chunk(2, dim=-1)
    return mean, log_std.clamp(LEAST_LOG_STD, MOST_LOG_STD)


def _divergence(mean: Tensor, log_std: Tensor, prior_mean: Tensor, prior_log_std: Tensor) -> Float[Tensor, " batch"]:
    """Kullback-Leibler divergence of two Gaussians with independent numbers, in nats."""
    ratio = (2 * (log_std - prior_log_std)).exp()
    return (0.5 * (ratio + ((mean - prior_mean) / prior_log_std.exp()).square() - 1) - (log_std - prior_log_std)).sum(dim=-1)
