"""Planning while the last action is carried out."""

import threading
import time
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch

from telos.agent.actor import MPPI, make_plan
from telos.agent.cost import PathDistance
from telos.agent.loop import Agent, AgentSettings
from telos.agent.tasks import ReachGoal
from telos.core.contracts import AbstractCost
from telos.core.errors import ConfigError
from telos.core.seeding import torch_generator
from telos.envs import PointMass
from telos.testing.true_point_mass import TruePointMass

WORLD = PointMass()
PLANNER = MPPI(horizon=8, num_candidates=48, num_iterations=3)
START, GOAL = np.array([0.3, 0.4, 0, 0], np.float32), np.array([0.5, 0.5, 0, 0], np.float32)
SEEN_ENOUGH = 1e-6


def agent(*, goal=GOAL, seed=0, cost=None, ahead_tolerance=SEEN_ENOUGH, **settings):
    chosen = AgentSettings(planner=PLANNER, cost=cost or PathDistance(), ahead_tolerance=ahead_tolerance)
    made = Agent(TruePointMass(), replace(chosen, **settings), seed=seed)
    made.set_task(ReachGoal(goal))
    return made


def step(observation, action):
    observation, lead = observation.reshape(-1, 4), observation.shape
    state = {"position": observation[:, :2].astype(float), "velocity": observation[:, 2:].astype(float)}
    return WORLD.observe(WORLD.advance(state, action.reshape(-1, 2))).reshape(lead)


def walk(made, start, steps, pushed=()):
    """Actions and how their plans were made; at the steps in `pushed` somebody moves the first mass."""
    observation, actions, how = start, [], []
    for time_ in range(steps):
        actions.append(made.act(observation))
        how.append(made.last_plan.trace.made)
        observation = step(observation, actions[-1])
        if time_ in pushed:
            observation.reshape(-1, 4)[0, 0] -= 0.1
    return np.stack(actions), how


def test_every_plan_but_the_first_is_made_ahead():
    _, how = walk(agent(), START, 5)
    assert how == ["now"] + 4 * ["ahead"]


def test_plans_as_in_the_foreground_from_where_it_expects_to_be():
    made = agent()
    made.act(START)
    first, state, action = made.last_plan, made.state, torch.as_tensor(made.last_plan.actions[:, 0])
    made.act(step(START, action.numpy()[0]))
    expected = made.world_model.step(state, action)
    problem = replace(made.task.problem(expected, made.task.start(made.knowledge, 1)), previous_action=action)
    generator = torch_generator(0, "plan", 1)
    plan = make_plan(PLANNER, world_model=made.world_model, cost=PathDistance(), problem=problem, warm_start=first.shift(1), generator=generator)
    assert torch.equal(made.last_plan.actions, plan.actions)


def test_one_seed_one_walk():
    first, again = (walk(agent(seed=3), START, 6)[0] for _ in range(2))
    np.testing.assert_array_equal(first, again)


def test_a_surprise_is_planned_for_anew():
    ahead, _ = walk(agent(), START, 6, pushed=(2,)), None
    assert ahead[1] == ["now", "ahead", "ahead", "ahead, 1 of 1 anew", "ahead", "ahead"]
    _, careless = walk(agent(ahead_tolerance=1.0), START, 6, pushed=(2,))
    assert careless == ["now"] + 5 * ["ahead"]


def test_only_those_who_are_surprised_plan_anew():
    starts, goals = np.stack([START, START + np.float32(0.1)]), np.stack([GOAL, START])
    pushed, how = walk(agent(goal=goals), starts, 4, pushed=(1,))
    free, _ = walk(agent(goal=goals), starts, 4)
    assert how == ["now", "ahead", "ahead, 1 of 2 anew", "ahead"]
    np.testing.assert_allclose(pushed[:, 1], free[:, 1], atol=1e-6)
    assert not np.allclose(pushed[2, 0], free[2, 0])


def test_an_action_that_was_replaced_makes_what_was_planned_void():
    made = agent()
    made.act(START)
    done = np.array([1.0, -1.0], np.float32)
    made.did(done)
    made.act(step(START, done))
    assert made.last_plan.trace.made == "now"


def test_a_plan_is_made_ahead_only_where_one_is_due():
    _, how = walk(agent(replan_every=3), START, 7)
    assert how == 3 * ["now"] + 4 * ["ahead"]


def test_rows_that_are_through_leave_the_plan_that_is_being_made():
    starts = np.stack([START, GOAL, START + np.float32(0.1)])
    some, every = agent(goal=np.stack([GOAL, START, GOAL])), agent(goal=np.stack([GOAL, START, GOAL]))
    seen = step(starts, some.act(starts))
    every.act(starts)
    some.keep(torch.tensor([True, False, True]))
    np.testing.assert_array_equal(some.act(seen[[0, 2]]), every.act(seen)[[0, 2]])
    assert some.last_plan.trace.made == "ahead"


def test_a_new_episode_and_a_new_task_forget_it():
    made = agent()
    for begin in (made.reset, lambda: made.set_task(ReachGoal(START))):
        made.act(START)
        begin()
        made.act(START)
        assert made.last_plan.trace.made == "now"


@dataclass(frozen=True, kw_only=True)
class Dawdles(AbstractCost):
    """Takes its time."""

    def energy(self, rollout, problem):
        time.sleep(0.02)
        return PathDistance().energy(rollout, problem)


def test_in_a_slow_world_it_answers_at_once():
    waits = {}
    for tolerance in (None, SEEN_ENOUGH):
        made, observation, waits[tolerance] = agent(cost=Dawdles(), ahead_tolerance=tolerance), START, []
        for _ in range(4):
            began = time.perf_counter()
            action = made.act(observation)
            waits[tolerance].append(time.perf_counter() - began)
            observation = step(observation, action)
            time.sleep(0.15)
    # Three rounds and the plan itself take 80 ms, and the world takes more than that.
    assert min(waits[None]) > 0.08
    assert max(waits[SEEN_ENOUGH][1:]) < 0.06


@dataclass(frozen=True, kw_only=True)
class FailsElsewhere(AbstractCost):
    """Breaks down in every thread but the main one."""

    def energy(self, rollout, problem):
        if threading.current_thread() is not threading.main_thread():
            raise ArithmeticError("nothing works here")
        return PathDistance().energy(rollout, problem)


def test_what_goes_wrong_in_the_background_is_told_by_the_next_act():
    made = agent(cost=FailsElsewhere())
    made.act(START)
    with pytest.raises(ArithmeticError, match="nothing works here"):
        made.act(START)
    made.reset()
    assert made.act(START).shape == (2,)
    made.keep(torch.tensor([True]))
    with pytest.raises(ArithmeticError):
        made.act(START)


@pytest.mark.parametrize("tolerance", [-1.0, float("nan")])
def test_a_tolerance_is_a_distance(tolerance):
    with pytest.raises(ConfigError, match="ahead_tolerance"):
        agent(ahead_tolerance=tolerance)
