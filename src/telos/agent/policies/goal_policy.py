"""A policy for goals that are states: from what is believed, and what the goal looks like, to an action at once."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Num
from torch import Generator, Tensor

from telos.agent.policies.heads import head_for
from telos.core.acting import AbstractPolicy
from telos.core.errors import ConfigError
from telos.core.layers import Normalization, Perceptron
from telos.core.spaces import ActionSpace
from telos.core.tasks import Parts
from telos.core.taught import AbstractDescription
from telos.core.types import Problem


@dataclass(frozen=True, kw_only=True)
class PolicyMeasures:
    """How well a policy was learned, on held-out logs and on imagined problems between their states; energies are means."""

    imitation_error: float
    """Root mean square distance from what plans do, where 2 is the whole action range; for choices the share that differs."""
    imitation_floor: float
    """The same of always doing the mean of what plans do; for choices, what they do most often."""
    energy_reacting: float
    """What the policy's own way costs."""
    energy_planning: float
    """What the plan of Mode 2 costs."""
    energy_resting: float
    """What resting costs, in the middle of the action space."""
    energy_from_logs: float
    """What the policy's way cost before it had learned from plans, from logs alone."""
    num_plans: int = 0
    """Plans of Mode 2 that it learned from."""
    cpu_seconds: float = 0.0
    """What learning took of the processor."""


@dataclass(frozen=True, kw_only=True)
class GoalPolicyConfig(AbstractDescription):
    """Sizes of a policy. Raises ConfigError for sizes that cannot be."""

    belief_size: int
    """Numbers of a belief."""
    latent_size: int
    """Numbers of a goal's latent; a belief begins with as many."""
    action: ActionSpace
    """What it may do."""
    width: int = 256
    """Neurons in each hidden layer."""
    depth: int = 2
    """Hidden layers."""
    num_modes: int = 3
    """Ways to act that it can hold possible at once; choices have as many as there are."""
    measures: PolicyMeasures | None = None
    """How well it was learned; None: nobody has measured it."""

    def __post_init__(self) -> None:
        if not 1 <= self.latent_size <= self.belief_size or min(self.width, self.depth, self.num_modes) < 1:
            raise ConfigError(
                f"A policy cannot have {self.belief_size} numbers of belief, {self.latent_size} of a goal, {self.depth} layers of {self.width} "
                f"neurons and {self.num_modes} modes.",
                expected="1 or more of each, and no goal larger than a belief",
            )

    def build(self) -> "GoalPolicy":
        return GoalPolicy(self)


class GoalPolicy(AbstractPolicy):
    """A perceptron that reads the belief, the goal's latent, and how the two differ.

    Use to act in a fraction of a plan's time once it has learned from plans (`telos practise RUN`), and to propose to plans.
    Not for what goals alone do not say, such as orders of visits or tastes: it knows nothing of them, and `knows` says so.

    Source: Ghosh et al. (2019), "Learning to reach goals via iterated supervised learning", arXiv 1912.06088, for goals in hindsight; LeCun (2022),
    section 3.1.3, for Mode 1 that learns from Mode 2.
    """

    def __init__(self, config: GoalPolicyConfig) -> None:
        super().__init__()
        self.config, self.latent_size = config, config.latent_size
        self.head = head_for(config.action, config.num_modes)
        self.belief, self.goal = Normalization(size=config.belief_size), Normalization(size=config.latent_size)
        self.network = Perceptron(config.belief_size + 2 * config.latent_size, [config.width] * config.depth, self.head.size)

    @property
    def measures(self) -> PolicyMeasures | None:
        """How well it was learned."""
        return self.config.measures

    def knows(self, problem: Problem) -> bool:
        parts = problem.progress.parts if isinstance(problem.progress, Parts) else ()
        wanted = [part for part in parts if part.goal is not None or part.progress is not None]
        return problem.goal is not None and len(wanted) <= 1

    def act(self, problem: Problem, generator: Generator | None = None, num: int = 1) -> Num[Tensor, "batch action"]:
        assert problem.goal is not None
        numbers = self.numbers(problem.state.belief, problem.goal.latent)
        return self.head.preferred(numbers) if generator is None else self.head.draw(numbers, generator, num)

    def numbers(self, belief: Float[Tensor, "batch belief"], goal: Float[Tensor, "batch latent"]) -> Float[Tensor, "batch numbers"]:
        """What its head makes actions of."""
        away = (goal - belief[..., : self.latent_size]) * self.goal.inverse_std
        return self.network(torch.cat([self.belief(belief), self.goal(goal), away], dim=-1))

    def surprise(
        self, belief: Float[Tensor, "batch belief"], goal: Float[Tensor, "batch latent"], actions: Num[Tensor, "batch action"]
    ) -> Float[Tensor, " batch"]:
        """Minus the logarithm of the likelihood that it gives to actions of others; learning makes it small."""
        return self.head.surprise(self.numbers(belief, goal), actions)

    @torch.no_grad()
    def set_scale(self, beliefs: Float[Tensor, "frames belief"]) -> None:
        """Takes mean and deviation of its inputs from beliefs of logs; goals are latents of such frames."""
        std = beliefs.std(dim=0)
        inverse = 1 / torch.where(std > 1e-6 * (1 + beliefs.mean(dim=0).abs()), std, torch.ones_like(std))
        for part, size in ((self.belief, beliefs.shape[1]), (self.goal, self.latent_size)):
            part.mean.copy_(beliefs.mean(dim=0)[:size])
            part.inverse_std.copy_(inverse[:size])
