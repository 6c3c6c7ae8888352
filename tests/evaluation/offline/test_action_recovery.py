from dataclasses import replace

import logs_with_flaws as flaws
import numpy as np
import pytest
import tiny_runs
from plane import Adds, Plane, agent_of

from telos.agent.actor import RandomShooting
from telos.agent.loop import Agent, AgentSettings
from telos.cli.planners import PLANNERS
from telos.data import Episodes, split
from telos.evaluation.offline.action_recovery import default_gaps, recover_actions
from telos.recipes import default


@pytest.fixture(scope="module")
def right(halves):
    return recover_actions(agent_of(Adds()), *halves, (1, 4), num_pairs=80)


def test_plans_of_a_model_that_is_right_do_what_was_done(right):
    for part in right:
        planned = part.contestants["planned"]
        assert planned.net_error.high < 0.25 * part.contestants[part.best_floor].net_error.value
        assert all(difference.high < 0 for difference in part.differences.values())
    assert right[0].contestants["planned"].error.value < 0.02


def test_every_floor_plays_on_the_same_pairs(right):
    for part in right:
        assert set(part.contestants) == {"planned", "logged", "random", "zero", "mean", "elsewhere"}
        assert part.contestants["logged"].error.value == 0 and part.contestants["logged"].distance.value < 1e-10
        assert (part.num_pairs, part.num_episodes) == (80, 24) or part.num_episodes > 15
    near, far = right
    # Of uniform numbers from -1 to 1: deviation 1 / sqrt(3), of the difference of two, sqrt(2 / 3); as shares of the range of 2.
    assert near.contestants["zero"].error.value == pytest.approx(0.28, abs=0.03)
    assert near.contestants["random"].error.value == pytest.approx(0.38, abs=0.04)
    assert far.contestants["zero"].net_error.value == pytest.approx(near.contestants["zero"].net_error.value / 2, rel=0.2)


def test_the_plan_is_imagined_to_arrive_and_doing_nothing_is_not(right):
    for part in right:
        assert part.contestants["planned"].distance.high < 0.1 * part.contestants["zero"].distance.low


def test_plans_of_a_deaf_model_are_no_better_than_the_floors(halves):
    for part in recover_actions(agent_of(Adds(gain=0)), *halves, (1, 4), num_pairs=80):
        assert not all(difference.high < 0 for difference in part.differences.values())


def test_mixed_up_actions_are_not_recovered(tmp_path):
    logs = split(flaws.write(tmp_path / "logs", flaws.shuffled()), 0.4, 0)
    for part in recover_actions(agent_of(Adds()), *logs, (1, 4), num_pairs=80):
        assert part.share_of_floor > 0.9


def test_choices_are_counted_and_have_no_zero(tmp_path):
    logs = Episodes.open(tiny_runs.walk_logs(tmp_path / "logs", tiny_runs.DISCRETE, episodes=40))
    recipe = default(logs)
    model = recipe.world_model.build(logs.spaces, {name: logs.moments(name) for name in ("action", "observation")})
    agent = Agent(model, AgentSettings(planner=RandomShooting(horizon=4, num_candidates=32), cost=recipe.agent.cost))
    (part,) = recover_actions(agent, *split(logs, 0.5, 0), (2,), num_pairs=60)
    assert set(part.contestants) == {"planned", "logged", "random", "mean", "elsewhere"}
    assert part.contestants["random"].error.value == pytest.approx(0.75, abs=0.1)
    assert 0 < part.contestants["random"].net_error.value < part.contestants["random"].error.value


@pytest.mark.parametrize("planner", sorted(name for name, kind in PLANNERS.items() if kind().supports(Plane().spaces.action)))
def test_every_planner_plans_a_single_step_ahead(halves, planner):
    agent = agent_of(Adds())
    agent.settings = AgentSettings(planner=replace(PLANNERS[planner](), horizon=3), cost=agent.settings.cost)
    (part,) = recover_actions(agent, *halves, (1,), num_pairs=10)
    assert part.contestants["planned"].error.value < 0.15


def test_the_same_seed_finds_the_same(halves, right):
    again, other = (recover_actions(agent_of(Adds(), seed=seed), *halves, (1, 4), num_pairs=80) for seed in (0, 1))
    assert [part.to_json() for part in again] == [part.to_json() for part in right] != [part.to_json() for part in other]


def test_gaps_reach_from_one_step_to_the_planners_horizon_and_not_beyond_the_episodes(halves):
    assert default_gaps(agent_of(Adds()), halves[1]) == (1, 2, 4, 8)
    far = agent_of(Adds())
    far.settings = AgentSettings(planner=replace(far.settings.planner, horizon=100), cost=far.settings.cost)
    assert default_gaps(far, halves[1]) == (1, 5, 10, 20)


def test_progress_is_told_pair_by_pair(halves):
    seen = []
    recover_actions(agent_of(Adds()), *halves, (1, 2), num_pairs=70, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(64, 140), (70, 140), (134, 140), (140, 140)]
    assert np.diff([done for done, _ in seen]).min() > 0
