"""What energy is on each level: time where a critic counts, and distances as the level above sees them."""

from dataclasses import replace

import pytest
import torch

from telos.agent.actor import MPPI, Pace
from telos.agent.cost import LeastDistance
from telos.agent.cost.seen_from import SeenFrom, Subgoal
from telos.agent.cost.time_seen_above import SeenAbove
from telos.agent.cost.time_to_go import TimeToGo
from telos.agent.loop import AgentSettings
from telos.agent.top_down.leading import Lead
from telos.core.action_box import ActionBox
from telos.core.contracts import WeightedSum
from telos.core.seeding import torch_generator
from telos.core.top_down import TopDown
from telos.core.types import Problem, State
from telos.testing.true_levels import levelled_knowledge

COST = LeastDistance()
BATCH, HORIZON = 4, 6


@pytest.fixture(scope="module")
def knowledge():
    return levelled_knowledge((4, 3))


def lead(knowledge, **settings) -> Lead:
    intent = AgentSettings(planner=MPPI(horizon=8), cost=COST, time_to_go="landmarks", **settings).intent
    return Lead(knowledge=knowledge, intent=intent, usual=COST)


def problem_and_rollout(knowledge, chosen):
    model, here = knowledge.world_model, torch.rand(BATCH, 4) * torch.tensor([0.2, 0.2, 0.0, 0.0])
    there = torch.rand(BATCH, 4) * torch.tensor([0.2, 0.2, 0.0, 0.0]) + torch.tensor([0.7, 0.7, 0.0, 0.0])
    box = ActionBox(model.spaces.action)
    units = 2 * torch.rand(BATCH, HORIZON, *box.space.shape, generator=torch_generator(0, "units")) - 1
    start = model.observe(None, None, here)
    goal = model.observe_goal(there)
    toward = knowledge.levels[0].lift(goal.latent)
    subgoal = Subgoal(latent=goal.latent, belief=goal.belief, toward=toward, chosen=torch.tensor(chosen))
    return Problem(state=start, goal=subgoal), model.rollout(start, box.to_actions(units))


def energy_of(cost, problem, rollout):
    return cost.energy(rollout, problem).sum(dim=1)


def timed(cost):
    (term,) = cost.terms if isinstance(cost, WeightedSum) else (cost,)
    assert isinstance(term, TimeToGo)
    return term


def parts(cost):
    yield cost
    for term in cost.terms if isinstance(cost, WeightedSum) else ():
        yield from parts(term)


def test_critics_on_upper_levels_are_asked_of_states_of_their_own_level_and_distances_of_those_above(knowledge):
    planning = lead(knowledge, levels=3).planning(torch_generator(0, "chance"), pace=Pace())
    second, third = (timed(cost) for cost in planning.costs)
    # A critic inside of what is seen from above would be asked of states that are not its own.
    assert isinstance(second.critic, SeenAbove) and second.critic.landmarks is knowledge.levels[0].landmarks
    assert [part.level for part in parts(second.near) if isinstance(part, SeenFrom)] == [knowledge.levels[1]]
    assert isinstance(third.critic, SeenAbove) and third.critic.landmarks is knowledge.levels[1].landmarks
    assert not any(isinstance(part, SeenFrom) for part in parts(third.near))


def test_plans_are_compared_in_their_own_space_if_that_is_asked_for(knowledge):
    planning = lead(knowledge, levels=3, top_down=TopDown(compare="below")).planning(torch_generator(0, "chance"), pace=Pace())
    assert not any(isinstance(part, SeenFrom) for cost in planning.costs for part in parts(timed(cost).near))


def test_on_the_lowest_level_time_counts_for_those_who_are_not_led(knowledge):
    chosen = [True, False, True, False]
    problem, rollout = problem_and_rollout(knowledge, chosen)
    found = lead(knowledge, levels=2)
    energy = energy_of(found.cost(COST, problem), problem, rollout)
    alone = energy_of(lead(knowledge).cost(COST, problem), problem, rollout)
    distance = energy_of(SeenFrom(cost=COST, level=knowledge.levels[0]), problem, rollout)
    rows = torch.tensor(chosen)
    torch.testing.assert_close(energy[rows], distance[rows])
    torch.testing.assert_close(energy[~rows], alone[~rows])
    # Goals are far: time is not what distance is.
    assert not torch.isclose(alone, distance).any()
    whole = replace(problem, goal=State(problem.goal.latent, problem.goal.belief))
    torch.testing.assert_close(energy_of(found.cost(COST, whole), whole, rollout), alone)
