"""What all searches along the gradient share: several starts side by side, their best, and when to end."""

import math
from abc import abstractmethod
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Num
from torch import Generator, Tensor

from telos.agent.actor.candidates import take_best
from telos.agent.actor.noise import coloured_noise
from telos.agent.actor.rounds import Stage, play_rounds
from telos.core.action_box import ActionBox
from telos.core.contracts import AbstractPlanner
from telos.core.errors import ConfigError
from telos.core.searching import AbstractEvaluator

PATIENCE = 2
"""Rounds in a row without progress after which a search has settled: one step may well go astray."""


@dataclass(frozen=True)
class DescentStage(Stage):
    """Where every start stands, in the unit box."""

    units: Float[Tensor, "batch starts horizon action"]
    idle: Num[Tensor, " batch"]
    """Rounds in a row that hardly lowered the least energy."""

    def after(self, judged: Tensor, energies: Tensor, tolerance: float) -> dict[str, Tensor]:
        """The fields of every stage once candidates were judged: what is best, and for how long it has been."""
        units, least = torch.cat([self.best[:, None], judged], dim=1), torch.cat([self.least[:, None], energies], dim=1)
        best, least = take_best(units, least, 1)
        gained = self.least - least[:, 0] > tolerance * least[:, 0].abs()
        return {"best": best[:, 0], "least": least[:, 0], "idle": torch.where(gained, 0, self.idle + 1)}


@dataclass(frozen=True, kw_only=True)
class AbstractDescent(AbstractPlanner):
    """Improves several sequences side by side by following the gradient of the energy.

    All problems of a batch see the same random numbers, and nothing couples them, so that a row plans alike alone and in company.
    """

    num_starts: int = 8
    """Sequences that are improved side by side; the first is the warm start."""
    num_iterations: int = 40
    """Steps along the gradient."""
    tolerance: float = 1e-4
    """A problem's search ends early once two rounds in a row have each lowered its energy by less than this share; 0: never."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("num_starts", "num_iterations"):
            if getattr(self, name) < 1:
                raise ConfigError(f"The planner's {name} is {getattr(self, name)}.", expected="1 or more")
        if not 0 <= self.tolerance < 1:
            raise ConfigError(f"The planner's tolerance is {self.tolerance}.", expected="a share of the energy: 0 or more, and less than 1")

    def num_judged(self, iteration: int) -> int:
        """Candidates that a round judges."""
        return self.num_starts

    @abstractmethod
    def starts(
        self, evaluate: AbstractEvaluator, warm_start: Num[Tensor, "batch horizon action"] | None, generator: Generator
    ) -> Float[Tensor, "batch starts horizon action"]:
        """Where to begin, in the unit box; the best guess first."""

    @abstractmethod
    def begin(self, stage: DescentStage) -> DescentStage:
        """The first stage, with all that this search carries from round to round."""

    @abstractmethod
    def advance(self, iteration: int, stage: DescentStage, evaluate: AbstractEvaluator, box: ActionBox) -> DescentStage:
        """The stage after one more step."""

    def search(
        self, evaluate: AbstractEvaluator, warm_start: Num[Tensor, "batch horizon action"] | None, generator: Generator
    ) -> Num[Tensor, "batch num horizon action"]:
        box = ActionBox(evaluate.action_space)
        units = self.starts(evaluate, warm_start, generator)
        stage = play_rounds(
            evaluate,
            self.begin(first_stage(units)),
            lambda iteration, stage, judge: self.advance(iteration, stage, judge, box),
            num_rounds=self.num_iterations,
            num_judged=self.num_judged,
            settled=self._settled if self.tolerance else None,
            reason="no more progress",
        )
        return box.to_actions(stage.best[:, None])

    def _settled(self, stage: DescentStage) -> Bool[Tensor, " batch"]:
        return stage.idle >= PATIENCE


def first_stage(units: Float[Tensor, "batch starts horizon action"]) -> DescentStage:
    """Before the first round: the first start is all there is."""
    return DescentStage(units[:, 0], torch.full((len(units),), math.inf, device=units.device), units, torch.zeros(len(units), device=units.device))


def scattered(
    planner: AbstractDescent, evaluate: AbstractEvaluator, warm_start: Tensor | None, generator: Generator, *, std: float
) -> Float[Tensor, "batch starts horizon action"]:
    """The warm start, or rest, and smooth sequences `std` around it, in the unit box."""
    box = ActionBox(evaluate.action_space)
    shape = (evaluate.num_problems, 1, planner.horizon, *box.space.shape)
    first = torch.zeros(shape, device=generator.device) if warm_start is None else box.to_units(warm_start)[:, None]
    noise = coloured_noise(planner.num_starts - 1, *shape[2:], exponent=1.0, generator=generator)
    return torch.cat([first, first + std * noise], dim=1).clamp(-1, 1)
