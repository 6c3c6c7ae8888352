"""The one search that all sampling planners share: propose, judge, refit."""

import math
from abc import abstractmethod
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float, Num
from torch import Generator, Tensor

from telos.agent.actor.candidates import take_best
from telos.agent.actor.rounds import Stage, play_rounds
from telos.core.action_box import ActionBox
from telos.core.contracts import AbstractPlanner
from telos.core.errors import ConfigError
from telos.core.searching import AbstractEvaluator


class Proposal(NamedTuple):
    """A Gaussian over action sequences in the unit box."""

    mean: Float[Tensor, "batch horizon action"]
    std: Float[Tensor, "batch horizon action"]


@dataclass(frozen=True)
class SamplingStage(Stage):
    """The next proposal, and what is kept of the last round."""

    mean: Float[Tensor, "batch horizon action"]
    std: Float[Tensor, "batch horizon action"]
    kept: Float[Tensor, "batch kept horizon action"]
    """The best of the last round, best first."""
    spread: Float[Tensor, " batch"]
    """How far good candidates disagree, in the last round or with the one before: a share of the action range."""


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

    @property
    def least_spread(self) -> float:
        """A problem's search ends once its good candidates disagree by less than this share of the action range."""
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
        stage = self.explore(evaluate, warm_start, generator)
        return ActionBox(evaluate.action_space).to_actions(torch.stack([stage.best, stage.mean], dim=1))

    def explore(self, evaluate: AbstractEvaluator, warm_start: Tensor | None, generator: Generator, *, num_kept: int = 0) -> SamplingStage:
        """The search itself, in the unit box; `num_kept` of its last candidates are kept at the least, if there are so many."""
        box, num_kept = ActionBox(evaluate.action_space), max(num_kept, self.num_kept)

        def play(iteration: int, stage: SamplingStage, judge: AbstractEvaluator) -> SamplingStage:
            proposal = Proposal(stage.mean, stage.std)
            drawn = self.sample(proposal, self.num_at(iteration), generator).clamp(-1, 1)
            units = torch.cat([stage.mean[:, None], stage.kept[:, : self.num_kept], drawn], dim=1)
            energies = judge(box.to_actions(units))
            best, least = take_best(torch.cat([stage.best[:, None], units], dim=1), torch.cat([stage.least[:, None], energies], dim=1), 1)
            mean, std = self.refit(proposal, units, energies)
            kept = take_best(units, energies, num_kept)[0]
            # A round of wide samples may find nothing better than the mean: that is no agreement, nor is a mean that still moves.
            apart = torch.stack([std, stage.std, (mean - stage.mean).abs()]).mean(dim=(2, 3)).amax(dim=0)
            return SamplingStage(best[:, 0], least[:, 0], mean, std.clamp_min(self.least_std(iteration)), kept, apart / 2)

        return play_rounds(
            evaluate,
            self._first_stage(evaluate, box, warm_start, generator),
            play,
            num_rounds=self.num_iterations,
            num_judged=lambda iteration: 1 + self.num_kept * (iteration > 0) + self.num_at(iteration),
            settled=(lambda stage: stage.spread < self.least_spread) if self.least_spread else None,
            reason="elites agree",
        )

    def _first_stage(self, evaluate: AbstractEvaluator, box: ActionBox, warm_start: Tensor | None, generator: Generator) -> SamplingStage:
        shape = (evaluate.num_problems, self.horizon, *box.space.shape)
        mean = torch.zeros(shape, device=generator.device) if warm_start is None else box.to_units(warm_start)
        nothing = torch.full(mean.shape[:1], math.inf, device=mean.device)
        return SamplingStage(mean, nothing, mean, torch.full_like(mean, self.first_std), mean[:, None][:, :0], nothing)
