"""What is taken is what was asked for, under the names that were asked for."""

import dataclasses

import numpy as np
import pytest
from simple_source import COLUMNS, DISCRETE, episode

from telos.core.errors import ConfigError, DataError, UnknownNameError
from telos.core.spaces import DiscreteSpace, PixelSpace, TreeSpace, VectorSpace

EPISODES = [episode(6, 1), episode(3, 2)]


def test_every_column_is_taken_by_its_role_unless_told_otherwise(import_memory):
    result = import_memory(EPISODES)
    names = {"observation/camera": "camera", "observation/position": "arm/position", "action": "target"}
    assert result.columns == {**names, "info/true": "true", "reward": "reward", "time": "stamp"}
    store = result.store
    assert store.spaces.observation == TreeSpace({"camera": PixelSpace(6, 8), "position": VectorSpace(2)})
    for number, rows in enumerate(EPISODES):
        np.testing.assert_array_equal(store.column("observation/camera", number), rows["camera"])
        np.testing.assert_array_equal(store.column("observation/position", number), rows["arm/position"])
        np.testing.assert_array_equal(store.column("action", number)[:-1], rows["target"])
        np.testing.assert_array_equal(store.info("true", number), rows["true"])
        np.testing.assert_array_equal(store.column("time", number)[:, 0], rows["stamp"])
        assert not store.column("action", number)[-1].any() and not store.column("reward", number)[-1].any()
    assert {column.name: column.unit for column in store.manifest.columns}["observation/position"] == "m"
    assert store.metadata["fps"] == 10 and store.metadata["parts"] == {"observation/position": ["x", "y"]}


def test_what_is_named_for_a_role_replaces_that_role_alone(import_memory):
    result = import_memory(EPISODES, columns=("observation=arm/position",))
    assert result.columns == {"observation": "arm/position", "action": "target", "info/true": "true", "reward": "reward", "time": "stamp"}
    assert result.store.spaces.observation == VectorSpace(2)
    (part,) = result.left_out
    assert (part.num, part.what, part.which) == (1, "columns", ("camera",))


def test_columns_can_be_named_and_roles_left_out(import_memory):
    asked = ("observation/eye=camera", "observation/eye2=camera", "info/where=arm/position", "extra=none", "time=none")
    result = import_memory(EPISODES, columns=asked)
    assert result.columns == {"observation/eye": "camera", "observation/eye2": "camera", "info/where": "arm/position", "action": "target"}
    assert set(result.store.spaces.observation.spaces) == {"eye", "eye2"}


def test_a_true_state_counted_per_step_costs_the_last_observation(import_memory):
    result = import_memory(EPISODES, columns=("observation=arm/position", "info=reward", "extra=none"))
    assert result.store.lengths.tolist() == [5, 2]
    np.testing.assert_array_equal(result.store.info("reward", 0)[:, 0], EPISODES[0]["reward"])
    assert any("last observation" in note for note in result.notes)


@pytest.mark.parametrize(
    ("asked", "kind", "words"),
    [
        ("camera", ConfigError, "ROLE=COLUMN"),
        ("picture=camera", ConfigError, "one of observation, action"),
        ("observation=camra", UnknownNameError, "did you mean 'camera'"),
        ("action/x=target", ConfigError, "ROLE=COLUMN"),
        ("observation=none", DataError, "--columns observation=NAME"),
        ("action=none", DataError, "--columns action=NAME"),
        ("action=camera", DataError, "pictures"),
        ("observation/../x=camera", ConfigError, "No column can be called"),
    ],
)
def test_columns_that_cannot_be_taken_are_refused(import_memory, tmp_path, asked, kind, words):
    with pytest.raises(kind, match=words):
        import_memory(EPISODES, columns=(asked,))
    assert not list(tmp_path.glob("*store*")) and not list(tmp_path.glob(".*"))


def test_two_columns_of_one_name_are_told_apart_or_refused(import_memory):
    result = import_memory(EPISODES, columns=("info=true", "info=arm/position"))
    assert {"info/true", "info/position"} <= set(result.columns)
    with pytest.raises(ConfigError, match="Two columns would be called 'info/x'"):
        import_memory(EPISODES, columns=("info/x=true", "info/x=arm/position"))


def test_choices_stay_whole_numbers(import_memory):
    store = import_memory(EPISODES, DISCRETE).store
    assert store.spaces.action == DiscreteSpace(4)
    np.testing.assert_array_equal(store.column("action", 0)[:-1, 0], EPISODES[0]["choice"])


@pytest.mark.parametrize(
    ("asked", "chosen"), [("1:3", [1, 2]), ("3,0", [0, 3]), (":2", [0, 1]), ("2:", [2, 3]), ("0,2:4", [0, 2, 3]), ("", [0, 1, 2, 3])]
)
def test_episodes_are_chosen_by_number(import_memory, asked, chosen):
    result = import_memory([episode(num, num) for num in (2, 3, 4, 5)], episodes=asked)
    assert result.store.lengths.tolist() == [2 + number for number in chosen]
    assert result.store.metadata["import"].get("episodes", [0, 1, 2, 3]) == chosen
    assert sum(part.num for part in result.left_out if part.why == "not chosen") == 4 - len(chosen)


@pytest.mark.parametrize("asked", ["x", "1:2:3", "-1", "1,,2", "0:5", "4", "2:2", "9" * 400])
def test_episodes_that_are_not_there_are_refused(import_memory, asked):
    with pytest.raises((ConfigError, DataError), match="episodes"):
        import_memory([episode(num, num) for num in (2, 3, 4, 5)], episodes=asked)


@pytest.mark.parametrize(
    ("asked", "low", "high"),
    [("auto", (-1.0, -1.0), (1.0, 1.0)), ("-2:3", (-2.0, -2.0), (3.0, 3.0)), ("none", None, None)],
    ids=["auto", "given", "none"],
)
def test_bounds_are_those_of_the_files_or_the_ones_given(import_memory, asked, low, high):
    action = import_memory(EPISODES, bounds=asked).store.spaces.action
    assert (action.low, action.high) == (low, high)


def test_without_bounds_in_the_files_they_are_the_least_and_greatest_logged(import_memory):
    unbounded = dataclasses.replace(COLUMNS[2], space=VectorSpace(2))
    result = import_memory(EPISODES, (COLUMNS[1], unbounded))
    logged = np.concatenate([rows["target"] for rows in EPISODES])
    assert result.store.spaces.action.low == tuple(map(float, logged.min(axis=0)))
    assert result.store.spaces.action.high == tuple(map(float, logged.max(axis=0)))
    assert any("bounds" in note for note in result.notes)


@pytest.mark.parametrize("bounds", ["1:0", "a:b", "1", "nan:1", "0:inf", "1:1"])
def test_bounds_that_are_none_are_refused(import_memory, bounds):
    with pytest.raises(ConfigError, match="bounds"):
        import_memory(EPISODES, bounds=bounds)


def test_everything_that_was_asked_is_in_the_store(import_memory):
    told = import_memory(EPISODES, episodes="0", resize=4, crop="square", environment={"name": "two-rooms", "args": {}}).store
    settings = told.metadata["import"]["settings"]
    assert settings["resize"] == 4 and settings["crop"] == "square" and settings["episodes"] == "0" and settings["missing"] == "split"
    assert told.metadata["import"]["source"]["name"] == "memory" and told.environment == {"name": "two-rooms", "args": {}}
