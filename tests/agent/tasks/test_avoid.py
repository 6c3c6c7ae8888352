"""Keeping out of a region at a price: what entering costs, when, and under which risk it is worth it."""

import math
from dataclasses import replace

import pytest
import torch

from telos.agent.actor import CVaR, Mean
from telos.agent.actor.candidates import CandidateEvaluator
from telos.agent.actor.futures import Futures
from telos.agent.cost import ActionEffort, LeastDistance
from telos.agent.tasks import Avoid, ReachValue
from telos.core.errors import ConfigError, SpaceError, UnknownNameError
from telos.core.regions import Box, Disc
from telos.core.types import Rollout
from telos.testing import WindyPointMass, true_knowledge

LEFT = Box(low=(None, None), high=(0.4, None))
KNOWLEDGE = true_knowledge()


def energy(task, xs, base=None):
    """Of a path with these x, step by step."""
    state = KNOWLEDGE.world_model.observe(None, None, torch.full((1, 4), 0.5))
    ahead = torch.tensor([[[x, 0.5, 0.0, 0.0] for x in xs]])
    rollout = Rollout(latent=ahead[..., :2], actions=torch.ones(1, len(xs), 2), beyond=(ahead[..., 2:],))
    problem = task.problem(state, task.start(KNOWLEDGE, 1))
    return task.cost(base or LeastDistance(), KNOWLEDGE).energy(rollout, problem)[0]


@pytest.mark.parametrize(
    ("xs", "costs"),
    [
        ([0.5, 0.6, 0.7, 0.8], [0, 0, 0, 0]),
        ([0.3, 0.3, 0.3, 0.3], [1, 0, 0, 0]),
        ([0.5, 0.5, 0.5, 0.3], [0, 0, 0, 1]),
        ([0.5, 0.3, 0.5, 0.2], [0, 1, 0, 0]),
    ],
)
def test_entering_costs_one_whenever_and_however_often(xs, costs):
    assert energy(Avoid("position", LEFT), xs).tolist() == costs


def test_within_a_margin_it_costs_in_part_and_the_worst_step_counts():
    task = Avoid("position", LEFT, margin=0.2)
    torch.testing.assert_close(energy(task, [0.7, 0.5, 0.55, 0.45]), torch.tensor([0, 0.5, 0, 0.25]))
    assert energy(task, [0.7, 0.1]).tolist() == [0, 1]


def test_its_weight_scales_it_and_drives_are_not_forgotten():
    torch.testing.assert_close(energy(3.0 * Avoid("position", LEFT), [0.5, 0.3]), torch.tensor([0.0, 3.0]))
    effort = energy(Avoid("position", LEFT), [0.5, 0.3], LeastDistance() + ActionEffort()) - energy(Avoid("position", LEFT), [0.5, 0.3])
    assert (effort > 0).all()


def test_what_it_costs_in_one_future_of_four_is_a_quarter_of_it_for_the_mean_and_all_of_it_for_the_worst_tenth():
    model = WindyPointMass()
    knowledge = replace(KNOWLEDGE, world_model=model)
    # Where the wind alone leads: it carries 0.3 to the right, in every fourth future.
    task = 8.0 * Avoid("position", Box(low=(0.7, None), high=(None, None)))
    state = model.observe(None, None, torch.tensor([[0.5, 0.5, 0.0, 0.0]]))
    problem, cost = task.problem(state, task.start(knowledge, 1)), task.cost(LeastDistance(), knowledge)
    found = []
    for risk in (Mean(num_futures=16), CVaR(level=0.1, num_futures=16)):
        futures = Futures.drawn(model, problem, risk, 3, torch.Generator().manual_seed(0))
        judge = CandidateEvaluator(world_model=model, cost=cost, problem=problem, action_space=model.spaces.action, futures=futures)
        found.append(judge(torch.zeros(1, 1, 3, 2)).item())
    assert found == pytest.approx([2.0, 8.0])


def test_it_never_ends_and_what_it_is_added_to_does():
    state = KNOWLEDGE.world_model.observe(None, None, torch.full((1, 4), 0.5))
    assert Avoid("position", LEFT).done(None) is None
    task = ReachValue("position", (0.5, 0.5), hold=1) + Avoid("position", LEFT)
    progress = task.advance(task.start(KNOWLEDGE, 1), state)
    assert bool(task.done(progress))


def test_what_makes_no_sense_is_refused_by_name():
    for make, says in (
        (lambda: Avoid("position", "disc"), "no region"),
        (lambda: Avoid("position", LEFT, margin=-0.1), "margin = -0.1"),
        (lambda: Avoid("position", LEFT, margin=math.nan), "margin = nan"),
        (lambda: Avoid("", LEFT), "quantity"),
    ):
        with pytest.raises(ConfigError, match=says):
            make()
    with pytest.raises(UnknownNameError, match="did you mean 'position'"):
        Avoid("postion", LEFT).start(KNOWLEDGE, 1)
    with pytest.raises(SpaceError, match="gives 3 numbers for 'position'"):
        Avoid("position", Disc(center=(0, 0, 0), radius=1)).start(KNOWLEDGE, 1)
