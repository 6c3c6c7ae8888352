"""Planning from the top down, on levels that are right: what leads where, at which clock, and that each episode is planned for by itself."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch

from telos.agent.actor import CEM, ICEM, LBFGS, MPPI, Collocation, GradientDescent, Hybrid, RandomShooting
from telos.agent.actor.candidates import imagine
from telos.agent.cost import ActionEffort, LeastDistance, RunningMinimum
from telos.agent.cost.seen_from import Subgoal
from telos.agent.loop import Agent, AgentSettings
from telos.agent.tasks import ReachGoal, ReachValue
from telos.agent.top_down.leading import MANY_GOALS, NO_GOAL
from telos.core import config
from telos.core.acting import AbstractPolicy
from telos.core.errors import ConfigError, UnknownNameError
from telos.core.tasks import AbstractConfigurator
from telos.core.top_down import TopDown
from telos.testing.true_levels import SLOW_TO_TELL as WORLD
from telos.testing.true_levels import levelled_knowledge

LOW = MPPI(horizon=12, num_candidates=32, num_iterations=2)
HIGH = MPPI(horizon=4, num_candidates=32, num_iterations=2, noise_exponent=0.0)
SETTINGS = AgentSettings(planner=LOW, cost=LeastDistance() + 0.3 * RunningMinimum(), replan_every=2, top_down=TopDown(planner=HIGH))
STARTS = np.array([[0.1, 0.1, 0, 0], [0.9, 0.2, 0, 0], [0.5, 0.5, 0, 0]], np.float32)
GOALS = np.array([[0.9, 0.9, 0, 0], [0.3, 0.5, 0, 0], [0.55, 0.5, 0, 0]], np.float32)
WAYS = {
    "two levels": {"levels": 2},
    "three levels": {"levels": 3},
    "two levels and a critic": {"levels": 2, "time_to_go": "landmarks"},
    "waypoints": {"time_to_go": "landmarks", "top_down": TopDown(subgoals="critic")},
    "waypoints seen from above": {"levels": 2, "time_to_go": "landmarks", "top_down": TopDown(subgoals="critic")},
}
each_way = pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)


@pytest.fixture(scope="module")
def knowledge():
    return levelled_knowledge((4, 3))


def agent(knowledge, task=None, *, goals=GOALS, seed=0, configurator=None, **settings):
    made = Agent(knowledge, replace(SETTINGS, **settings), configurator=configurator, seed=seed)
    made.set_task(task or ReachGoal(goals))
    return made


def walk(made, starts=STARTS, steps=24):
    """Positions, and the plan in force, at each step."""
    state = {"position": starts[:, :2].astype(float), "velocity": starts[:, 2:].astype(float)}
    positions, plans = [], []
    for _ in range(steps):
        state = WORLD.advance(state, made.act(WORLD.observe(state)))
        positions.append(state["position"])
        plans.append(made.last_plan)
    return np.stack(positions), plans


@each_way
def test_far_goals_are_reached_and_near_ones_stay_reached(knowledge, way):
    positions, _ = walk(agent(knowledge, **way), steps=36)
    assert (np.linalg.norm(positions[-1] - GOALS[:, :2], axis=1) < 0.08).all()


@each_way
def test_a_row_acts_alike_alone_and_in_company(knowledge, way):
    together, plans = walk(agent(knowledge, **way), steps=10)
    for row in (0, 2):
        alone, its = walk(agent(knowledge, goals=GOALS[row : row + 1], **way), STARTS[row : row + 1], steps=10)
        np.testing.assert_allclose(alone[:, 0], together[:, row], atol=1e-4)
        for plan, own in zip(plans, its, strict=True):
            assert [int(plan.aim.step[row]), int(plan.aim.age[row]), bool(plan.aim.helps[row])] == [
                int(own.aim.step[0]),
                int(own.aim.age[0]),
                bool(own.aim.helps[0]),
            ]


@each_way
def test_who_is_left_goes_on_as_if_the_others_had_never_been(knowledge, way):
    rows = torch.tensor([True, False, True])
    made, other = agent(knowledge, **way), agent(knowledge, goals=GOALS[rows], **way)
    for left in (made, other):
        first, _ = walk(left, STARTS if left is made else STARTS[rows], steps=5)
        if left is made:
            left.keep(rows)
            here = first[-1][rows]
    still = np.concatenate([here, np.zeros_like(here)], axis=1).astype(np.float32)
    np.testing.assert_allclose(made.act(still), other.act(still), atol=1e-4)


def test_each_level_plans_at_its_own_clock(knowledge):
    # Subgoals count as reached only where one stands on them: what is left is the clock, and that what is gone for has moved.
    _, plans = walk(agent(knowledge, levels=3, top_down=TopDown(planner=HIGH, reached=0.0)), steps=11)
    aims = [plan.aim for plan in plans[::2]]
    for before, aim in pairwise(aims):
        if not (before.helps[0] and aim.helps[0]):
            continue
        if int(aim.age[0]) == int(before.age[0]) + 2:
            assert int(aim.age[0]) < 4 and torch.equal(before.plan.actions[0], aim.plan.actions[0])
        else:
            assert int(aim.age[0]) == 0
            assert int(before.age[0]) + 2 >= 4 or int(before.step[0]) > 0 or not torch.equal(before.goal[0], aim.goal[0])
    assert {int(aim.age[0]) for aim in aims if aim.helps[0]} == {0, 2}
    assert [int(plan.aim.plan.aim.age[0]) for plan in plans[::2]] == [0, 2, 4, 6, 8, 10]


def test_a_subgoal_that_is_reached_gives_way_to_the_next(knowledge):
    made = agent(knowledge, levels=2, replan_every=1)
    made.act(STARTS)
    aim = made.last_plan.aim
    there = aim.subgoals[torch.arange(3), aim.step].numpy()
    made.act(np.where(aim.helps[:, None].numpy(), there, STARTS).astype(np.float32))
    after = made.last_plan.aim
    assert (after.step[aim.helps] > aim.step[aim.helps]).all()
    assert torch.equal(after.plan.actions[aim.helps], aim.plan.actions[aim.helps])


def test_near_goals_are_gone_for_straight_and_it_says_why(knowledge):
    made = agent(knowledge, levels=2)
    made.act(STARTS)
    plan, (problem, _) = made.last_plan, made.problem
    assert plan.aim.helps.tolist() == [True, True, False]
    assert torch.equal(problem.goal.belief[2], torch.from_numpy(GOALS[2]))
    assert plan.trace.why == ("level 2 leads in 2 of 3 episodes",)
    made = agent(knowledge, goals=GOALS[:1], levels=2, time_to_go="landmarks")
    made.act(STARTS[:1])
    assert made.last_plan.trace.why == ("level 2 leads: the goal is 23 steps away",)
    made = agent(knowledge, goals=GOALS[2:], levels=2, time_to_go="landmarks")
    made.act(STARTS[2:])
    assert made.last_plan.trace.why == ("level 2 is left out: the goal is near: 1 steps",)


def test_a_configurator_chooses_the_depth_of_each_episode(knowledge):
    class Chosen(AbstractConfigurator):
        def configure(self, usual, task, problem, guardrails, knowledge):
            return replace(usual, depth=torch.tensor([1, 2, 3]))

    made = agent(knowledge, goals=GOALS[[0, 1, 0]], levels=3, configurator=Chosen())
    made.act(STARTS)
    aim = made.last_plan.aim
    assert aim.helps.tolist() == [False, True, True]
    assert aim.plan.aim.helps.tolist() == [False, False, True]
    assert aim.reasons[aim.reason[0]] == "left out by the configurator"
    # Who is led by level 2 alone goes for the goal up there.
    assert torch.equal(aim.goal[1], torch.from_numpy(GOALS[1]))


def test_upper_plans_are_no_longer_than_the_way(knowledge):
    made = agent(knowledge, levels=2)
    made.act(STARTS)
    assert (made.last_plan.aim.plan.energies[0] != 0).any()
    searched = (made.last_plan.aim.plan.actions.diff(dim=1) != 0).any(dim=-1).sum(dim=1) + 1
    far = np.linalg.norm(STARTS[:, :2] - GOALS[:, :2], axis=1)
    assert searched[0] == HIGH.horizon and searched[1] <= searched[0]
    near = agent(knowledge, goals=STARTS[:1] + np.array([[0.3, 0, 0, 0]], np.float32), levels=2)
    near.act(STARTS[:1])
    plan = near.last_plan.aim.plan
    assert near.last_plan.aim.helps.all() and (plan.actions[0, 2:] == plan.actions[0, 1]).all()
    assert far[0] > far[1]
    # The lowest level looks no farther than to its subgoals.
    assert made.last_plan.actions.shape[1] == 6 and made.settings.planner.horizon == 12


def test_what_is_planned_for_is_what_the_agent_says(knowledge):
    made = agent(knowledge, levels=2)
    walk(made, steps=1)
    problem, cost = made.problem
    assert isinstance(problem.goal, Subgoal) and problem.goal.chosen.tolist() == [True, True, False]
    _, energies = imagine(made.world_model, cost, problem, made.last_plan.actions)
    torch.testing.assert_close(energies, made.last_plan.energies)


@pytest.mark.parametrize("snap", [True, False])
def test_subgoals_are_drawn_to_real_states_unless_that_is_switched_off(knowledge, snap):
    made = agent(knowledge, levels=2, top_down=TopDown(planner=HIGH, snap=snap))
    made.act(STARTS)
    aim, marks = made.last_plan.aim, knowledge.levels[0].landmarks.latents
    off = torch.cdist(aim.toward[:2], torch.cat([marks, torch.from_numpy(GOALS[:, :2])])).min(dim=1).values
    assert (off < 1e-6).all() == snap
    if not snap:
        assert torch.equal(aim.toward[0], aim.plan.imagined[0, aim.step[0]])


EVERY = [
    CEM(horizon=4, num_candidates=24, num_elites=6, num_iterations=3),
    ICEM(horizon=4, num_candidates=24, num_elites=6, num_iterations=3),
    MPPI(horizon=4, num_candidates=24, num_iterations=3),
    RandomShooting(horizon=4, num_candidates=48),
    GradientDescent(horizon=4, num_starts=2, num_iterations=6),
    LBFGS(horizon=4, num_starts=2, num_iterations=2),
    Hybrid(horizon=4),
    Collocation(horizon=4, num_starts=2, num_iterations=2),
]


@pytest.mark.parametrize("planner", EVERY, ids=lambda planner: type(planner).__name__)
def test_every_planner_plans_above(knowledge, planner):
    made = agent(knowledge, levels=2, top_down=TopDown(planner=planner))
    made.act(STARTS)
    aim = made.last_plan.aim
    start, goal = torch.from_numpy(STARTS[:2, None, :2]), torch.from_numpy(GOALS[:2, None, :2])
    assert ((aim.plan.imagined[:2] - goal).norm(dim=-1).amin(dim=1) < (start - goal).norm(dim=-1)[:, 0] - 0.3).all()
    assert (aim.plan.actions.abs() <= 2).all()
    alone = agent(knowledge, goals=GOALS[1:2], levels=2, top_down=TopDown(planner=planner))
    alone.act(STARTS[1:2])
    torch.testing.assert_close(alone.last_plan.aim.plan.actions[0], aim.plan.actions[1], atol=1e-4, rtol=1e-4)


def test_a_task_without_a_goal_state_is_planned_for_on_one_level_and_it_says_so(knowledge):
    made = agent(knowledge, ReachValue("position", (0.5, 0.5)), levels=2)
    made.act(STARTS)
    assert made.last_plan.aim is None and NO_GOAL in made.last_plan.trace.why
    assert made.last_plan.actions.shape[1] == LOW.horizon
    made.set_task(ReachGoal(GOALS) + ReachGoal(STARTS))
    made.act(STARTS)
    assert made.last_plan.aim is None and MANY_GOALS in made.last_plan.trace.why


def test_what_is_asked_of_the_way_is_asked_on_the_way_to_subgoals(knowledge):
    made = agent(knowledge, ReachGoal(GOALS) + 0.01 * ActionEffort() + 0.1 * ReachValue("velocity", (0.0, 0.0)), levels=2)
    positions, plans = walk(made, steps=36)
    assert plans[0].aim.helps.tolist() == [True, True, False]
    assert (np.linalg.norm(positions[-1] - GOALS[:, :2], axis=1) < 0.12).all()


@pytest.mark.parametrize("way", [{"budget_ms": 40.0}, {"ahead_tolerance": 1e-4}, {"budget_ms": 0.0}], ids=str)
def test_it_plans_within_a_budget_and_ahead(knowledge, way):
    made = agent(knowledge, levels=3, **way)
    _, plans = walk(made, steps=8)
    assert all(plan.aim is not None and plan.aim.plan.aim is not None for plan in plans)
    assert all(torch.isfinite(plan.aim.toward).all() for plan in plans)
    if "ahead_tolerance" in way:
        assert plans[-1].trace.made.startswith("ahead")


class Straight(AbstractPolicy):
    """Pushes towards the goal that it is given, and keeps it in mind."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def knows(self, problem):
        return problem.goal is not None

    def act(self, problem, generator=None, num=1):
        self.seen.append(problem.goal.latent)
        return (6 * (problem.goal.latent - problem.state.latent)).clamp(-1, 1)


def test_a_policy_reacts_to_subgoals(knowledge):
    policy = Straight()
    made = agent(replace(knowledge, policy=policy), levels=2, mode="react")
    positions, plans = walk(made, steps=36)
    aim = plans[0].aim
    assert torch.equal(policy.seen[0][:2], aim.subgoals[torch.arange(3), aim.step][:2, :2])
    assert (np.linalg.norm(positions[-1] - GOALS[:, :2], axis=1) < 0.08).all()


def test_what_was_not_taught_is_refused(knowledge):
    bare = levelled_knowledge((), times=False)
    with pytest.raises(ConfigError, match="telos levels RUN"):
        agent(bare, levels=2)
    with pytest.raises(UnknownNameError, match="telos time-to-go RUN"):
        agent(bare, time_to_go="landmarks")
    with pytest.raises(UnknownNameError, match="landmark"):
        agent(knowledge, time_to_go="landmark")
    with pytest.raises(ConfigError, match="--time-to-go"):
        agent(knowledge, top_down=TopDown(subgoals="critic"))
    with pytest.raises(ConfigError, match="nothing to do"):
        agent(knowledge, levels=3, time_to_go="landmarks", top_down=TopDown(subgoals="critic"))
    made = agent(knowledge, levels=3)
    with pytest.raises(ConfigError, match="has 3 levels"):
        made.settings = replace(made.settings, levels=4)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("subgoals", "nobody"),
        ("compare", "nowhere"),
        ("replan_every", 0),
        ("horizon", 0),
        ("reached", -1.0),
        ("below_share", float("nan")),
        ("ahead", 0.0),
    ],
)
def test_settings_that_cannot_be_are_refused(field, value):
    with pytest.raises((ConfigError, UnknownNameError)):
        TopDown(**{field: value})


def test_settings_are_kept_with_a_recipe():
    settings = replace(SETTINGS, levels=3, time_to_go="landmarks", top_down=TopDown(planner=HIGH, compare="below", snap=False))
    assert config.from_json(config.to_json(settings)) == settings
