"""What every policy and every arbiter promises, tried on the point mass whose dynamics are known."""

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from telos.agent.actor.reactive import propose, react
from telos.core.acting import AbstractArbiter, AbstractPolicy, Prospect
from telos.core.contracts import AbstractCost, AbstractWorldModel
from telos.core.spaces import ActionSpace, DiscreteSpace, VectorSpace
from telos.core.types import Choice, Problem
from telos.testing.promises import Promises
from telos.testing.trees import finite, near, same, snapshot
from telos.testing.true_point_mass import TruePointMass, quadratic_cost

NUM = 4
HORIZON = 5


@torch.no_grad()
def check_policy(policy: AbstractPolicy, model: AbstractWorldModel | None = None, *, seed: int = 0) -> None:
    """The promises of a policy: bounds, one seed one action, rows apart, and an honest answer to what it knows.

    Args:
        policy: with its weights.
        model: the world model whose beliefs it reads; None: `TruePointMass`. It observes vectors.
        seed: of problems and draws.

    Raises:
        ConformanceError: for the first promise that it breaks.
    """
    promises, policy, model = Promises.of(policy), policy.eval(), model or TruePointMass()
    problem, space = problems_for(model, seed), model.spaces.action
    promises(policy.knows(problem) is True, "it knows goals that are states", policy.knows(problem))
    promises(policy.knows(replace(problem, goal=None)) in (True, False), "it says whether it knows a task without a goal state")
    before, luck, weights = snapshot(problem), torch.get_rng_state(), snapshot(list(policy.parameters()))
    preferred = policy.act(problem)
    drawn = policy.act(problem, torch.Generator().manual_seed(seed))
    promises(torch.equal(torch.get_rng_state(), luck), "all its chance comes from the generator", "it drew from torch's global generator")
    promises(same(snapshot(problem), before), "the problem is not altered in place")
    promises(same(snapshot(list(policy.parameters())), weights), "acting does not alter its weights")
    for what, actions in (("the action that it prefers", preferred), ("an action that it draws", drawn)):
        _check_actions(promises, space, actions, what)
    promises(same(policy.act(problem), preferred), "it prefers the same twice")
    promises(same(policy.act(problem, torch.Generator().manual_seed(seed)), drawn), "one seed draws one action")
    for row in (slice(0, 1), slice(NUM - 1, NUM)):
        promises(near(policy.act(problem.select(row)), preferred[row]), "a row of a batch acts like the row alone")
        alone = policy.act(problem.select(row), torch.Generator().manual_seed(seed))
        promises(near(alone, drawn[row]), "a row draws alike alone and in company: the same random numbers for all problems")
    promises(len(policy.act(problem.select(slice(0, 0)))) == 0, "no problems, no actions")
    _check_ways(promises, policy, model, problem, seed)


def _check_actions(promises: Promises, space: ActionSpace, actions: Tensor, what: str) -> None:
    promises(tuple(actions.shape) == (NUM, *space.shape), f"{what} is [batch action]", list(actions.shape))
    promises(finite(actions), f"{what} is finite")
    least, most = (0, space.num - 1) if isinstance(space, DiscreteSpace) else space.bounds
    inside = bool((actions.numpy() >= least).all() and (actions.numpy() <= most).all())
    promises(inside, f"{what} is within the bounds of the action space", actions)
    promises(actions.is_floating_point() != isinstance(space, DiscreteSpace), f"{what} is an integer where actions are choices", actions.dtype)


def _check_ways(promises: Promises, policy: AbstractPolicy, model: AbstractWorldModel, problem: Problem, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    ways = propose(policy, model, problem, horizon=HORIZON, num=3, generator=generator)
    plan = react(policy, world_model=model, cost=quadratic_cost(0.0), problem=problem, horizon=HORIZON, generator=generator)
    promises(tuple(ways.shape) == (NUM, 3, HORIZON, *model.spaces.action.shape), "its proposals are [batch num horizon action]", list(ways.shape))
    promises(near(ways[:, 0], plan.actions), "what it proposes first is what it would do")


@torch.no_grad()
def check_arbiter(
    arbiter: AbstractArbiter, model: AbstractWorldModel, policy: AbstractPolicy, cost: AbstractCost, horizon: int, *, seed: int = 0
) -> None:
    """The promises of an arbiter: a reason for everybody, rows apart, caution where a guardrail refused.

    Args:
        model: whose beliefs it reads.
        policy: whose reactions it judges.
        cost: what energy is.
        horizon: of the reactions.
        seed: of the problems.

    Raises:
        ConformanceError: for the first promise that it breaks.
    """
    promises, problem = Promises.of(arbiter), problems_for(model, seed)
    reaction = react(policy, world_model=model, cost=cost, problem=problem, horizon=horizon, generator=torch.Generator().manual_seed(seed))
    prospect = Prospect(problem=problem, cost=cost, reaction=reaction)
    before, choice = snapshot(prospect), arbiter.decide(prospect)
    promises(isinstance(choice, Choice), "it decides by a Choice", type(choice).__name__)
    promises(same(snapshot(prospect), before), "what it decides on is not altered in place")
    promises(choice.planned.dtype == torch.bool and tuple(choice.planned.shape) == (NUM,), "it says of each row whether to plan", choice.planned)
    named = bool(((choice.reason >= 0) & (choice.reason < len(choice.reasons))).all())
    promises(named and all(choice.reasons), "each row has a reason in words", choice)
    for row in (slice(0, 1), slice(NUM - 1, NUM)):
        alone = arbiter.decide(prospect.select(row))
        promises(bool((alone.planned == choice.planned[row]).all()), "a row is decided alike alone and in company")
    refused = arbiter.decide(replace(prospect, refused=torch.ones(NUM, dtype=torch.bool)))
    promises(bool(refused.planned.all()), "it asks for a plan where a guardrail refuses what the policy would do")
    broken = replace(prospect, reaction=replace(reaction, energies=torch.full_like(reaction.energies, torch.nan)))
    promises(bool(arbiter.decide(broken).planned.all()), "it asks for a plan where the energy of reacting is not a number")


def problems_for(model: AbstractWorldModel, seed: int) -> Problem:
    """Starts and goals of the point mass as the model sees them; of random readings, where it sees something else."""
    space = model.spaces.observation
    if isinstance(model, TruePointMass):
        pairs = model.world.sample_pairs(np.random.default_rng(seed), NUM, "anywhere")
        seen = [torch.from_numpy(model.world.observe(state)) for state in pairs]
    else:
        assert isinstance(space, VectorSpace), "the model observes vectors"
        seen = list(torch.randn(2, NUM, *space.shape, generator=torch.Generator().manual_seed(seed)).unbind(0))
    with torch.no_grad():
        return Problem(state=model.observe(None, None, seen[0]), goal=model.observe(None, None, seen[1]))
