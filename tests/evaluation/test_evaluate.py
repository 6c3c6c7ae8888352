import json

import pytest
from plane import Adds, Plane, agent_of

from telos.core import config
from telos.core.errors import SpaceError
from telos.envs import TwoRooms
from telos.evaluation import evaluate, make_protocol


def evaluation_of(model, *, seed: int = 0, episodes: int = 12, progress=None, offset=None, logs=None):
    protocol = make_protocol(Plane(), None, episodes=episodes, offset=offset, seed=seed)
    return evaluate(agent_of(model), Plane(), protocol, progress, logs)


@pytest.fixture(scope="module")
def result():
    return evaluation_of(Adds(gain=1.0)).to_json()


def test_an_agent_that_knows_the_world_is_as_good_as_the_expert_and_far_above_the_floors(result):
    assert result["success"] >= 0.9 and result["floors"]["scripted"]["success"] == 1
    assert result["floors"]["zero"]["success"] == 0 and result["floors"]["random"]["success"] < 0.5


def test_an_agent_that_believes_that_nothing_moves_is_no_better_than_chance():
    assert evaluation_of(Adds(gain=0.0)).to_json()["success"] < 0.3


def test_the_result_has_all_that_was_promised(result):
    assert {"success", "success_low", "success_high", "success_any", "episodes", "floors", "plan_cpu_seconds", "protocol_hash", "seed"} <= set(result)
    assert result["episodes"] == 12 and result["seed"] == 0 and result["plan_cpu_seconds"] > 0
    for floor in result["floors"].values():
        assert {"success", "success_low", "success_high", "success_any"} <= set(floor)
    assert result["planner"]["class"].endswith(":MPPI") and result["versions"]["telos"]
    assert config.from_json(result["protocol"]).episodes == 12


def test_differences_are_paired_and_lie_within_their_intervals(result):
    for name, difference in result["differences"].items():
        assert difference["difference"] == pytest.approx(result["success"] - result["floors"][name]["success"])
        assert difference["low"] <= difference["difference"] <= difference["high"] or abs(difference["difference"]) == 1


def test_run_again_it_gives_the_same_numbers_but_for_the_time_that_plans_took(result):
    again = evaluation_of(Adds(gain=1.0)).to_json()
    ours, theirs = ({key: value for key, value in part.items() if key != "plan_cpu_seconds"} for part in (result, again))
    assert json.dumps(ours) == json.dumps(theirs)


def test_another_seed_plays_other_episodes(result):
    assert evaluation_of(Adds(gain=1.0), seed=1).to_json()["protocol_hash"] != result["protocol_hash"]


def test_the_result_is_json_even_where_nobody_succeeded():
    told = evaluation_of(Adds(gain=-1.0)).to_json()
    assert told["success"] == 0 and told["steps"] is None
    json.dumps(told, allow_nan=False)


def test_offsets_say_where_they_were_cut_from_and_the_hash_knows_the_logs(walks):
    cut = evaluation_of(Adds(), offset=10, episodes=4, logs=walks).to_json()
    fresh = evaluation_of(Adds(), offset=10, episodes=4).to_json()
    assert cut["pairs_from"] == "held-out episodes" and fresh["pairs_from"] == "fresh random wandering"
    assert cut["protocol_hash"] != fresh["protocol_hash"]


def test_everybody_reports_progress_to_the_end():
    told = {}
    evaluation_of(Adds(), episodes=5, progress=lambda name, done, total: told.__setitem__(name, (done, total)))
    assert told == dict.fromkeys(("agent", "random", "scripted", "zero"), (5, 5))


def test_an_agent_of_another_world_is_refused_before_anybody_plays():
    protocol = make_protocol(TwoRooms(), None, episodes=2, offset=None, seed=0)
    with pytest.raises(SpaceError, match="this world has a picture of 32 x 32"):
        evaluate(agent_of(Adds()), TwoRooms(), protocol)
