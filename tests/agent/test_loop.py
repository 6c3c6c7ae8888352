"""The loop of an agent: observe, plan now and then, act."""

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import pytest
import torch

from telos.agent.actor import MPPI, RandomShooting
from telos.agent.cost import ActionSmoothness, PathDistance
from telos.agent.loop import Agent, AgentSettings
from telos.agent.perception import EncoderConfig
from telos.agent.tasks import ReachGoal
from telos.agent.world_model import JEPAConfig, RecurrentPredictorConfig
from telos.core.errors import ConfigError, SpaceError
from telos.core.spaces import DiscreteSpace, PixelSpace, Spaces, TreeSpace, VectorSpace
from telos.core.tasks import AbstractTask
from telos.core.types import Problem
from telos.envs import PointMass
from telos.testing.true_point_mass import TruePointMass

WORLD = PointMass()
PLANNER = MPPI(horizon=8, num_candidates=48, num_iterations=3)
SETTINGS = AgentSettings(planner=PLANNER, cost=PathDistance())
START, GOAL = np.array([0.3, 0.4, 0, 0], np.float32), np.array([0.5, 0.5, 0, 0], np.float32)


def agent(model=None, *, goal=GOAL, seed=0, **settings):
    made = Agent(model or TruePointMass(), replace(SETTINGS, **settings), seed=seed)
    made.set_task(ReachGoal(goal))
    return made


def walk(made, starts, steps):
    """Actions `[steps ...]` and the observations that followed."""
    state = {"position": starts[..., :2].reshape(-1, 2).astype(float), "velocity": starts[..., 2:].reshape(-1, 2).astype(float)}
    actions, seen = [], []
    for _ in range(steps):
        observation = WORLD.observe(state).reshape(starts.shape)
        actions.append(made.act(observation))
        state = WORLD.advance(state, actions[-1].reshape(-1, 2))
        seen.append(WORLD.observe(state).reshape(starts.shape))
    return np.stack(actions), np.stack(seen)


def test_reaches_its_goal_and_stays_there():
    _, seen = walk(agent(), START, 60)
    assert (np.linalg.norm(seen[-10:, :2] - GOAL[:2], axis=1) < 0.05).all()


def test_actions_come_in_the_space_of_the_environment():
    action = agent().act(START)
    assert action.shape == (2,)
    assert action.dtype == np.float32
    assert (np.abs(action) <= 1).all()
    assert agent().act(np.stack([START] * 3)).shape == (3, 2)
    choice = agent(TruePointMass(action=DiscreteSpace(5)), planner=RandomShooting(horizon=4)).act(START)
    assert choice.shape == (1,)
    assert choice.dtype == np.int64


def test_one_seed_one_walk():
    first, again, other = (walk(agent(seed=seed), START, 6)[0] for seed in (3, 3, 4))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_batch_acts_like_its_rows():
    starts = np.stack([START, GOAL, START + 0.1])
    together, _ = walk(agent(), starts, 5)
    for row in range(3):
        alone, _ = walk(agent(), starts[row], 5)
        np.testing.assert_allclose(together[:, row], alone, atol=1e-5)


def test_every_row_of_a_batch_may_have_a_goal_of_its_own():
    goals = np.stack([GOAL, START])
    made = agent(goal=goals)
    _, seen = walk(made, np.stack([START, GOAL]), 60)
    assert (np.linalg.norm(seen[-1, :, :2] - goals[:, :2], axis=1) < 0.05).all()


@pytest.mark.parametrize("replan_every", [1, 3, 8])
def test_plans_anew_when_it_is_due_and_carries_on_in_between(replan_every):
    made = agent(replan_every=replan_every)
    plans, actions, seconds = [], [], []
    for _ in range(9):
        actions.append(made.act(START))
        plans.append(made.last_plan)
        seconds.append(made.last_cpu_seconds)
    fresh = [plans[0] is not None, *(after is not before for before, after in pairwise(plans))]
    assert fresh == [step % replan_every == 0 for step in range(9)]
    assert [spent > 0 for spent in seconds] == fresh
    for step, (plan, action) in enumerate(zip(plans, actions, strict=True)):
        np.testing.assert_array_equal(plan.actions[0, step % replan_every], action)


def test_the_next_plan_begins_where_the_last_one_was_left():
    """With no budget at all a search can do no more than judge its warm start and a few others."""
    made = agent(planner=replace(PLANNER, num_candidates=1, num_iterations=1))
    made.act(START)
    first = made.last_plan.shift(1)
    made.act(WORLD.observe(WORLD.advance({"position": START[None, :2], "velocity": START[None, 2:]}, first.actions[:, 0].numpy()))[0])
    assert made.last_plan.energy <= first.energy + 1e-6


def test_what_was_done_last_is_told_to_the_cost():
    smooth = agent(cost=PathDistance() + 50 * ActionSmoothness())
    jumps = np.abs(np.diff(walk(smooth, START, 12)[0], axis=0)).max()
    free = np.abs(np.diff(walk(agent(), START, 12)[0], axis=0)).max()
    assert jumps < 0.5 * free


def test_a_new_episode_forgets_the_past_and_keeps_the_task():
    model = JEPAConfig(encoder=EncoderConfig(), predictor=RecurrentPredictorConfig(width=4)).build(WORLD.spaces)
    made = agent(model)
    first, _ = walk(made, START, 3)
    made.reset()
    assert made.state is None
    assert made.last_plan is None
    again, _ = walk(made, START, 3)
    np.testing.assert_array_equal(first, again)


def test_rows_that_are_through_can_be_dropped():
    starts = np.stack([START, GOAL, START + 0.1])
    goals = np.stack([GOAL, START, GOAL])
    model = JEPAConfig(encoder=EncoderConfig(), predictor=RecurrentPredictorConfig(width=4)).build(WORLD.spaces)
    some, every = agent(model, goal=goals, replan_every=2), agent(model, goal=goals, replan_every=2)
    for made in (some, every):
        made.act(starts)
    some.keep(torch.tensor([True, False, True]))
    for _ in range(3):
        np.testing.assert_allclose(some.act(starts[[0, 2]]), every.act(starts)[[0, 2]], atol=2e-3)


def test_a_task_can_be_changed_on_the_way():
    made = agent()
    walk(made, START, 3)
    made.set_task(ReachGoal(START))
    _, seen = walk(made, GOAL, 60)
    assert np.linalg.norm(seen[-1, :2] - START[:2]) < 0.05


def test_hurries_when_it_is_told_to():
    made = agent(planner=replace(PLANNER, num_iterations=100_000), budget_ms=100)
    made.act(START)
    assert made.last_plan.trace.stopped == "out of time"
    assert made.last_plan.trace.seconds < 2


@dataclass(frozen=True)
class CountsDown(AbstractTask):
    """Goes to one place, and after three steps to another: progress that changes on the way."""

    first: np.ndarray
    second: np.ndarray

    def start(self, world_model, num_rows):
        return torch.zeros(num_rows)

    def advance(self, progress, state):
        return progress + 1

    def problem(self, state, progress):
        goals = torch.from_numpy(np.stack([self.first, self.second]))[(progress > 3).long()]
        return Problem(state=state, goal=TruePointMass().observe(None, None, goals))


def test_a_task_of_several_steps_moves_on():
    made = agent()
    made.set_task(CountsDown(GOAL, START))
    for _ in range(3):
        made.act(START)
    towards = made.last_plan.imagined[0, -1] - torch.from_numpy(START[:2])
    made.act(START)
    there = made.last_plan.imagined[0, -1] - torch.from_numpy(START[:2])
    assert there.norm() < 0.5 * towards.norm()


@pytest.mark.parametrize(
    ("observation", "says"),
    [
        (np.zeros(3, np.float32), "shape"),
        (np.array([0, np.nan, 0, 0], np.float32), "NaN or infinity"),
        (np.array(["a"] * 4), "<U1 values"),
    ],
)
def test_an_observation_or_a_goal_that_does_not_fit_is_refused(observation, says):
    with pytest.raises(SpaceError, match=f"The observation.*{says}"):
        agent().act(observation)
    with pytest.raises(SpaceError, match=f"The goal.*{says}"):
        agent(goal=observation)


def test_a_goal_picture_of_another_size_is_refused_when_the_task_is_set():
    model = JEPAConfig(encoder=EncoderConfig()).build(Spaces(PixelSpace(16, 16), WORLD.spaces.action))
    with pytest.raises(SpaceError, match=r"\[16, 16, 3\]"):
        agent(model, goal=np.zeros((32, 32, 3), np.uint8))
    with pytest.raises(SpaceError, match="uint8"):
        agent(model, goal=np.zeros((16, 16, 3), np.float32))


def test_a_goal_that_lacks_a_part_is_refused():
    model = JEPAConfig(encoder=EncoderConfig()).build(Spaces(TreeSpace({"a": VectorSpace(2), "b": VectorSpace(1)}), WORLD.spaces.action))
    with pytest.raises(SpaceError, match=r"\['a', 'b'\]"):
        agent(model, goal={"a": np.zeros(2)})


def test_an_agent_without_a_task_says_what_to_do():
    with pytest.raises(ConfigError, match=r"agent\.set_task"):
        Agent(TruePointMass(), SETTINGS).act(START)


def test_more_or_fewer_observations_than_before_are_refused():
    made = agent()
    made.act(np.stack([START] * 3))
    with pytest.raises(SpaceError, match=r"acts in 3 episodes, and is shown 2.*\n.*agent.keep"):
        made.act(np.stack([START] * 2))
    with pytest.raises(SpaceError, match=r"batch axes \[2, 2\]"):
        agent().act(np.zeros((2, 2, 4)))


def test_goals_and_observations_have_to_match():
    with pytest.raises(SpaceError, match="2 goals, and there are 3 observations"):
        agent(goal=np.stack([GOAL, START])).act(np.stack([START] * 3))


@pytest.mark.parametrize("replan_every", [0, 9])
def test_replanning_is_due_within_the_horizon(replan_every):
    with pytest.raises(ConfigError, match="1 to the planner's horizon, 8"):
        replace(SETTINGS, replan_every=replan_every)


def test_what_is_left_of_the_plan_can_be_read():
    made = agent(replan_every=3)
    assert made.planned is None
    for step in (1, 2, 3):
        action = made.act(START)
        np.testing.assert_array_equal(action, made.last_plan.actions[0, step - 1].numpy())
        np.testing.assert_array_equal(made.planned[0], made.last_plan.actions[0, step:])


def test_beliefs_go_on_from_what_was_really_done():
    torch.manual_seed(0)
    told, believing = (agent(JEPAConfig(encoder=EncoderConfig(), predictor=RecurrentPredictorConfig()).build(WORLD.spaces)) for _ in range(2))
    believing.world_model.load_state_dict(told.world_model.state_dict())
    for made in (told, believing):
        made.act(START)
    told.did(np.array([1.0, -1.0], np.float32))
    for made in (told, believing):
        made.act(START)
    assert not torch.equal(told.state.belief, believing.state.belief)
    with pytest.raises(SpaceError, match="has not acted"):
        agent().did(np.zeros(2, np.float32))
    with pytest.raises(SpaceError, match="has shape"):
        told.did(np.zeros(3, np.float32))
