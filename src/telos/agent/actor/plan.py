"""From a search to a plan: the one place where a planner's answer becomes what the agent does."""

import torch
from torch import Generator, Tensor

from telos.agent.actor.candidates import CandidateEvaluator, take_best
from telos.core.config import short_name
from telos.core.contracts import AbstractCost, AbstractPlanner, AbstractWorldModel
from telos.core.errors import ConfigError
from telos.core.types import Plan, PlanTrace, Problem


@torch.no_grad()
def make_plan(
    planner: AbstractPlanner,
    *,
    world_model: AbstractWorldModel,
    cost: AbstractCost,
    problem: Problem,
    generator: Generator,
    warm_start: Plan | None = None,
) -> Plan:
    """Searches, imagines the best sequence again, and says what is expected of it.

    Args:
        warm_start: what is left of the previous plan, as `Plan.shift` gives it.
        generator: on the device of the state; the only source of chance.

    Raises:
        ConfigError: the planner cannot search this action space.
    """
    space = world_model.spaces.action
    if not planner.supports(space):
        raise ConfigError(
            f"The planner '{short_name(type(planner))}' cannot search {space.describe()}.", fix="choose another one, such as 'random-shooting'"
        )
    evaluate = CandidateEvaluator(world_model=world_model, cost=cost, problem=problem, action_space=space)
    actions = planner.search(evaluate, None if warm_start is None else _fit(warm_start.actions, planner.horizon), generator)
    if actions.shape[1] > 1:
        actions, _ = take_best(actions, evaluate(actions), 1)
    actions = actions[:, 0]
    rollout = world_model.rollout(problem.state, actions)
    trace = PlanTrace(
        best=tuple(evaluate.best),
        num_candidates=evaluate.num_candidates,
        seconds=evaluate.seconds,
        stopped="out of time" if evaluate.ran_out else evaluate.reason,
    )
    return Plan(actions=actions, energies=cost.energy(rollout, problem), imagined=rollout.latent, trace=trace)


def _fit(actions: Tensor, horizon: int) -> Tensor:
    """`actions` cut, or held at the last one, to `horizon` steps."""
    missing = max(0, horizon - actions.shape[1])
    return torch.cat([actions[:, :horizon], actions[:, -1:].expand(-1, missing, -1)], dim=1)
