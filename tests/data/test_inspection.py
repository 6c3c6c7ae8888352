"""What inspection finds, and what it leaves in peace."""

import builtins
import json

import numpy as np
import pytest
from data_worlds import ACTION, PIXELS, TREE, VECTOR, sample, write_store

from telos.core.errors import DataError, MissingExtraError
from telos.core.spaces import PixelSpace, Spaces, VectorSpace
from telos.data import EpisodeWriter, Selection, contact_sheet, inspect_store


def write(path, episodes, spaces=PIXELS, **columns):
    with EpisodeWriter(path, spaces) as writer:
        for observations, actions in episodes:
            writer.add(observations, actions, **columns)
    return path


def episode(seed=0, length=6, spaces=PIXELS):
    rng = np.random.default_rng(seed)
    return sample(spaces.observation, length + 1, rng), sample(spaces.action, length, rng)


@pytest.mark.parametrize("spaces", [PIXELS, VECTOR, TREE])
@pytest.mark.parametrize("quick", [False, True])
def test_finds_nothing_wrong_with_good_logs(tmp_path, spaces, quick):
    store = write_store(tmp_path / "store", spaces, lengths=[9, 5, 7] * 15, environment={"name": "x", "args": {}}, units={"action": "m/s"})
    found = inspect_store(tmp_path / "store", quick=quick)
    assert found.problems == []
    assert (found.episodes, found.steps, found.shortest, found.longest, found.median_length) == (45, 315, 5, 9, 7)
    assert found.inspected == (32 if quick else 45)
    assert set(found.columns) == set(store.column_names)
    assert found.columns["action"].unit == "m/s"
    assert json.loads(json.dumps(found.to_json()))["environment"] == {"name": "x", "args": {}}


def test_statistics_are_right_and_leave_the_padding_out(tmp_path):
    actions = np.array([[0.5, 0.25], [0.75, 1.0]])
    found = inspect_store(write(tmp_path / "store", [(episode(length=2)[0], actions)])).columns["action"]
    assert (found.shape, found.dtype, found.low, found.high, found.mean) == ((2,), "float32", 0.25, 1.0, 0.625)


def test_names_the_damaged_file(tmp_path):
    path = write(tmp_path / "store", [episode()])
    file = path / "01-observation.bin"
    content = file.read_bytes()
    file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    assert inspect_store(path, quick=True).problems == []
    assert any(file.name in problem for problem in inspect_store(path).problems)
    file.write_bytes(content[:-1])
    for quick in (True, False):
        found = inspect_store(path, quick=quick)
        assert found.episodes == 0
        assert file.name in found.problems[0]
    with pytest.raises(DataError, match="There is no store"):
        inspect_store(tmp_path / "nowhere")


def test_counts_numbers_that_are_none(tmp_path):
    observations, actions = episode(length=4)
    reward = np.array([1.0, np.nan, np.inf, 2.0])
    path = write(tmp_path / "store", [(observations, actions)], extra={"reward": reward, "lost": np.full(5, np.nan)})
    found = inspect_store(path)
    assert any("'reward' holds 2 values" in problem for problem in found.problems)
    assert any("'lost' holds 5 values" in problem for problem in found.problems)
    assert (found.columns["reward"].low, found.columns["reward"].high, found.columns["lost"].low) == (0.0, 2.0, None)
    assert found.columns["reward"].mean == pytest.approx(1.0)
    json.dumps(found.to_json(), allow_nan=False)


def test_finds_dead_columns(tmp_path):
    spaces = Spaces(VectorSpace(3), ACTION)
    observations, actions = episode(spaces=spaces)
    observations[:, 1] = 7
    problems = inspect_store(write(tmp_path / "one", [(observations, actions)], spaces)).problems
    assert problems == ["1 of the 3 numbers of 'observation' never change in the whole store: 1."]
    problems = inspect_store(write(tmp_path / "two", [(observations, actions * 0)], spaces)).problems
    assert "The column 'action' is 0 everywhere in the whole store." in problems


def test_finds_frozen_black_and_repeated_episodes(tmp_path):
    good, frozen, black = episode(0), episode(1), episode(2)
    frozen[0][:] = frozen[0][:1]
    black[0][3] = 0
    problems = inspect_store(write(tmp_path / "store", [good, frozen, black, good])).problems
    assert [problem for problem in problems if "episode 1:" in problem and "equal the one before" in problem]
    assert [problem for problem in problems if "black" in problem and "episode 2" in problem]
    assert [problem for problem in problems if "twice" in problem and "episode 3" in problem]
    assert len(problems) == 3


def test_finds_actions_outside_of_their_bounds(tmp_path):
    observations, actions = episode()
    actions[0] = 3
    assert any(
        "outside of their bounds -1 to 1" in problem for problem in inspect_store(write(tmp_path / "store", [(observations, actions)])).problems
    )


@pytest.mark.parametrize("spaces", [PIXELS, VECTOR, TREE, Spaces(PixelSpace(8, 12, 1), VectorSpace(9)), Spaces(VectorSpace(20), ACTION)])
def test_a_contact_sheet_is_a_picture(tmp_path, spaces):
    pytest.importorskip("matplotlib")
    store = write_store(tmp_path / "store", spaces, lengths=(30, 1, 12))
    for logs in (store, Selection(store, [1])):
        out = contact_sheet(logs, tmp_path / "sheet.png", episodes=3, frames=5)
        assert out.read_bytes().startswith(b"\x89PNG")
    with pytest.raises(DataError, match="cannot be written"):
        contact_sheet(store, tmp_path / "nowhere" / "sheet.png")
    assert not list(tmp_path.glob(".*"))


def test_a_contact_sheet_without_matplotlib_says_what_to_install(tmp_path, monkeypatch):
    load = builtins.__import__

    def without(name, *args, **kwargs):
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return load(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtraError, match="report"):
        contact_sheet(write_store(tmp_path / "store"), tmp_path / "sheet.png")
