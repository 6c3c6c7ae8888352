import json
from dataclasses import replace

import pytest
from plane import Adds, Plane, agent_of

from telos.core.run import plain
from telos.core.spaces import Spaces, VectorSpace
from telos.data import Selection
from telos.evaluation.offline import evaluate_offline


@pytest.fixture(scope="module")
def found(halves):
    return evaluate_offline(agent_of(Adds(0.9)), Adds(), *halves, num_pairs=40, num_frames=300)


def test_the_same_seed_tells_the_same(halves, found):
    again, other = (evaluate_offline(agent_of(Adds(0.9), seed=seed), Adds(), *halves, num_pairs=40, num_frames=300) for seed in (0, 1))
    first, second, third = ({**one.to_json(), "plan_cpu_seconds": 0} for one in (found, again, other))
    assert first == second != third


def test_all_of_it_is_json(found):
    told = json.loads(json.dumps(plain(found.to_json()), allow_nan=False))
    assert told["kind"] == "offline" and told["overall"] in ("go", "caution", "no-go")
    assert len(told["action_recovery"]) == 4 and told["pairs"] == 40 and told["seed"] == 0
    assert {"prediction", "nothing_moves", "relative", "mean_frame", "other_actions", "untrained"} <= set(told["open_loop"])


def test_what_cannot_be_shown_is_said(found):
    assert "carried out" in found.not_shown[0]
    assert any("telos data curve" in sentence for sentence in found.not_shown)


def test_with_a_learning_curve_there_is_a_verdict_in_place_of_the_sentence(halves):
    curve = {"state": "levelled off", "says": "It has levelled off.", "doubling": None}
    found = evaluate_offline(agent_of(Adds()), Adds(), *halves, num_pairs=10, num_frames=300, curve=curve)
    assert found.verdicts[-1].says == "It has levelled off."
    assert not any("telos data curve" in sentence for sentence in found.not_shown)


def test_actions_that_cannot_be_planned_are_judged_as_far_as_possible(halves):
    model = Adds()
    model.spaces = Spaces(Plane().spaces.observation, VectorSpace(2))
    found = evaluate_offline(agent_of(model), Adds(), *halves, num_pairs=10, num_frames=300)
    assert found.recovery == () and "recovers-actions" not in {verdict.name for verdict in found.verdicts}
    assert any("cannot search" in sentence for sentence in found.not_shown)


def test_two_episodes_will_do_and_give_no_intervals(halves):
    training, held_out = (Selection(half, [0]) for half in halves)
    found = evaluate_offline(agent_of(Adds()), Adds(), training, held_out, num_pairs=10, num_frames=300)
    told = plain(found.to_json())
    assert told["action_recovery"][0]["contestants"]["planned"]["error"]["low"] is None
    assert {verdict.name: verdict.level for verdict in found.verdicts}["held-out"] == "no-go"
    json.dumps(told, allow_nan=False)


def test_it_leaves_the_agents_planner_as_it_was(halves):
    agent = agent_of(Adds())
    before = replace(agent.settings)
    evaluate_offline(agent, Adds(), *halves, num_pairs=10, num_frames=300)
    assert agent.settings == before
