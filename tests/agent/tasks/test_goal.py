"""What an agent can be asked to do."""

import numpy as np
import torch

from telos.agent.tasks import ReachGoal
from telos.core.readouts import Knowledge
from telos.testing.true_point_mass import TruePointMass

GOAL = np.array([0.2, 0.7, 0, 0])


def test_one_goal_serves_every_row():
    goal = ReachGoal(GOAL).start(Knowledge(world_model=TruePointMass()), 3)
    torch.testing.assert_close(goal.latent, torch.tensor([[0.2, 0.7]] * 3))


def test_several_goals_are_one_for_each_row():
    goals = np.stack([GOAL, GOAL + 0.1])
    goal = ReachGoal(goals).start(Knowledge(world_model=TruePointMass()), 2)
    torch.testing.assert_close(goal.latent, torch.tensor([[0.2, 0.7], [0.3, 0.8]]))


def test_a_goal_is_a_constant():
    model = TruePointMass()
    model.anchor.requires_grad_(True)
    task = ReachGoal(GOAL)
    progress = task.start(Knowledge(world_model=model), 1)
    state = model.observe(None, None, torch.rand(1, 4))
    assert not progress.latent.requires_grad
    assert task.advance(progress, state) is progress
    assert task.problem(state, progress).goal is progress
    assert task.problem(state, progress).state is state
