import json
from dataclasses import replace

import numpy as np
import pytest
from plane import Adds, Plane, agent_of

from telos.agent.actor import MPPI, RandomShooting
from telos.core.errors import RunError
from telos.core.run import Run
from telos.evaluation import evaluate, make_protocol, paired_difference
from telos.evaluation.planner_curves import measure_planners, read_curves

AGENT = agent_of(Adds(gain=1.0))
USUAL = AGENT.settings.planner
ONE, MANY = RandomShooting(horizon=8, num_candidates=1), RandomShooting(horizon=8, num_candidates=64)


@pytest.fixture(scope="module")
def evaluation():
    return evaluate(AGENT, Plane(), make_protocol(Plane(), None, episodes=70, offset=None, seed=0))


@pytest.fixture(scope="module")
def curves(evaluation):
    return measure_planners(AGENT, Plane(), evaluation, [ONE, MANY, USUAL])


def test_more_candidates_do_better_and_cost_more(curves):
    one, many, _ = curves.points
    assert many.outcome.rate.value > one.outcome.rate.value
    assert many.cpu_seconds_together > one.cpu_seconds_together > 0
    assert all(point.cpu_seconds > 0 for point in curves.points)


def test_everybody_plays_the_same_starts_and_goals(curves, evaluation):
    again = measure_planners(AGENT, Plane(), evaluation, [MANY]).points[0]
    np.testing.assert_array_equal(again.outcome.steps, curves.points[1].outcome.steps)


def test_a_planner_plays_as_it_would_in_an_evaluation_of_its_own(curves, evaluation):
    agent = agent_of(Adds(gain=1.0))
    agent.settings = replace(agent.settings, planner=MANY)
    alone = evaluate(agent, Plane(), evaluation.protocol)
    np.testing.assert_array_equal(alone.agent.success, curves.points[1].outcome.success)


def test_the_planner_that_was_evaluated_is_not_played_twice(curves, evaluation):
    assert curves.points[2].outcome is evaluation.agent


def test_the_agent_is_left_as_it_was(curves):
    assert AGENT.settings.planner == USUAL


def test_the_cheap_one_that_hardly_arrives_is_not_taken(curves):
    assert curves.choice.knee in (1, 2)
    assert "is the cheapest as good as the best" in curves.says


def test_progress_ends_at_all(evaluation):
    seen = []
    measure_planners(AGENT, Plane(), evaluation, [ONE, USUAL], progress=lambda stage, done, total: seen.append((stage, done, total)))
    assert {stage for stage, _, _ in seen} == {"planners"}
    assert [done for _, done, _ in seen] == sorted(done for _, done, _ in seen)
    assert seen[-1][1:] == (140, 140)


def test_the_json_says_by_itself_what_everything_is_measured_by(curves):
    told = curves.to_json()
    assert json.loads(json.dumps(told)) == told
    best = np.array(list(told["rows"][told["best"]]["episode_by_episode"])) == "1"
    for row in told["rows"]:
        played = np.array(list(row["episode_by_episode"])) == "1"
        assert played.mean() == row["success"]
        assert (row["difference"], row["difference_low"], row["difference_high"]) == paired_difference(played, best)
    assert (told["episodes"], told["margin"], told["seed"]) == (70, 0.03, 0)


def test_few_episodes_are_said_to_be_few():
    evaluation = evaluate(AGENT, Plane(), make_protocol(Plane(), None, episodes=12, offset=None, seed=0))
    curves = measure_planners(AGENT, Plane(), evaluation, [ONE, USUAL])
    assert curves.choice.knee == curves.choice.best
    assert "takes 64 episodes or more" in curves.says


def test_where_nobody_beats_chance_nothing_is_taken():
    blind = agent_of(Adds(gain=0.0))
    evaluation = evaluate(blind, Plane(), make_protocol(Plane(), None, episodes=12, offset=None, seed=0))
    curves = measure_planners(blind, Plane(), evaluation, [ONE, replace(ONE, num_candidates=2)])
    assert curves.choice.knee is None and "None is better than acting at random" in curves.says


def test_a_plan_is_made_again_in_time_whatever_its_horizon():
    agent = agent_of(Adds(gain=1.0))
    agent.settings = replace(agent.settings, replan_every=4)
    evaluation = evaluate(agent, Plane(), make_protocol(Plane(), None, episodes=4, offset=None, seed=0))
    curves = measure_planners(agent, Plane(), evaluation, [MPPI(horizon=2, num_candidates=32)])
    assert curves.points[0].outcome.rate.total == 4


def test_what_was_kept_is_read_back_and_damage_is_named(tmp_path, curves):
    run = Run(tmp_path)
    assert read_curves(run) is None
    run.write_json("planners.json", curves.to_json())
    assert read_curves(run) == curves.to_json()
    for content in ({}, {**curves.to_json(), "rows": [{"setting": "mppi"}]}, {**curves.to_json(), "rows": 3}):
        run.write_json("planners.json", content)
        with pytest.raises(RunError, match="does not hold curves of planners"):
            read_curves(run)
