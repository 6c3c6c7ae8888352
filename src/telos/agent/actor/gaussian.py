"""Sampling planners whose candidates come from a Gaussian; each says only how the good ones move it."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Generator, Tensor

from telos.agent.actor.draws import Sampling, check_sampling
from telos.agent.actor.noise import coloured_noise
from telos.agent.actor.sampling import AbstractSamplingPlanner, Proposal
from telos.core.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class AbstractGaussianPlanner(AbstractSamplingPlanner):
    """Draws candidates around the proposal's mean, as far away as its deviation says."""

    initial_std: float = 1.0
    """Deviation of the first proposal, where 1 is half the action range; a timid one does not see the way round a wall."""
    min_std: float = 0.05
    """Least deviation of the second proposal; keeps the search alive. It falls evenly, to nothing after the last round."""
    noise_exponent: float = 0.0
    """Colour of the noise: 0 is white; larger values give smoother actions."""
    sampling: Sampling = "random"
    """How candidates are spread: `random`, `antithetic` (in opposite pairs) or `sobol` (quasi-random)."""
    agreement: float = 0.01
    """A problem's search ends early once good candidates deviate by less than this share of the action range; 0: never."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_sampling(self.sampling)
        if not 0 <= self.agreement < 1:
            raise ConfigError(f"The planner's agreement is {self.agreement}.", expected="a share of the action range: 0 or more, and less than 1")
        if self.initial_std <= 0 or self.min_std < 0:
            raise ConfigError(
                f"The planner has initial_std = {self.initial_std} and min_std = {self.min_std}.", expected="a number above 0, and one of 0 or more"
            )

    @property
    def first_std(self) -> float:
        return self.initial_std

    def least_std(self, iteration: int) -> float:
        # A floor that stayed would blur the answer: a mean of wide samples cannot come to rest at the optimum.
        return self.min_std * (1 - (iteration + 1) / self.num_iterations)

    @property
    def least_spread(self) -> float:
        return self.agreement

    def sample(self, proposal: Proposal, num: int, generator: Generator) -> Float[Tensor, "batch num horizon action"]:
        noise = coloured_noise(num, *proposal.mean.shape[1:], exponent=self.noise_exponent, generator=generator, sampling=self.sampling)
        return proposal.mean[:, None] + proposal.std[:, None] * noise
