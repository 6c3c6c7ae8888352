"""A critic judges the way to the goal, and trusts its members as far as they agree."""

from dataclasses import replace

import pytest
import torch

from telos.agent.cost.critic import Critic, CriticConfig
from telos.core.errors import ConfigError
from telos.core.taught import load_taught, save_taught
from telos.testing.costs import example_futures


def _critic(pessimism: float = 1.0) -> Critic:
    critic = CriticConfig(belief_size=5, action_size=2, num_members=8, pessimism=pessimism).build()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        critic.features.settle(torch.randn(40, 6, 5, generator=generator), torch.randn(40, 5, 2, generator=generator), generator)
        critic.weights.copy_(torch.randn(critic.weights.shape, generator=generator))
    return critic


def test_pessimism_adds_exactly_the_deviation_of_the_members_ratings_of_the_path():
    rollout, problem = example_futures(0)
    problem = replace(problem, goal=None)
    critic = _critic()
    before = torch.cat([problem.state.belief[:, None], rollout.belief[:, :-1]], dim=1)
    paths = critic.ratings(before, rollout.belief, rollout.actions).mean(dim=1)
    trusting = _critic(0.0).energy(rollout, problem).sum(dim=1)
    assert torch.allclose(trusting, -paths.mean(dim=1), atol=1e-5)
    assert torch.allclose(critic.energy(rollout, problem).sum(dim=1) - trusting, paths.std(dim=1, correction=0), atol=1e-4)


def test_what_follows_the_goal_costs_nothing():
    rollout, problem = example_futures(0)
    assert problem.goal is not None
    there = replace(problem, goal=replace(problem.goal, latent=rollout.latent[:, 2].clone()))
    energy = _critic().energy(rollout, there)
    assert energy[:, :3].abs().min() > 0 and not energy[:, 3:].any()


def test_a_critic_comes_back_from_disk_as_it_was(tmp_path):
    critic, (rollout, problem) = _critic(), example_futures(0)
    save_taught(tmp_path / "taste", CriticConfig(belief_size=5, action_size=2, num_members=8), critic, tie="model")
    again = load_taught(tmp_path / "taste", Critic, tie="model")
    assert torch.equal(again.energy(rollout, problem), critic.energy(rollout, problem))


def test_sizes_and_pessimism_that_cannot_be_are_refused():
    for wrong in ({"belief_size": 0}, {"num_members": 1}, {"pessimism": -1.0}):
        with pytest.raises(ConfigError):
            CriticConfig(**{"belief_size": 2, "action_size": 2, **wrong})
