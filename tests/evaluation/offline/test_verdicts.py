import json

import logs_with_flaws as flaws
import pytest
from plane import Adds, agent_of

from telos.data import Selection, split
from telos.evaluation.offline import evaluate_offline
from telos.evaluation.offline.verdict import LEVELS, overall
from telos.evaluation.offline.verdicts import enough_logs, held_out_counts


def levels(logs, model=None, share=0.5):
    found = evaluate_offline(agent_of(model or Adds()), Adds(0.3), *split(logs, share, 0), num_pairs=60, num_frames=300)
    return {verdict.name: verdict.level for verdict in found.verdicts}


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    return flaws.write(tmp_path_factory.mktemp("sound") / "logs", flaws.sound())


def test_sound_logs_and_a_model_that_is_right_are_a_go_throughout(sound):
    assert set(levels(sound).values()) == {"go"}


@pytest.mark.parametrize(
    ("episodes", "expected"),
    [
        (flaws.shuffled, {"actions-show": "no-go", "recovers-actions": "no-go", "hears-actions": "no-go", "range-used": "go"}),
        (flaws.habitual, {"actions-vary": "no-go", "actions-show": "go"}),
        (flaws.stubborn, {"actions-vary": "caution", "actions-show": "go"}),
        (flaws.lame, {"range-used": "caution", "actions-show": "go"}),
        (flaws.timid, {"range-used": "caution"}),
    ],
    ids=["shuffled", "habitual", "stubborn", "lame", "timid"],
)
def test_each_flaw_of_logs_is_found_where_it_lies(tmp_path, episodes, expected):
    found = levels(flaws.write(tmp_path / "logs", episodes()))
    assert {name: found[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (Adds(gain=0), {"sees-ahead": "no-go", "hears-actions": "no-go", "recovers-actions": "no-go", "actions-show": "go"}),
        (Adds(gain=-1), {"sees-ahead": "no-go", "recovers-actions": "no-go", "actions-show": "go"}),
        (Adds(gain=0.2), {"sees-ahead": "caution", "hears-actions": "caution"}),
        (Adds(encode=lambda position: 0 * position), {"latents-live": "no-go", "actions-show": "go"}),
    ],
    ids=["nothing moves", "mirrored", "hard of hearing", "collapsed"],
)
def test_each_flaw_of_a_model_is_found_where_it_lies(sound, model, expected):
    found = levels(sound, model)
    assert {name: found[name] for name in expected} == expected


def test_episodes_unlike_those_of_training_are_told(sound, tmp_path):
    far = flaws.write(tmp_path / "far", [(places + 5, actions) for places, actions in flaws.sound(20, seed=1)])
    found = evaluate_offline(agent_of(Adds()), Adds(), Selection(sound, range(20)), Selection(far, range(20)), num_pairs=20, num_frames=300)
    assert {verdict.name: verdict.level for verdict in found.verdicts}["familiar"] == "no-go"


def test_copies_of_training_episodes_spoil_the_evaluation(tmp_path):
    logs = flaws.write(tmp_path / "logs", [*flaws.sound(20), *flaws.sound(20)])
    found = evaluate_offline(agent_of(Adds()), Adds(), Selection(logs, range(20)), Selection(logs, range(20, 40)), num_pairs=20, num_frames=300)
    (verdict,) = (verdict for verdict in found.verdicts if verdict.name == "held-out")
    assert verdict.level == "no-go" and "20 also lie among the training episodes" in verdict.says


@pytest.mark.parametrize(("episodes", "copies", "level"), [(20, 0, "go"), (19, 0, "caution"), (2, 0, "caution"), (1, 0, "no-go"), (50, 1, "no-go")])
def test_few_or_known_episodes_are_no_witnesses(episodes, copies, level):
    assert held_out_counts(episodes, copies).level == level


@pytest.mark.parametrize(("state", "level"), [("levelled off", "go"), ("still falling", "caution"), ("cannot be told", "caution")])
def test_a_learning_curve_has_a_verdict_too(state, level):
    assert enough_logs({"state": state, "says": "…", "doubling": None}).level == level


def test_the_worst_verdict_counts(sound):
    found = evaluate_offline(agent_of(Adds(gain=0)), Adds(), *split(sound, 0.5, 0), num_pairs=20, num_frames=300)
    assert found.overall == "no-go" == overall(found.verdicts)
    assert [overall([verdict]) for verdict in found.verdicts] == [verdict.level for verdict in found.verdicts]
    assert LEVELS == ("go", "caution", "no-go")


def test_every_verdict_comes_with_its_numbers_and_its_rule(sound):
    found = evaluate_offline(agent_of(Adds()), Adds(), *split(sound, 0.5, 0), num_pairs=20, num_frames=300)
    for verdict in found.verdicts:
        told = verdict.to_json()
        assert told["question"].endswith("?") and any(letter.isdigit() for letter in told["says"])
        assert {"go", "no-go"} & set(told["rule"].replace(",", " ").replace(";", " ").split()) and told["numbers"]
        json.dumps(told)
