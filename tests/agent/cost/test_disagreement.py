"""Promises of staying where the model knows what it says, and of its opposite."""

import pytest
import torch

from telos.agent.actor import RandomShooting, make_plan
from telos.agent.cost import Disagreement
from telos.core.contracts import AbstractWorldModel
from telos.core.errors import ConfigError
from telos.core.types import Problem, Rollout, State
from telos.testing import TruePointMass


def future(*disagreement: float) -> tuple[Rollout, Problem]:
    latent = torch.zeros(1, len(disagreement), 2)
    state = State(latent=latent[:, 0], belief=latent[:, 0])
    return Rollout(latent=latent, actions=latent, disagreement=torch.tensor([disagreement])), Problem(state=state)


def test_what_is_usual_costs_nothing_and_more_is_counted_in_units_over_the_path():
    cost = Disagreement(threshold=0.2, unit=0.1)
    assert cost.energy(*future(0.0, 0.04, 0.09, 0.16)).tolist()[0] == pytest.approx([0, 0, 0.25, 0.5])


def test_a_model_that_is_no_ensemble_is_refused():
    rollout, problem = future(0.1)
    with pytest.raises(ConfigError, match="no ensemble"):
        Disagreement().energy(Rollout(latent=rollout.latent, actions=rollout.actions), problem)


@pytest.mark.parametrize("wrong", [{"threshold": 0.0}, {"threshold": -1.0}, {"unit": 0.0}, {"unit": float("nan")}])
def test_numbers_out_of_range_are_refused(wrong):
    with pytest.raises(ConfigError, match="above 0"):
        Disagreement(**wrong)


def test_it_is_a_drive():
    assert not Disagreement.about_goals


class HalfKnown(TruePointMass):
    """Knows the left of its world, where latents are positions from 0 to 1, and disagrees the more the farther right it goes."""

    def rollout(self, state: State, actions: torch.Tensor) -> Rollout:
        found = AbstractWorldModel.rollout(self, state, actions)
        return Rollout(found.latent, found.actions, found.beyond, disagreement=(found.latent[..., 0] - 0.5).clamp_min(0).square())


@pytest.mark.parametrize(("weight", "goes_right"), [(1.0, False), (-1.0, True)])
def test_plans_keep_to_what_is_known_and_curious_ones_look_for_what_is_not(weight, goes_right):
    model = HalfKnown()
    state = model.observe(None, None, torch.tensor([[0.5, 0.5, 0.0, 0.0]]))
    cost = weight * Disagreement(threshold=0.01, unit=0.01)
    planner = RandomShooting(horizon=10, num_candidates=200)
    plan = make_plan(planner, world_model=model, cost=cost, problem=Problem(state=state), generator=torch.Generator().manual_seed(0))
    assert bool(plan.imagined[0, -1, 0] > 0.6) is goes_right
    assert goes_right or plan.energy[0] == 0
