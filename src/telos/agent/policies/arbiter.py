"""Who has to plan: a calibrated guess of what a plan would save, asked before it is made."""

import math
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from telos.core.acting import AbstractArbiter, Prospect
from telos.core.contracts import AbstractCost
from telos.core.errors import ConfigError
from telos.core.layers import Normalization, Perceptron
from telos.core.taught import AbstractDescription
from telos.core.types import Choice, Problem

REASONS = (
    "the policy is good enough",
    "a plan is expected to be better",
    "surprised",
    "the models disagree",
    "a guardrail refuses what the policy would do",
    "nobody has calibrated the arbiter for this task",
)
ENOUGH, BETTER, SURPRISED, DISAGREE, REFUSED, ELSEWHERE = range(len(REASONS))


@dataclass(frozen=True, kw_only=True)
class ArbiterMeasures:
    """What a calibration found, on held-out imagined problems for each of which a plan was really made."""

    num_problems: int
    """Problems."""
    reacting: float
    """Share that is let through."""
    wrongly: float
    """Share that is let through though the plan is better by more than the tolerance."""
    head_error: float
    """Root mean square error of the energy that a plan is expected to reach."""
    head_floor: float
    """The same of always expecting the mean."""


@dataclass(frozen=True, kw_only=True)
class ArbiterConfig(AbstractDescription):
    """What an arbiter is made of, and for what it was calibrated. Raises ConfigError for what cannot be."""

    belief_size: int
    """Numbers of a belief."""
    latent_size: int
    """Numbers of a goal's latent."""
    horizon: int
    """Steps that the reactions and plans looked ahead which it was calibrated on."""
    cost: AbstractCost
    """What energy was."""
    tolerance: float
    """Energy that a reaction may cost above a plan and still be good enough."""
    alpha: float = 0.02
    """Share of all steps in which a reaction may be let through that is not good enough."""
    surprise_level: float = 0.01
    """P-value below which what has happened calls for plans."""
    width: int = 128
    """Neurons in each hidden layer of what foresees a plan's energy."""
    measures: ArbiterMeasures | None = None
    """What the calibration found."""

    def __post_init__(self) -> None:
        if min(self.belief_size, self.latent_size, self.horizon, self.width) < 1 or not self.tolerance >= 0:
            raise ConfigError(
                f"An arbiter cannot have {self.belief_size} numbers of belief, {self.latent_size} of a goal, a horizon of {self.horizon}, "
                f"{self.width} neurons and the tolerance {self.tolerance}.",
                expected="1 or more of each, and a tolerance of 0 or more",
            )
        if not (0 < self.alpha < 1 and 0 <= self.surprise_level < 1):
            raise ConfigError(
                f"The arbiter's alpha is {self.alpha}, and its surprise_level {self.surprise_level}.", expected="shares, such as 0.02 and 0.01"
            )

    def build(self) -> "CalibratedArbiter":
        return CalibratedArbiter(self)


class CalibratedArbiter(nn.Module, AbstractArbiter):
    """Lets a reaction through where a plan is expected to save little.

    A small network foresees the energy that a plan would reach, from belief and goal. What the reaction costs above it is the expected gap;
    it is let through up to a threshold that was calibrated (`conformal_threshold`): of all steps like those of the calibration at most a share
    `alpha` are reactions that really cost more than the tolerance above the plan. Beside that it asks for a plan after a surprise, where an ensemble
    disagrees more than it did on 99 % of the calibration's reactions, where the gate refused, and for whatever it was not calibrated for.

    Source: LeCun (2022), section 3.1, for the two modes; the threshold after Angelopoulos et al. (2024), "Conformal risk control", ICLR,
    arXiv 2208.02814.
    """

    def __init__(self, config: ArbiterConfig) -> None:
        super().__init__()
        self.config = config
        self.belief, self.goal = Normalization(size=config.belief_size), Normalization(size=config.latent_size)
        self.network = Perceptron(config.belief_size + 2 * config.latent_size, [config.width] * 2, 1)
        self.threshold: Tensor
        self.register_buffer("threshold", torch.tensor(-math.inf))
        self.most_disagreement: Tensor
        self.register_buffer("most_disagreement", torch.tensor(math.inf))

    @property
    def measures(self) -> ArbiterMeasures | None:
        """What its calibration found."""
        return self.config.measures

    def decide(self, prospect: Prospect) -> Choice:
        problem, config = prospect.problem, self.config
        reason = torch.full((problem.num_rows,), ENOUGH, device=problem.state.latent.device)

        def mark(rows: Bool[Tensor, " batch"], why: int) -> None:
            reason[rows & (reason == ENOUGH)] = why

        if prospect.reaction.actions.shape[1] != config.horizon or prospect.cost != config.cost or problem.goal is None:
            reason[:] = ELSEWHERE
        else:
            if prospect.refused is not None:
                mark(prospect.refused, REFUSED)
            if prospect.surprise is not None:
                mark(prospect.surprise < config.surprise_level, SURPRISED)
            if prospect.disagreement is not None:
                mark(prospect.disagreement > self.most_disagreement, DISAGREE)
            # What is not a number is nobody's good enough.
            mark(~(self.gap(problem, prospect.reaction.energy) <= self.threshold), BETTER)
        return Choice(planned=reason != ENOUGH, reason=reason, reasons=REASONS)

    def gap(self, problem: Problem, energy: Float[Tensor, " batch"]) -> Float[Tensor, " batch"]:
        """What a reaction of this energy is expected to cost above a plan."""
        assert problem.goal is not None
        return energy - self.foresee(problem.state.belief, problem.goal.latent)

    def foresee(self, belief: Float[Tensor, "batch belief"], goal: Float[Tensor, "batch latent"]) -> Float[Tensor, " batch"]:
        """The energy that a plan is expected to reach; never below 0."""
        away = (goal - belief[..., : goal.shape[-1]]) * self.goal.inverse_std
        numbers = torch.cat([self.belief(belief), self.goal(goal), away], dim=-1)
        return nn.functional.softplus(self.network(numbers)[:, 0]) * away.square().mean(dim=-1)

    def calibrated_for(self, **changes) -> None:
        """Notes what it was calibrated for, and what that found."""
        self.config = replace(self.config, **changes)


def conformal_threshold(scores: Float[Tensor, " problems"], bad: Bool[Tensor, " problems"], alpha: float) -> float:
    """The highest threshold with which a fresh problem is let through though it is bad, with probability `alpha` at most.

    The loss of a threshold t on problem i is 1 if `scores[i] <= t` and `bad[i]`, else 0; it never falls as t rises. With n problems the threshold is

        sup { t : (losses(t) + 1) / (n + 1) <= alpha },

    where losses(t) counts them. If the fresh problem is exchangeable with the n, its expected loss is at most alpha, whatever the scores are.
    A score at the threshold is let through; minus infinity, letting nothing through, where n is too small for alpha.

    Source: Angelopoulos, Bates, Fisch, Lei & Schuster (2024), "Conformal risk control", ICLR, arXiv 2208.02814, theorem 1.
    """
    allowed = math.floor(alpha * (len(scores) + 1) + 1e-9) - 1
    if allowed < 0:
        return -math.inf
    wrong = scores[bad].sort().values
    if len(wrong) <= allowed:
        # Nothing beyond the scores that were seen is let through.
        return float(scores.max()) if len(scores) else -math.inf
    below = scores[scores < wrong[allowed]]
    return float(below.max()) if len(below) else -math.inf
