"""Random shooting: draw many, take the best."""

from dataclasses import dataclass

from torch import Generator

from telos.agent.actor.draws import Sampling, check_sampling, uniforms
from telos.agent.actor.sampling import AbstractSamplingPlanner, Proposal
from telos.core.spaces import ActionSpace, DiscreteSpace


@dataclass(frozen=True, kw_only=True)
class RandomShooting(AbstractSamplingPlanner):
    """Draws action sequences evenly over the whole range and keeps the best.

    Use when actions are discrete, or as the floor that every other planner must beat.
    Not when `horizon * action` is large: chance finds nothing there.
    """

    num_iterations: int = 1
    """Rounds; each draws afresh, so that the budget is `num_candidates * num_iterations`."""
    sampling: Sampling = "random"
    """How candidates are spread: `random`, `antithetic` (in opposite pairs) or `sobol` (quasi-random)."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_sampling(self.sampling)

    def supports(self, action_space: ActionSpace) -> bool:
        return isinstance(action_space, DiscreteSpace) or super().supports(action_space)

    def sample(self, proposal: Proposal, num: int, generator: Generator):
        units = uniforms(num, proposal.mean.shape[1:], sampling=self.sampling, generator=generator) * 2 - 1
        return units.expand(proposal.mean.shape[0], -1, -1, -1)

    def refit(self, proposal: Proposal, units, energies) -> Proposal:
        return proposal
