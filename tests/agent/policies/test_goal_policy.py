"""Promises of a policy for goals that are states."""

import numpy as np
import pytest
import torch

from telos.agent.policies import GoalPolicyConfig
from telos.agent.policies.heads import ContinuousHead, DiscreteHead
from telos.agent.tasks import ReachGoal, ReachValue
from telos.core.acting import AbstractPolicy
from telos.core.errors import ConfigError
from telos.core.spaces import DiscreteSpace, VectorSpace
from telos.core.taught import load_taught, save_taught
from telos.core.types import Problem
from telos.testing import TruePointMass, check_policy, true_knowledge
from telos.testing.policies import problems_for

LOPSIDED = VectorSpace(2, (-0.3, 0.1), (0.2, 0.9))
SPACES = {"vector": VectorSpace(2, (-1, -1), (1, 1)), "lopsided": LOPSIDED, "choices": DiscreteSpace(5)}


def policy_for(space, **sizes):
    torch.manual_seed(0)
    return GoalPolicyConfig(belief_size=4, latent_size=2, action=space, width=32, **sizes).build().eval()


@pytest.mark.parametrize("space", SPACES.values(), ids=SPACES.keys())
@pytest.mark.parametrize("num_modes", [1, 3])
def test_it_keeps_the_promises_of_a_policy(space, num_modes):
    check_policy(policy_for(space, num_modes=num_modes), TruePointMass(action=space))


@pytest.mark.parametrize("space", SPACES.values(), ids=SPACES.keys())
def test_it_acts_the_same_after_being_saved_and_loaded(space, tmp_path):
    policy, problem = policy_for(space), problems_for(TruePointMass(action=space), 0)
    policy.set_scale(torch.randn(50, 4, generator=torch.Generator().manual_seed(1)))
    save_taught(tmp_path / "policy", policy.config, policy, tie="a model")
    back = load_taught(tmp_path / "policy", AbstractPolicy, tie="a model")
    assert torch.equal(back.act(problem), policy.act(problem))
    assert back.config == policy.config


def test_it_knows_goals_that_are_states_and_nothing_that_they_do_not_say():
    policy, knowledge = policy_for(SPACES["vector"]), true_knowledge()
    state = problems_for(TruePointMass(), 0).state
    goal = ReachGoal(np.full(4, 0.5, np.float32))
    known = {"a goal": goal, "twice as dear": 2 * goal}
    unknown = {
        "a value": ReachValue("position", (0.5, 0.5)),
        "two goals": goal + ReachGoal(np.full(4, 0.2, np.float32)),
        "a goal and a value": goal + ReachValue("position", (0.5, 0.5)),
    }
    for tasks, answer in ((known, True), (unknown, False)):
        for name, task in tasks.items():
            assert policy.knows(task.problem(state, task.start(knowledge, state.num_rows))) is answer, name


def test_draws_follow_the_odds_that_it_holds():
    numbers = torch.tensor([[0.0, 1.0, 2.0]])
    odds = numbers.softmax(dim=-1)[0]
    drawn = DiscreteHead(DiscreteSpace(3)).draw(numbers.expand(4000, -1), torch.Generator().manual_seed(0), 4000)
    torch.testing.assert_close(torch.bincount(drawn[:, 0], minlength=3) / 4000, odds, atol=0.03, rtol=0)


def test_two_ways_are_kept_apart_and_their_mean_is_not_one_of_them():
    """Learned from examples that go left or right with the same odds, it prefers one of these."""
    head = ContinuousHead(VectorSpace(1, (-1,), (1,)), num_modes=2)
    torch.manual_seed(0)
    numbers = torch.randn(1, head.size, requires_grad=True)
    targets = torch.tensor([[-0.7], [0.7]]).repeat(32, 1)
    optimizer = torch.optim.Adam([numbers], lr=0.1)
    for _ in range(300):
        loss = head.surprise(numbers.expand(64, -1), targets).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert abs(abs(float(head.preferred(numbers.detach()))) - 0.7) < 0.05


def test_the_surprise_of_a_single_gaussian_is_that_of_torch():
    head = ContinuousHead(VectorSpace(2, (-1, -1), (1, 1)), num_modes=1)
    numbers, actions = torch.randn(7, head.size), torch.rand(7, 2) * 2 - 1
    _, means, stds = head._mixture(numbers)
    expected = -torch.distributions.Normal(means[:, 0], stds[:, 0]).log_prob(actions).sum(dim=-1)
    torch.testing.assert_close(head.surprise(numbers, actions), expected)


def test_sizes_and_spaces_that_cannot_be_are_refused():
    with pytest.raises(ConfigError, match="1 or more"):
        GoalPolicyConfig(belief_size=1, latent_size=2, action=LOPSIDED)
    with pytest.raises(ConfigError, match="bounded"):
        policy_for(VectorSpace(2))


def test_it_is_asked_about_goals_only():
    problem: Problem = problems_for(TruePointMass(), 0)
    policy = policy_for(SPACES["vector"])
    assert policy.knows(problem) and not policy.knows(Problem(state=problem.state))
