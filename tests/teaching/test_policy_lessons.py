"""Teaching an agent to act at once: from logs, and from its own plans; no environment is asked."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny_runs import DISCRETE, collect_logs, tiny, walk_logs

from telos.agent.actor import MPPI, CategoricalCEM
from telos.agent.cost import LeastDistance, RunningMinimum
from telos.agent.policies.arbiter import ArbiterConfig
from telos.agent.tasks import ReachGoal
from telos.core.acting import AbstractArbiter, AbstractPolicy
from telos.core.errors import ConfigError
from telos.core.seeding import numpy_generator
from telos.core.spaces import DiscreteSpace
from telos.core.types import Plan, Problem
from telos.data import Episodes, split
from telos.recipes.experiment import load_agent, train
from telos.recipes.knowledge import load_knowledge
from telos.teaching.policy import Course, teach_policy
from telos.teaching.policy.judging import Judged, calibrate, teach_foresight
from telos.teaching.policy.lessons import Replay, Teacher
from telos.teaching.policy.problems import Examples, LoggedProblems, wander_by
from telos.teaching.policy.teach import distil
from telos.testing import TruePointMass, check_arbiter, check_policy

COST = LeastDistance() + 0.3 * RunningMinimum()
PLANNER = MPPI(horizon=8, num_candidates=24, num_iterations=2)
BRIEF = Course(hindsight_steps=150, rounds=4, problems=128, plans=96, steps=60, batch_size=128, judged=200, alpha=0.1, tolerance=0.05)
MODEL = TruePointMass()


@pytest.fixture(scope="module")
def logs(tmp_path_factory):
    return Episodes.open(collect_logs(tmp_path_factory.mktemp("policy") / "logs", episodes=120, steps=20))


@pytest.fixture(scope="module")
def lesson(logs):
    told = []
    found = distil(MODEL, *split(logs, held_out=0.3, seed=0), planner=PLANNER, cost=COST, course=BRIEF, progress=lambda *part: told.append(part))
    assert {stage for stage, _, _ in told} == {"hindsight", "plans", "measures"}
    return found


def test_it_learns_what_plans_do_and_beats_its_floors(lesson):
    measures = lesson.policy_config.measures
    assert measures.imitation_error < 0.9 * measures.imitation_floor
    assert measures.energy_reacting < 0.6 * measures.energy_resting
    assert measures.energy_reacting < measures.energy_from_logs
    assert measures.num_plans == 4 * 96


def test_policy_and_arbiter_keep_their_promises(lesson):
    check_policy(lesson.policy, MODEL)
    check_arbiter(lesson.arbiter, MODEL, lesson.policy, COST, 8)


def test_the_arbiter_foresees_plans_better_than_their_mean_and_lets_few_through_wrongly(lesson):
    measures = lesson.arbiter.measures
    assert measures.head_error < 0.7 * measures.head_floor
    assert measures.wrongly <= 0.1
    assert 0 < measures.reacting <= 1


def test_one_seed_one_policy(logs):
    quick = replace(BRIEF, hindsight_steps=5, rounds=1, plans=8, problems=16, judged=60, steps=2)
    known, held_out = split(logs, held_out=0.3, seed=0)
    weights = []
    for seed in (3, 3, 4):
        policy = distil(MODEL, known, held_out, planner=PLANNER, cost=COST, course=quick, seed=seed).policy
        weights.append(torch.cat([part.flatten() for part in policy.parameters()]))
    assert torch.equal(weights[0], weights[1]) and not torch.equal(weights[0], weights[2])


def test_what_was_done_is_learned_with_goals_that_were_reached_later(logs):
    problems = LoggedProblems(MODEL, logs)
    drawn = problems.hindsight(numpy_generator(0), 64, farthest=5)
    # In a corner of the arena the same is seen more than once.
    frames = np.concatenate([logs.episode(i).observations[:-1] for i in range(logs.num_episodes)])
    actions = np.concatenate([logs.episode(i).actions for i in range(logs.num_episodes)])
    for belief, goal, action in zip(drawn.belief, drawn.goal, drawn.action, strict=True):
        rows = (np.abs(frames - belief.numpy()).max(axis=1) < 1e-6).nonzero()[0]
        rows = rows[np.abs(actions[rows] - action.numpy()).max(axis=1) < 1e-6]
        reached = [logs.episode(row // 20).observations[row % 20 + 1 : row % 20 + 6, :2] for row in rows]
        assert np.abs(np.concatenate(reached) - goal.numpy()).max(axis=1).min() < 1e-6


def test_problems_begin_and_end_where_logs_have_been_and_go_on_as_the_policy_does(logs, lesson):
    problems = LoggedProblems(MODEL, logs)
    drawn = problems.draw(numpy_generator(1), 32, 8)
    frames = np.concatenate([logs.episode(i).observations for i in range(logs.num_episodes)])
    for part in (drawn.state.latent, drawn.goal.latent):
        assert np.abs(frames[None, :, :2] - part.numpy()[:, None]).max(axis=2).min(axis=1).max() < 1e-6
    met = wander_by(lesson.policy, MODEL, drawn, numpy_generator(2), farthest=3)
    stepped = MODEL.step(drawn.state, lesson.policy.act(drawn))
    stayed = (met.state.latent == drawn.state.latent).all(dim=1)
    once = torch.isclose(met.state.latent, stepped.latent, atol=1e-6).all(dim=1)
    assert 0 < stayed.sum() < 32 and once.any()


def test_a_plan_teaches_up_to_where_it_comes_nearest():
    state = MODEL.observe(None, None, torch.tensor([[0.4, 0.5, 0.0, 0.0]]))
    goal = MODEL.observe(None, None, torch.tensor([[0.5, 0.5, 0.0, 0.0]]))
    actions = torch.cat([torch.ones(1, 4, 1), -torch.ones(1, 8, 1)], dim=1) * torch.tensor([1.0, 0.0])
    asked = Problem(state=state, goal=goal)
    rollout = MODEL.rollout(state, actions)
    nearest = int((rollout.latent[0] - goal.latent).square().sum(dim=1).argmin())
    plan = Plan(actions=actions, energies=torch.zeros(1, 12), imagined=rollout.latent)
    examples = Teacher(world_model=MODEL, planner=PLANNER, cost=COST).examples(asked, plan)
    assert len(examples) == nearest + 1 < 12
    torch.testing.assert_close(examples.belief[0], state.belief[0])
    torch.testing.assert_close(examples.belief[1:], rollout.belief[0, :nearest])
    torch.testing.assert_close(examples.action, actions[0, : nearest + 1])


def test_a_replay_keeps_the_latest_examples():
    replay = Replay(5)
    for start in range(4):
        value = torch.arange(3.0)[:, None] + 3 * start
        replay.add(Examples(value, value, value))
    assert len(replay) == 5 and replay.held is not None
    assert replay.held.belief[:, 0].tolist() == [7, 8, 9, 10, 11]


def test_foresight_learns_energies_and_calibration_keeps_its_share():
    generator = torch.Generator().manual_seed(0)
    belief, goal = torch.randn(2, 1500, 2, generator=generator).unbind(0)
    planning = (goal - belief).square().mean(dim=1) * (1 + 0.5 * torch.tanh(belief[:, 0]))
    reacting = planning + torch.rand(1500, generator=generator).pow(4)
    torch.manual_seed(0)
    arbiter = ArbiterConfig(belief_size=2, latent_size=2, horizon=5, cost=COST, tolerance=0.2, alpha=0.1).build()
    parts = [Judged(*(part[rows] for part in (belief, goal, reacting, planning))) for rows in (slice(0, 1000), slice(1000, 1250), slice(1250, None))]
    teach_foresight(arbiter, parts[0], steps=400, generator=generator)
    measures = calibrate(arbiter, parts[1])
    assert measures.head_error < 0.3 * measures.head_floor
    assert measures.wrongly <= 0.1 and measures.reacting > 0.3
    last = parts[2]
    through = last.reacting - arbiter.foresee(last.belief, last.goal) <= arbiter.threshold
    wrong = float((through & (last.reacting - last.planning > 0.2)).float().mean())
    assert wrong <= 0.1 + 0.06


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("practise")
    collect_logs(folder / "logs", episodes=60)
    return train(folder / "logs", folder / "run", recipe=tiny)


def test_a_run_keeps_what_it_was_taught_and_acts_in_every_mode(run):
    with pytest.raises(ConfigError, match="telos practise RUN"):
        load_agent(run, mode="auto")
    quick = replace(BRIEF, hindsight_steps=10, rounds=1, plans=16, problems=32, judged=60, steps=5)
    lesson = teach_policy(run, course=quick)
    told = lesson.to_json()
    assert told["policy"]["num_plans"] == 16 and told["arbiter"]["num_problems"] == 60 and told["arbiter"]["tolerance"] > 0
    knowledge = load_knowledge(run)
    assert isinstance(knowledge.policy, AbstractPolicy) and isinstance(knowledge.arbiter, AbstractArbiter)
    assert knowledge.policy.measures == lesson.policy_config.measures and knowledge.arbiter.measures == lesson.arbiter.measures
    for mode in ("plan", "react", "auto"):
        assert load_agent(run, mode=mode).settings.mode == mode


def test_choices_are_learned_too(tmp_path):
    walked = Episodes.open(walk_logs(tmp_path / "logs", DISCRETE, episodes=40))
    found = train(tmp_path / "logs", tmp_path / "run", recipe=tiny)
    quick = replace(BRIEF, hindsight_steps=40, rounds=1, plans=16, problems=32, judged=60, steps=10)
    assert isinstance(walked.spaces.action, DiscreteSpace) and isinstance(load_agent(found).settings.planner, CategoricalCEM)
    lesson = teach_policy(found, course=quick)
    measures = lesson.policy_config.measures
    assert measures is not None and 0 <= measures.imitation_error <= 1
    made = load_agent(found, mode="react")
    made.set_task(ReachGoal(walked.episode(0).observations[-1]))
    action = made.act(walked.episode(0).observations[0])
    assert action.dtype == np.int64 and 0 <= action[0] < 4


def test_a_course_that_cannot_be_is_refused():
    for changes in ({"rounds": -1}, {"plans": 0}, {"alpha": 1.0}, {"tolerance": -0.1}):
        with pytest.raises(ConfigError):
            replace(BRIEF, **changes)
