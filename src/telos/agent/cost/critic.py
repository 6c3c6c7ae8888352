"""A cost that was learned from ratings: what people like, as energy."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float, Num
from torch import Tensor, nn

from telos.agent.cost.step_features import EPSILON, StepFeatures
from telos.core.contracts import AbstractCost
from telos.core.errors import ConfigError
from telos.core.spaces import ActionSpace, DiscreteSpace
from telos.core.taught import AbstractDescription
from telos.core.types import Problem, Rollout


@dataclass(frozen=True, kw_only=True)
class CriticConfig(AbstractDescription):
    """What a critic is made of, and how it was taught. Raises ConfigError for what cannot be."""

    belief_size: int
    """Numbers of a belief."""
    action_size: int
    """Numbers of an action; choices, if `discrete`."""
    discrete: bool = False
    """Whether actions are choices."""
    num_members: int = 32
    """Critics in the ensemble."""
    pessimism: float = 1.0
    """How much their disagreement counts against a path: its mean rating, less so many deviations between them."""
    clip_steps: int = 12
    """Steps of the clips that it was taught on."""
    num_answers: int = 0
    """Comparisons that it was taught with."""
    source: str = ""
    """Where the clips came from, for people."""

    def __post_init__(self) -> None:
        if min(self.belief_size, self.action_size, self.clip_steps) < 1 or self.num_members < 2:
            raise ConfigError(
                f"A critic cannot have {self.belief_size} numbers of belief, {self.action_size} of action, and {self.num_members} members.",
                expected="1 or more numbers of each, and 2 or more members",
            )
        if not self.pessimism >= 0:
            raise ConfigError(f"The critic's pessimism is {self.pessimism}.", expected="0 or more")

    @classmethod
    def of(cls, belief_size: int, action: ActionSpace, **rest) -> "CriticConfig":
        """For beliefs and actions of a world model."""
        discrete = isinstance(action, DiscreteSpace)
        return cls(belief_size=belief_size, action_size=action.num if isinstance(action, DiscreteSpace) else action.size, discrete=discrete, **rest)

    def build(self) -> "Critic":
        return Critic(
            belief_size=self.belief_size,
            action_size=self.action_size,
            discrete=self.discrete,
            num_members=self.num_members,
            pessimism=self.pessimism,
        )


class Critic(nn.Module, AbstractCost):
    """Energy of a path by an ensemble that learned from ratings: less where people would rate it higher, more where its members disagree.

    A step's energy is how far its rating falls short of the best clips', in deviations between the clips that people compared, averaged
    over the horizon; `pessimism` times the deviation between the members' ratings of the whole path comes on top. That part is split among
    the steps so that it adds up exactly (it is homogeneous of degree 1 in the members' deviations: Euler's theorem). So a weight of 1
    sets one deviation of taste against one deviation of latents. Add it to the agent's cost: `LeastDistance() + 0.6 * critic`.

    Taste is about the way. Where the task has a goal state, what a plan does after it came nearest to it costs nothing: otherwise an agent
    that was told to keep away from walls would never settle at a goal beside one, and one that found a place it likes would stay there.

    Not a guardrail: what people dislike becomes dear, not impossible. The harder a search presses on it, the more it finds what the
    critic overrates; pessimism holds against that (docs/tutorial-taste.md).

    Source: Bradley and Terry (1952) for the ratings; Christiano et al. (2017), arXiv 1706.03741, for learning from compared clips; Coste
    et al. (2023), arXiv 2310.02743, for ensembles against over-optimisation.
    """

    about_goals: ClassVar[bool] = False

    def __init__(self, *, belief_size: int, action_size: int, discrete: bool, num_members: int, pessimism: float) -> None:
        super().__init__()
        self.features = StepFeatures(belief_size=belief_size, action_size=action_size, discrete=discrete)
        self.usual: Tensor
        self.register_buffer("usual", torch.zeros(self.features.size))
        self.weights: Tensor
        self.register_buffer("weights", torch.zeros(self.features.size, num_members))
        self.scale: Tensor
        self.register_buffer("scale", torch.ones(()))
        self.best: Tensor
        self.register_buffer("best", torch.zeros(()))
        self.trust: Tensor
        self.register_buffer("trust", torch.tensor(float(pessimism)))

    def energy(self, rollout: Rollout, problem: Problem) -> Float[Tensor, "batch horizon"]:
        belief = rollout.belief
        before = torch.cat([problem.state.belief[:, None], belief[:, :-1]], dim=1)
        way = on_the_way(rollout, problem)[..., None] / rollout.horizon
        ratings = self.ratings(before, belief, rollout.actions)
        mean = ratings.mean(dim=-1, keepdim=True)
        apart = (ratings - mean) * way
        whole = apart.sum(dim=1, keepdim=True)
        deviation = (whole.square().mean(dim=-1) + EPSILON**2).sqrt()
        return self.trust.to(mean) * (apart * whole).mean(dim=-1) / deviation + ((self.best.to(mean) - mean) * way)[..., 0]

    def ratings(
        self, before: Float[Tensor, "*batch belief"], after: Float[Tensor, "*batch belief"], actions: Num[Tensor, "*batch _"]
    ) -> Float[Tensor, "*batch members"]:
        """What each member thinks of steps, in deviations between clips from the usual one."""
        features = self.features(before, after, actions) - self.usual.to(after)
        return features @ (self.weights / self.scale).to(after)

    def rate(self, beliefs: Float[Tensor, "clips frames belief"], actions: Num[Tensor, "clips steps _"]) -> Float[Tensor, "clips members"]:
        """What each member thinks of whole clips."""
        return self.ratings(beliefs[:, :-1], beliefs[:, 1:], actions).mean(dim=1)


def on_the_way(rollout: Rollout, problem: Problem) -> Float[Tensor, "batch horizon"]:
    """1 up to the step that comes nearest to the goal, 0 after it; 1 everywhere if there is no goal."""
    steps = torch.arange(rollout.horizon, device=rollout.latent.device)
    if problem.goal is None:
        return torch.ones_like(rollout.latent[..., 0])
    nearest = (rollout.latent - problem.goal.latent[:, None]).square().sum(dim=-1).argmin(dim=1)
    return (steps[None] <= nearest[:, None]).to(rollout.latent)
