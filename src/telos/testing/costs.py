"""What every cost promises."""

from dataclasses import replace

import torch
from torch import Tensor, nn

from telos.core.contracts import AbstractCost
from telos.core.errors import TelosError
from telos.core.types import Problem, Rollout, State
from telos.testing.capture import check_capture
from telos.testing.promises import Promises, check_value
from telos.testing.trees import finite, near, same, snapshot

NUM, HORIZON, LATENT, ACTION = 6, 5, 4, 2


def check_cost(cost: AbstractCost, *, seed: int = 0) -> None:
    """The promises of a cost: an energy per step, rows apart, sums and scalings, a gradient that stays finite at the goal.

    Raises:
        ConformanceError: for the first promise that it breaks.
    """
    promises = Promises.of(cost)
    if not isinstance(cost, nn.Module):
        # What was learned is kept by its description and its weights, and is no value.
        check_value(cost)
    rollout, problem = example_futures(seed)
    before = snapshot((rollout, problem))
    energy = cost.energy(rollout, problem)
    promises(tuple(energy.shape) == (NUM, HORIZON), "its energy is [batch horizon]", f"{list(energy.shape)} for {[NUM, HORIZON]}")
    promises(energy.dtype == rollout.latent.dtype, "its energy has the dtype of the latents", energy.dtype)
    promises(finite(energy), "its energy is finite")
    promises(same(snapshot((rollout, problem)), before), "neither the rollout nor the problem is altered in place")
    promises(same(cost.energy(rollout, problem), energy), "the same future has the same energy twice")
    for row in (slice(0, 1), slice(NUM - 1, NUM)):
        alone = cost.energy(rollout.select(row), problem.select(row))
        promises(near(alone, energy[row]), "a row of a batch is judged like the row alone; never reduce over the batch")
    promises(near((2 * cost + cost).energy(rollout, problem), 3 * energy), "costs add up and scale")
    _check_variants(promises, cost, rollout, problem)
    _check_gradient(promises, cost, rollout, problem)
    check_capture(promises, "energy", cost.energy, rollout, problem)


def example_futures(seed: int) -> tuple[Rollout, Problem]:
    """Random imagined futures, and problems with everything that a problem can have."""
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator)

    latent = draw(NUM, HORIZON, LATENT)
    beyond = draw(NUM, HORIZON, 1)
    actions, disagreement = draw(NUM, HORIZON, ACTION).clamp(-1, 1), latent[..., 0].square()
    rollout = Rollout(latent=latent, actions=actions, beyond=(beyond,), disagreement=disagreement)
    problem = Problem(state=_state(draw(NUM, LATENT)), goal=_state(draw(NUM, LATENT)), previous_action=draw(NUM, ACTION).clamp(-1, 1))
    return rollout, problem


def _state(latent: Tensor) -> State:
    return State(latent=latent, belief=torch.cat([latent, latent[:, :1]], dim=-1))


def _check_variants(promises: Promises, cost: AbstractCost, rollout: Rollout, problem: Problem) -> None:
    """The first step of an episode, a horizon of one step, discrete actions, another precision."""
    single = rollout._map(lambda part: part[:, :1])
    choices = replace(rollout, actions=rollout.actions[..., :1].sign().long())
    first = replace(problem, previous_action=None)
    for case, future, asked in (
        ("at the first step, when nothing was done before", rollout, first),
        ("with a horizon of one step", single, problem),
        ("with discrete actions", choices, first),
    ):
        try:
            energy = cost.energy(future, asked)
        except TelosError:
            # What a cost cannot judge it may refuse, in a sentence.
            continue
        promises(
            tuple(energy.shape) == tuple(future.latent.shape[:2]) and finite(energy), f"its energy is [batch horizon] {case}", list(energy.shape)
        )
    double = rollout._map(torch.Tensor.double)
    goal = None if problem.goal is None else State(latent=problem.goal.latent.double(), belief=problem.goal.belief.double())
    promises(cost.energy(double, replace(problem, goal=goal)).dtype == torch.float64, "the dtype comes from the rollout; none is hard-coded")


def _check_gradient(promises: Promises, cost: AbstractCost, rollout: Rollout, problem: Problem) -> None:
    """The traps are an imagined latent that is exactly the goal, and actions that are all alike: roots have no slope at zero."""
    assert problem.goal is not None
    arrived = problem.goal.latent[:, None].expand(-1, HORIZON, -1)
    still = torch.zeros_like(rollout.actions)
    for case, latent, actions in (("", rollout.latent, rollout.actions), (" where everything is at the goal and at rest", arrived, still)):
        leaves = [part.clone().requires_grad_() for part in (latent, actions, latent[..., :1], torch.zeros_like(latent[..., 0]))]
        future = Rollout(*leaves[:2], beyond=(leaves[2],), disagreement=leaves[3])
        energy = cost.energy(future, replace(problem, previous_action=torch.zeros_like(actions[:, 0])))
        # A cost may be rough, and then is for planners that sample.
        for slope in torch.autograd.grad(energy.sum(), leaves, allow_unused=True) if energy.requires_grad else ():
            promises(slope is None or finite(slope), f"its gradient is finite{case}")
