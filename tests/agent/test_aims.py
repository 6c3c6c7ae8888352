"""Plans as trees, in words and as JSON."""

import json
from dataclasses import replace

import pytest
import torch
from trees import REASONS, aim_of, level_of, plan_of

from telos.agent.aims import aims_of, aims_to_json, tree_to_json
from telos.core.readouts import Knowledge

KNOWLEDGE = Knowledge(world_model=torch.nn.Identity(), levels=(level_of(8, 8, 2), level_of(32, 4, 4)))


def test_where_there_is_one_level_nothing_is_served():
    assert aims_of(None) == () and aims_to_json(None, 0) is None
    assert tree_to_json(plan_of(2), 0, KNOWLEDGE)["aim"] is None


def test_aims_are_found_from_the_lowest_up():
    top = aim_of(2, horizon=3)
    middle = aim_of(2, horizon=5, above=top)
    assert aims_of(middle) == (middle, top)


def test_each_episode_is_told_of_its_own_row():
    middle = aim_of(2, horizon=5, step=(3, 0), helps=(True, False), reason=(0, 1), age=(4, 0), above=aim_of(2, horizon=3))
    first, second = aims_to_json(middle, 0), aims_to_json(middle, 1)
    assert first[0] == {"level": 2, "helps": True, "why": REASONS[0], "subgoal": 4, "of": 5, "age": 4}
    assert second[0] == {"level": 2, "helps": False, "why": REASONS[1], "subgoal": 1, "of": 5, "age": 0}
    assert [told["level"] for told in first] == [2, 3] and first[1]["of"] == 3


def test_steps_since_the_plan_was_made_count():
    told = aims_to_json(aim_of(1, horizon=5, age=(4,), above=aim_of(1, horizon=3, age=(20,))), 0, since=2)
    assert [part["age"] for part in told] == [6, 22]


def test_a_plan_that_is_shifted_has_older_aims():
    plan = replace(plan_of(1), aim=aim_of(1, horizon=5, age=(4,)))
    assert aims_to_json(plan.shift(3).aim, 0)[0]["age"] == 7


@pytest.mark.parametrize("row", [0, 1])
def test_the_whole_tree_is_json(row):
    plan = replace(plan_of(2), aim=aim_of(2, horizon=5, above=aim_of(2, horizon=3)))
    told = json.loads(json.dumps(tree_to_json(plan, row, KNOWLEDGE), allow_nan=False))
    assert (told["level"], told["steps"], len(told["actions"])) == (1, 1, 4)
    second = told["aim"]["plan"]
    assert (second["level"], second["steps"], len(second["actions"])) == (2, 8, 5)
    third = second["aim"]["plan"]
    assert (third["level"], third["steps"], len(third["energies"]), third["aim"]) == (3, 32, 3, None)


def test_states_on_the_way_are_no_plan():
    on_the_way = aim_of(1, horizon=1)
    on_the_way = replace(on_the_way, plan=replace(on_the_way.plan, actions=torch.zeros(1, 1, 0)))
    told = tree_to_json(replace(plan_of(1), aim=on_the_way), 0, Knowledge(world_model=torch.nn.Identity()))
    assert told["aim"]["plan"]["steps"] is None and told["aim"]["subgoal"] == 1
