"""The one loop that all sampling planners share: propose, judge, refit."""

import math
from abc import abstractmethod
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float, Num
from torch import Generator, Tensor

from telos.agent.actor.box import ActionBox
from telos.agent.actor.candidates import take_best
from telos.core.contracts import AbstractEvaluator, AbstractPlanner
from telos.core.errors import ConfigError


class Proposal(NamedTuple):
    """A Gaussian over action sequences in the unit box."""

    mean: Float[Tensor, "batch horizon action"]
    std: Float[Tensor, "batch horizon action"]


@dataclass(frozen=True, kw_only=True)
class AbstractSamplingPlanner(AbstractPlanner):
    """Searches by drawing candidates from a proposal and moving the proposal towards the good ones.

    All problems of a batch see the same random numbers, so that a row plans alike alone and in company.
    """

    num_candidates: int = 300
    """Action sequences per iteration."""
    num_iterations: int = 5
    """Rounds of propose, judge, refit."""
    initial_std: float = 0.5
    """Deviation of the first proposal, where 1 is half the action range."""
    min_std: float = 0.05
    """Least deviation of the second proposal; keeps the search alive. It falls evenly, to nothing after the last round."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("num_candidates", "num_iterations"):
            if getattr(self, name) < 1:
                raise ConfigError(f"The planner's {name} is {getattr(self, name)}.", expected="1 or more")

    def num_at(self, iteration: int) -> int:
        """Candidates to draw in this iteration."""
        return self.num_candidates

    @property
    def num_kept(self) -> int:
        """Best candidates of one iteration that are judged again in the next."""
        return 0

    @abstractmethod
    def sample(self, proposal: Proposal, num: int, generator: Generator) -> Float[Tensor, "batch num horizon action"]:
        """`num` candidates per problem; what leaves the unit box is clipped afterwards."""

    @abstractmethod
    def refit(self, proposal: Proposal, units: Float[Tensor, "batch num horizon action"], energies: Float[Tensor, "batch num"]) -> Proposal:
        """The next proposal."""

    def search(
        self, evaluate: AbstractEvaluator, warm_start: Num[Tensor, "batch horizon action"] | None, generator: Generator
    ) -> Num[Tensor, "batch num horizon action"]:
        box = ActionBox(evaluate.action_space)
        proposal = self._first_proposal(evaluate, box, warm_start, generator)
        best, least = proposal.mean[:, None], torch.full((evaluate.num_problems, 1), math.inf, device=proposal.mean.device)
        kept = best[:, :0]
        for iteration in range(self.num_iterations):
            drawn = self.sample(proposal, self.num_at(iteration), generator).clamp(-1, 1)
            units = torch.cat([proposal.mean[:, None], kept, drawn], dim=1)
            energies = evaluate(box.to_actions(units))
            best, least = take_best(torch.cat([best, units], dim=1), torch.cat([least, energies], dim=1), 1)
            kept = take_best(units, energies, self.num_kept)[0]
            mean, std = self.refit(proposal, units, energies)
            # A floor that stayed would blur the answer: a mean of wide samples cannot come to rest at the optimum.
            proposal = Proposal(mean, std.clamp_min(self.min_std * (1 - (iteration + 1) / self.num_iterations)))
            evaluate.record(least[:, 0])
            if evaluate.out_of_time():
                break
        return box.to_actions(torch.cat([best, proposal.mean[:, None]], dim=1))

    def _first_proposal(self, evaluate: AbstractEvaluator, box: ActionBox, warm_start: Tensor | None, generator: Generator) -> Proposal:
        shape = (evaluate.num_problems, self.horizon, *box.space.shape)
        mean = torch.zeros(shape, device=generator.device) if warm_start is None else box.to_units(warm_start)
        return Proposal(mean, torch.full_like(mean, self.initial_std))


def coloured_noise(num: int, horizon: int, size: int, *, exponent: float, generator: Generator) -> Float[Tensor, "1 {num} {horizon} {size}"]:
    """Noise of deviation 1 whose power falls with frequency as `1 / f**exponent`: 0 is white, 2 is a random walk.

    Source: Timmer & König (1995); for planning Pinneri et al. (2020), arXiv 2008.06389.
    """
    white = torch.randn(1, num, size, horizon, generator=generator, device=generator.device)
    # Transforms refuse an empty batch.
    if exponent == 0 or horizon == 1 or num == 0:
        return white.transpose(2, 3)
    frequency = torch.fft.rfftfreq(horizon, device=generator.device).clamp_min(1 / horizon)
    scale = frequency ** (-exponent / 2)
    # By Parseval: each frequency but zero and Nyquist stands for two terms.
    twice = torch.full_like(scale, 2.0)
    twice[0] = 1.0
    if horizon % 2 == 0:
        twice[-1] = 1.0
    scale = scale * ((twice.sum() / (twice * scale.square()).sum()).sqrt())
    return torch.fft.irfft(torch.fft.rfft(white) * scale, n=horizon).transpose(2, 3)
