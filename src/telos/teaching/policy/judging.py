"""An arbiter learns what plans reach, and is calibrated on problems that it has not learned from."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from telos.agent.policies.arbiter import ArbiterMeasures, CalibratedArbiter, conformal_threshold
from telos.core.types import Plan, Problem

QUANTILE = 0.99
"""Of the disagreement on the calibration's reactions: what lies above is unusual."""


@dataclass(frozen=True)
class Judged:
    """Problems for each of which both was imagined, the policy's way and a plan."""

    belief: Float[Tensor, "num belief"]
    goal: Float[Tensor, "num latent"]
    reacting: Float[Tensor, " num"]
    """Energy of the policy's way."""
    planning: Float[Tensor, " num"]
    """Energy of the plan."""
    disagreement: Float[Tensor, " num"] | None = None

    @classmethod
    def of(cls, problem: Problem, reaction: Plan, plan: Plan) -> "Judged":
        assert problem.goal is not None
        apart = None if reaction.feelings is None else reaction.feelings.disagreement
        return cls(problem.state.belief, problem.goal.latent, reaction.energy, plan.energy, apart)

    def joined(self, other: "Judged | None", most: int) -> "Judged":
        """Behind `other`; only the latest are kept."""
        if other is None:
            return self
        names = ("belief", "goal", "reacting", "planning")
        parts = [torch.cat([getattr(other, name), getattr(self, name)])[-most:] for name in names]
        both = self.disagreement is not None and other.disagreement is not None
        apart = torch.cat([other.disagreement, self.disagreement])[-most:] if both else None  # type: ignore[list-item]
        return Judged(*parts, disagreement=apart)


def teach_foresight(arbiter: CalibratedArbiter, judged: Judged, *, steps: int, generator: Generator, learning_rate: float = 2e-3) -> None:
    """Learns to foresee the energy of plans, from problems for which one was made."""
    arbiter.train().requires_grad_(True)
    optimizer = torch.optim.Adam(arbiter.network.parameters(), lr=learning_rate)
    size = min(512, len(judged.belief))
    with torch.enable_grad():
        for step in range(steps):
            optimizer.param_groups[0]["lr"] = learning_rate * (1 - step / steps)
            rows = torch.randint(len(judged.belief), (size,), generator=generator)
            error = arbiter.foresee(judged.belief[rows], judged.goal[rows]) - judged.planning[rows]
            # Large energies are foreseen less exactly, and must not drown the small ones.
            loss = (error.square() / (judged.planning[rows] + judged.planning.mean())).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    arbiter.requires_grad_(False).eval()


@torch.no_grad()
def calibrate(arbiter: CalibratedArbiter, judged: Judged) -> ArbiterMeasures:
    """Sets the thresholds, on problems that the arbiter has not learned from; what was found is noted in its config too."""
    config = arbiter.config
    foreseen = arbiter.foresee(judged.belief, judged.goal)
    scores = judged.reacting - foreseen
    # What is not a number is never let through, and counts as bad.
    bad = ~(judged.reacting - judged.planning <= config.tolerance)
    threshold = conformal_threshold(torch.nan_to_num(scores, nan=math.inf), bad, config.alpha)
    arbiter.threshold.fill_(threshold)
    arbiter.most_disagreement.fill_(math.inf if judged.disagreement is None else float(judged.disagreement.quantile(QUANTILE)))
    through = scores <= threshold
    error, spread = (foreseen - judged.planning), judged.planning - judged.planning.mean()
    measures = ArbiterMeasures(
        num_problems=len(scores),
        reacting=float(through.float().mean()),
        wrongly=float((through & bad).float().mean()),
        head_error=float(error.square().mean().sqrt()),
        head_floor=float(spread.square().mean().sqrt()),
    )
    arbiter.calibrated_for(measures=measures)
    return measures
