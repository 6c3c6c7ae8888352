"""Energies that are measured where a subgoal was chosen: in the space of the level above."""

from dataclasses import replace

import pytest
import torch

from telos.agent.cost import ActionEffort, LeastDistance, PathDistance
from telos.agent.cost.seen_from import SeenFrom, Subgoal, seen_from
from telos.core.contracts import WeightedSum
from telos.core.tasks import EnergyTogether, Part, Parts
from telos.core.types import Problem, Rollout, State
from telos.testing.true_levels import TrueLevel, places


class Folded(TrueLevel):
    """Sees nothing of the second number."""

    def raised(self, latents):
        return torch.stack([latents[..., 0], torch.zeros_like(latents[..., 0])], dim=-1)


LEVEL = Folded(4, 4, places(5))
COST = PathDistance()


def case(chosen):
    generator = torch.Generator().manual_seed(0)
    num = len(chosen)
    rollout = Rollout(torch.rand(num, 3, 2, generator=generator), torch.rand(num, 3, 2, generator=generator))
    latent, toward = torch.rand(num, 2, generator=generator), torch.rand(num, 2, generator=generator)
    goal = Subgoal(latent=latent, belief=latent, toward=toward, chosen=torch.tensor(chosen))
    return rollout, Problem(state=State(latent, latent), goal=goal)


@pytest.mark.parametrize("chosen", [(True, False, True), (True, True), (False, False)], ids=str)
@pytest.mark.parametrize("share", [0.0, 0.5])
def test_only_goals_that_were_chosen_above_are_measured_there(chosen, share):
    rollout, problem = case(chosen)
    found = SeenFrom(cost=COST, level=LEVEL, below_share=share).energy(rollout, problem)
    below = COST.energy(rollout, problem)
    above = (LEVEL.raised(rollout.latent) - problem.goal.toward[:, None]).square().mean(dim=-1) / 3
    torch.testing.assert_close(found, torch.where(torch.tensor(chosen)[:, None], above + share * below, below))


def test_candidates_share_their_problems_subgoal():
    rollout, problem = case((True, False))
    many = Rollout(rollout.latent.repeat_interleave(4, dim=0), rollout.actions.repeat_interleave(4, dim=0))
    found = SeenFrom(cost=COST, level=LEVEL).energy(many, problem.repeat(4))
    torch.testing.assert_close(found, SeenFrom(cost=COST, level=LEVEL).energy(rollout, problem).repeat_interleave(4, dim=0))


def test_goals_of_nobody_above_are_measured_as_ever():
    rollout, problem = case((True, True))
    plain = replace(problem, goal=State(problem.goal.latent, problem.goal.belief))
    torch.testing.assert_close(SeenFrom(cost=COST, level=LEVEL).energy(rollout, plain), COST.energy(rollout, plain))


def test_the_slope_comes_down_from_above():
    rollout, problem = case((True,))
    latent = rollout.latent.clone().requires_grad_()
    SeenFrom(cost=COST, level=LEVEL).energy(Rollout(latent, rollout.actions), problem).sum().backward()
    assert (latent.grad[..., 0] != 0).all() and (latent.grad[..., 1] == 0).all()


def test_what_is_asked_of_the_way_stays_as_it_is():
    rollout, problem = case((True, True))
    cost = seen_from(LeastDistance() + 0.5 * ActionEffort(), LEVEL)
    assert isinstance(cost, WeightedSum) and isinstance(cost.terms[0], SeenFrom) and cost.terms[1] == ActionEffort()
    together = seen_from(EnergyTogether(costs=(COST, COST), weights=(1.0, 2.0)), LEVEL)
    parts = Parts((Part(problem.goal, None), Part(State(problem.goal.latent, problem.goal.belief), None)))
    found = together.energy(rollout, replace(problem, progress=parts))
    above = SeenFrom(cost=COST, level=LEVEL).energy(rollout, problem)
    torch.testing.assert_close(found, above + 2 * COST.energy(rollout, problem))
