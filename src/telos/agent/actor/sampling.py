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

    @property
    def first_std(self) -> float:
        """Deviation of the first proposal, where 1 is half the action range."""
        return 1.0

    def least_std(self, iteration: int) -> float:
        """The deviation that the proposal keeps at the least after this iteration."""
        return 0.0

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
            proposal = Proposal(mean, std.clamp_min(self.least_std(iteration)))
            evaluate.record(least[:, 0])
            if evaluate.out_of_time():
                break
        return box.to_actions(torch.cat([best, proposal.mean[:, None]], dim=1))

    def _first_proposal(self, evaluate: AbstractEvaluator, box: ActionBox, warm_start: Tensor | None, generator: Generator) -> Proposal:
        shape = (evaluate.num_problems, self.horizon, *box.space.shape)
        mean = torch.zeros(shape, device=generator.device) if warm_start is None else box.to_units(warm_start)
        return Proposal(mean, torch.full_like(mean, self.first_std))
