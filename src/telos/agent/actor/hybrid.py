"""Samples find the valley, gradients its bottom."""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Num
from torch import Generator, Tensor

from telos.agent.actor.lbfgs import AbstractLBFGS
from telos.agent.actor.mppi import MPPI
from telos.agent.actor.sampling import AbstractSamplingPlanner
from telos.core.searching import AbstractEvaluator


@dataclass(frozen=True, kw_only=True)
class Hybrid(AbstractLBFGS):
    """Samples a few rounds, then follows the gradient from the best few.

    Use when the energy has several valleys that are smooth inside: samples see over the ridges, and the last digits, for which
    samples are dear, come from the gradient.
    Not when a component has no gradient, or the energy is rough everywhere: then the second half is wasted.

    Source: ours; sampling that hands over to gradients is in Bharadhwaj et al. (2020), "Model-Predictive Control via Cross-Entropy and
    Gradient-Based Optimization", arXiv 2004.08763, where the two take turns.
    """

    sampler: AbstractSamplingPlanner = MPPI(num_candidates=64, num_iterations=2)
    """What samples; it looks as far ahead as this planner, whatever its own horizon."""
    num_starts: int = 4
    """Best samples that are improved side by side, the last proposal's mean among them."""
    num_iterations: int = 8
    """Steps along the gradient."""

    def starts(
        self, evaluate: AbstractEvaluator, warm_start: Num[Tensor, "batch horizon action"] | None, generator: Generator
    ) -> Float[Tensor, "batch starts horizon action"]:
        stage = replace(self.sampler, horizon=self.horizon).explore(evaluate, warm_start, generator, num_kept=self.num_starts)
        # That samples agreed, if they did, is not why the search as a whole ends.
        evaluate.stopped("finished")
        return torch.cat([stage.best[:, None], stage.mean[:, None], stage.kept], dim=1)[:, : self.num_starts]
