"""`telos data import`: shows what it found, copies it, and says what it left out."""

import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from verbs import fine, refusal, telos

from telos.data import Episodes

sys.path.insert(0, str(Path(__file__).parents[1] / "data" / "formats"))
from layouts import LAYOUTS, happen, write_robomimic


@pytest.fixture
def source(tmp_path):
    """Five demonstrations; there is a NaN in the second."""
    path = write_robomimic(tmp_path / "demo.hdf5", happen((7, 3, 12, 5, 9)))
    with h5py.File(path, "r+") as file:
        file["data/demo_1/actions"][1] = np.nan
    return path


def test_what_was_found_is_shown_before_it_is_copied_and_what_was_left_out_after(source, tmp_path):
    answer = fine("data", "import", source, "--out", tmp_path / "logs", "--resize", 8)
    assert "demo.hdf5: robomimic, 5 episodes, 36 steps" in answer.err
    for words in ("obs/camera", "a picture of 10 x 12 with 3 channels", "observation/camera", "a vector of 2 numbers"):
        assert words in answer.err
    assert "logs: 4 episodes, 33 steps" in answer.out
    assert "1 episodes" in answer.out and "'actions' holds NaN or infinite values (1)" in answer.out
    assert "10 x 12 to 8 x 8 pixels, squeezed" in answer.out and "telos train" in answer.err
    assert Episodes.open(tmp_path / "logs", verify=True).lengths.tolist() == [7, 12, 5, 9]


def test_a_dry_run_shows_and_stops(source, tmp_path):
    shown = fine("data", "import", source, "--dry-run")
    assert "5 episodes, 36 steps" in shown.out and "observation/joints" in shown.out
    told = fine("data", "import", source, "--dry-run", "--json", "--columns", "observation=obs/camera").json
    assert (told["format"], told["episodes"], told["steps"], told["fps"]) == ("robomimic", 5, 36, None)
    assert told["columns"]["obs/camera"]["becomes"] == "observation" and told["columns"]["obs/joints"]["becomes"] is None
    assert [path.name for path in tmp_path.iterdir()] == ["demo.hdf5"]


def test_json_tells_all_of_it(source, tmp_path):
    columns = ("observation=obs/camera", "action=actions", "info/state=states", "extra=none")
    told = fine("data", "import", source, "--out", tmp_path / "logs", "--json", "--columns", *columns, "--episodes", "1:4").json
    assert (told["episodes"], told["steps"], told["resumed"]) == (2, 11 + 4, 0)
    assert told["columns"] == {"observation": "obs/camera", "action": "actions", "info/state": "states"}
    assert {(part["num"], part["what"], part["why"]) for part in told["left_out"]} == {
        (3, "columns", "not taken"),
        (2, "episodes", "not chosen"),
        (1, "episodes", "'actions' holds NaN or infinite values"),
    }


def test_the_same_command_again_has_nothing_to_do(source, tmp_path):
    fine("data", "import", source, "--out", tmp_path / "logs")
    before = Episodes.open(tmp_path / "logs").fingerprint
    assert "from an earlier attempt" in fine("data", "import", source, "--out", tmp_path / "logs").out
    assert "not empty" in refusal("data", "import", source, "--out", tmp_path / "logs", "--resize", 8)
    assert Episodes.open(tmp_path / "logs", verify=True).fingerprint == before


@pytest.mark.parametrize("name", LAYOUTS)
def test_every_layout_is_imported_by_name_and_without(name, tmp_path):
    layout = LAYOUTS[name]
    path = layout.write(tmp_path / layout.file, happen())
    for number, options in enumerate(([], ["--format", layout.format])):
        told = fine("data", "import", path, "--out", tmp_path / f"logs-{number}", "--json", *options).json
        assert (told["format"], told["episodes"], told["steps"]) == (layout.format, 4, 27)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--stride", 2], "nobody said what becomes"),
        (["--stride", 0], "leaves nothing"),
        (["--fps", 5, "--combine", "last"], "does not say how many frames"),
        (["--fps", "nan"], "leaves nothing"),
        (["--resize", 11], "10 x 12 pixels"),
        (["--columns", "observation=obs/camra"], "did you mean 'obs/camera'"),
        (["--columns", "obs/camera"], "ROLE=COLUMN"),
        (["--episodes", "5:9"], "There are no episodes"),
        (["--episodes", "all"], "names no episodes"),
        (["--relative-to", "obs/joints"], "as many numbers"),
        (["--bounds", "1"], "no bounds"),
        (["--format", "robomimick"], "did you mean 'robomimic'"),
        (["--format", "zarr"], "demo.hdf5"),
        (["--format", "npz"], "demo.hdf5"),
        (["--format", "ogbench"], "demo.hdf5"),
        (["--format", "stable-worldmodel"], "demo.hdf5"),
        (["--threads", 0], "0 readers"),
    ],
)
def test_what_cannot_be_imported_is_refused_and_leaves_nothing(source, tmp_path, options, words):
    assert words in refusal("data", "import", source, "--out", tmp_path / "logs", *options)
    assert [path.name for path in tmp_path.iterdir()] == ["demo.hdf5"]


def test_a_bad_episode_can_be_refused(source, tmp_path):
    answer = telos("data", "import", source, "--out", tmp_path / "logs", "--bad", "refuse")
    assert answer.code == 2 and "error: Episode 1 cannot be taken: 'actions' holds NaN" in answer.err
    assert [path.name for path in tmp_path.iterdir()] == ["demo.hdf5"]


def test_a_place_is_asked_for(source):
    assert "--out DIR" in refusal("data", "import", source)
    assert "There is nothing at" in refusal("data", "import", "nowhere.hdf5", "--out", "logs")
