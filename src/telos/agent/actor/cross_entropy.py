"""Cross-entropy method, plain and improved: fit a Gaussian to the best candidates, sample again."""

from dataclasses import dataclass

from telos.agent.actor.candidates import take_best
from telos.agent.actor.gaussian import AbstractGaussianPlanner
from telos.agent.actor.sampling import Proposal
from telos.core.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class CEM(AbstractGaussianPlanner):
    """Fits a Gaussian to the best candidates, over and over.

    Use when the energy is rough, or a component has no gradient.
    Not when `horizon * action` is large: the candidates it needs grow with it.

    Source: Rubinstein (1999), "The cross-entropy method for combinatorial and continuous optimization".
    """

    num_iterations: int = 10
    """Rounds of propose, judge, refit."""
    num_elites: int = 30
    """Candidates that shape the next proposal."""
    min_std: float = 0.02
    """Least deviation of the second proposal; keeps the search alive. It falls evenly, to nothing after the last round."""
    momentum: float = 0.1
    """Share of the old proposal in the new one."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 1 <= self.num_elites < max(2, self.num_candidates):
            raise ConfigError(
                f"The planner's num_elites is {self.num_elites}.", expected=f"1 or more, and fewer than its {self.num_candidates} candidates"
            )
        if not 0 <= self.momentum < 1:
            raise ConfigError(f"The planner's momentum is {self.momentum}.", expected="0 or more, and less than 1")

    def refit(self, proposal: Proposal, units, energies) -> Proposal:
        elites, least = take_best(units, energies, self.num_elites)
        # What there was no time to judge is nobody's example.
        judged = (least.isfinite() | ~least.isfinite().any(dim=1, keepdim=True))[..., None, None].to(elites.dtype)
        num = judged.sum(dim=1)
        mean = (judged * elites).sum(dim=1) / num
        std = ((judged * (elites - mean[:, None]).square()).sum(dim=1) / num).sqrt()
        return Proposal(mean.lerp(proposal.mean, self.momentum), std.lerp(proposal.std, self.momentum))


@dataclass(frozen=True, kw_only=True)
class ICEM(CEM):
    """The cross-entropy method with coloured noise, elites that survive, and fewer candidates in each iteration.

    Use in place of `CEM` when every rollout is dear and good actions are smooth; it needs a fraction of the candidates.
    Not when good plans switch between extremes: coloured noise seldom proposes them.

    Source: Pinneri et al. (2020), "Sample-efficient Cross-Entropy Method for Real-time Planning", arXiv 2008.06389.
    """

    noise_exponent: float = 1.0
    """Colour of the noise: 0 is white; larger values give smoother actions."""
    decay: float = 1.1
    """Each iteration draws this many times fewer candidates than the one before; the paper's 1.25 is for two or three rounds."""
    kept_share: float = 0.3
    """Share of the elites that are judged again in the next iteration."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.decay < 1 or not 0 <= self.kept_share <= 1:
            raise ConfigError(
                f"The planner has decay = {self.decay} and kept_share = {self.kept_share}.", expected="a decay of 1 or more, a share from 0 to 1"
            )

    def num_at(self, iteration: int) -> int:
        return max(2 * self.num_elites, int(self.num_candidates * self.decay**-iteration))

    @property
    def num_kept(self) -> int:
        return int(self.kept_share * self.num_elites)
