"""Model-predictive path integral: every candidate counts, the better the more."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from telos.agent.actor.gaussian import AbstractGaussianPlanner
from telos.agent.actor.sampling import Proposal
from telos.core.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class MPPI(AbstractGaussianPlanner):
    """Moves the proposal to the mean of all candidates, weighted by `exp(-energy / temperature)`; its noise is coloured, so that plans are smooth.

    Use as the first choice: few candidates suffice, and it follows a moving optimum well from a warm start.
    Not when two very different plans are equally good and their mean is bad: `CEM` with few elites makes up its mind sooner.

    The temperature is relative to the spread of the energies (their deviation over the candidates), so that it needs no new
    tuning for another cost. The deviation of the proposal is refitted with the same weights, as in TD-MPC.

    Source: Williams et al. (2017), arXiv 1707.02342; refitted deviation after Hansen et al. (2022), arXiv 2203.04955; coloured noise after
    Pinneri et al. (2020), arXiv 2008.06389.
    """

    num_candidates: int = 96
    """Action sequences per iteration."""
    num_iterations: int = 4
    """Rounds of propose, judge, refit."""
    temperature: float = 0.1
    """Small: only the best count. Large: all count alike. In units of the energies' deviation."""
    noise_exponent: float = 1.0
    """Colour of the noise: 0 is white; larger values give smoother actions."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.temperature <= 0:
            raise ConfigError(f"The temperature of MPPI is {self.temperature}.", expected="a number above 0")

    def refit(self, proposal: Proposal, units, energies) -> Proposal:
        weights = path_weights(energies, self.temperature)[..., None, None]
        mean = (weights * units).sum(dim=1)
        variance = (weights * (units - mean[:, None]).square()).sum(dim=1)
        return Proposal(mean, variance.sqrt())


def path_weights(energies: Float[Tensor, "batch num"], temperature: float) -> Float[Tensor, "batch num"]:
    """`exp(-energy / (temperature * deviation))`, normalised; nothing for energies that are not finite, unless none is."""
    finite = energies.isfinite()
    counted = finite | ~finite.any(dim=1, keepdim=True)
    above = torch.where(finite, energies, torch.zeros_like(energies))
    above = above - torch.where(counted, above, torch.inf).min(dim=1, keepdim=True).values
    num = counted.sum(dim=1, keepdim=True)
    mean = (above * counted).sum(dim=1, keepdim=True) / num
    spread = ((above - mean).square() * counted).sum(dim=1, keepdim=True).div(num).sqrt().clamp_min(torch.finfo(energies.dtype).tiny)
    return torch.softmax(torch.where(counted, -above / (temperature * spread), -torch.inf), dim=1)
