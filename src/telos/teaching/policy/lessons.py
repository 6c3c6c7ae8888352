"""Where a policy is weak, and what a plan would do there: plans become targets."""

from dataclasses import dataclass

import torch
from torch import Generator

from telos.agent.actor import make_plan
from telos.agent.actor.reactive import propose, react
from telos.core.acting import AbstractPolicy
from telos.core.contracts import AbstractCost, AbstractPlanner, AbstractWorldModel
from telos.core.types import Plan, Problem
from telos.teaching.policy.problems import Examples

PROPOSALS = 4
"""Ways of the policy that each plan may improve on: the plan is then never worse than what the policy would have done."""


@dataclass(frozen=True, kw_only=True)
class Teacher:
    """Mode 2 in imagination: the planner, and what energy is."""

    world_model: AbstractWorldModel
    planner: AbstractPlanner
    cost: AbstractCost

    def react(self, policy: AbstractPolicy, problem: Problem, generator: Generator) -> Plan:
        """What the policy's own way leads to."""
        horizon = self.planner.horizon
        return react(policy, world_model=self.world_model, cost=self.cost, problem=problem, horizon=horizon, generator=generator)

    def plan(self, problem: Problem, generator: Generator, policy: AbstractPolicy | None = None, num: int = PROPOSALS) -> Plan:
        """A plan; with a policy one that is no worse than the policy's own way, nor than `num` ways that it holds possible."""
        proposals = None
        if policy is not None:
            horizon, model = self.planner.horizon, self.world_model
            proposals = propose(policy, model, problem, horizon=horizon, num=num, generator=generator)
        return make_plan(self.planner, world_model=self.world_model, cost=self.cost, problem=problem, generator=generator, proposals=proposals)

    def examples(self, problem: Problem, plan: Plan) -> Examples:
        """What a plan does on its way, up to where it comes nearest to the goal: after that most costs do not mind what it does."""
        assert problem.goal is not None
        rollout, horizon = self.world_model.rollout(problem.state, plan.actions), plan.actions.shape[1]
        beliefs = torch.cat([problem.state.belief[:, None], rollout.belief[:, :-1]], dim=1)
        distance = (rollout.latent - problem.goal.latent[:, None]).square().mean(dim=-1)
        counts = torch.arange(horizon, device=distance.device) <= distance.argmin(dim=1, keepdim=True)
        goals = problem.goal.latent[:, None].expand(-1, horizon, -1)
        return Examples(beliefs[counts], goals[counts], plan.actions[counts])


class Replay:
    """The latest examples; older ones give way.

    Args:
        most: examples that are kept.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.held: Examples | None = None

    def add(self, examples: Examples) -> None:
        """Takes examples."""
        held = self.held
        parts = [examples] if held is None else [held, examples]
        self.held = Examples(*(torch.cat([getattr(part, name) for part in parts])[-self.most :] for name in ("belief", "goal", "action")))

    def draw(self, num: int, generator: Generator) -> Examples:
        """Some of them, at random."""
        assert self.held is not None
        rows = torch.randint(len(self.held), (num,), generator=generator)
        return Examples(self.held.belief[rows], self.held.goal[rows], self.held.action[rows])

    def __len__(self) -> int:
        return 0 if self.held is None else len(self.held)
