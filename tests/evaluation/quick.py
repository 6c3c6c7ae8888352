"""An agent on the plane that can act at once, and be surprised: the policy goes straight to the goal, and the east is unusual."""

from dataclasses import dataclass, replace

import torch
from plane import STRIDE, Adds, agent_of
from torch import Tensor

from telos.agent.loop import Agent
from telos.core.acting import AbstractArbiter, AbstractPolicy, AbstractSurprise, Prospect
from telos.core.readouts import Knowledge
from telos.core.types import Batched, Choice

NORTH, SOUTH = "the north is well known", "nobody knows the south"


class Straight(AbstractPolicy):
    """As far towards the goal as a step goes."""

    def knows(self, problem) -> bool:
        return problem.goal is not None

    def act(self, problem, generator=None, num: int = 1):
        return (problem.goal.latent - problem.state.latent).clamp(-STRIDE, STRIDE)


class PlansInTheSouth(AbstractArbiter):
    """Searches where y is below a half."""

    def decide(self, prospect: Prospect) -> Choice:
        south = prospect.problem.state.latent[:, 1] < 0.5
        return Choice(planned=south, reason=south.long(), reasons=(NORTH, SOUTH))


@dataclass(frozen=True)
class Nothing(Batched):
    rows: Tensor


class UnusualEast(AbstractSurprise):
    """What lies east of a half has a p-value of 0.001, what lies west of it 0.5."""

    def begin(self, world_model, state):
        return Nothing(state.latent)

    def expect(self, world_model, expected, state, action):
        return Nothing(state.latent)

    def p_value(self, expected, state):
        return torch.where(state.latent[:, 0] > 0.5, 0.001, 0.5)


def quick_agent(**settings) -> Agent:
    """An agent that was taught all of it."""
    plain = agent_of(Adds())
    knowledge = Knowledge(world_model=plain.world_model, policy=Straight(), arbiter=PlansInTheSouth(), surprise=UnusualEast())
    return Agent(knowledge, replace(plain.settings, **settings), seed=0)
