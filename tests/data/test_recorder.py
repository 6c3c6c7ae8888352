"""What is noticed about pictures while they are logged."""

import sys
from pathlib import Path

import numpy as np
import pytest

from telos.core.errors import DataError
from telos.core.spaces import PixelSpace, Spaces, TreeSpace, VectorSpace
from telos.data import HeldRandomActions, collect
from telos.data.recorder import PictureWatch
from telos.envs import make_vector_env

sys.path.append(str(Path(__file__).parents[1] / "envs"))
ACTION = VectorSpace(2, (-1.0, -1.0), (1.0, 1.0))
CAMERA = Spaces(PixelSpace(12, 12), ACTION)


def clip(num: int = 11) -> np.ndarray:
    """A dark picture with a bright dot that wanders, off the pixels that are looked at first."""
    frames = np.full((num, 12, 12, 3), 30, np.uint8)
    frames[np.arange(num), 3, 1 + np.arange(num) % 7] = 200
    return frames


def watched(frames, actions=None, state=None, spaces: Spaces = CAMERA) -> PictureWatch:
    watch = PictureWatch(spaces)
    num = len(next(iter(frames.values())) if isinstance(frames, dict) else frames) - 1
    watch.add(frames, np.ones((num, 2)) if actions is None else actions, state or {})
    return watch


def test_pictures_in_order_raise_no_doubts():
    watch = watched(clip(), state={"position": np.arange(11.0)})
    assert watch.problems() == []
    assert vars(watch.tallies[""]) == {"frames": 11, "blank": 0, "moves": 10, "frozen": 0}


def test_pictures_of_one_colour_are_counted():
    frames = clip(20)
    frames[3:13] = (10, 20, 30)
    watch = watched(frames)
    assert watch.tallies[""].blank == 10
    assert "50 % of the pictures are of a single colour" in watch.problems()[0]


def test_pictures_that_stay_as_they_were_are_counted_where_something_moved():
    frames = clip()
    frames[4:] = frames[4]
    watch = watched(frames, state={"position": np.arange(11.0)})
    assert watch.tallies[""].frozen == 6
    assert "60 % of the steps that changed something left the picture as it was" in watch.problems()[0]


def test_standing_still_is_nothing_odd():
    frames = np.repeat(clip(1), 11, axis=0)
    assert watched(frames, actions=np.zeros((10, 2))).problems() == []
    assert watched(frames, state={"position": np.ones((11, 2))}).problems() == []
    assert watched(frames, actions=np.ones((10, 1), np.int64), state={"position": np.ones(11)}).problems() == []


def test_each_camera_is_watched_by_itself():
    spaces = Spaces(TreeSpace({"left": PixelSpace(12, 12), "right": PixelSpace(12, 12), "speed": VectorSpace(1)}), ACTION)
    frames = {"left": clip(), "right": np.repeat(clip(1), 11, axis=0), "speed": np.zeros((11, 1), np.float32)}
    (problem,) = watched(frames, spaces=spaces).problems()
    assert problem.startswith("camera 'right':")
    with pytest.raises(DataError, match="of the camera 'left'"):
        PictureWatch(spaces).check_first({**frames, "left": np.zeros((1, 5, 12, 12, 3), np.uint8)})


def test_numbers_are_not_watched():
    watch = watched(np.zeros((5, 3), np.float32), spaces=Spaces(VectorSpace(3), ACTION))
    assert watch.to_json() == {"problems": [], "pictures": {}}


def collected(path, name: str, steps: int = 12):
    env = make_vector_env(f"gym:toy_environments:toys/{name}-v0", 3, max_steps=steps, pixels=8)
    return collect(env, HeldRandomActions(), path, episodes=4, steps=steps, seed=0, spaces=env.world.spaces)


def test_a_renderer_that_shows_nothing_is_told_at_once(tmp_path):
    with pytest.raises(DataError, match="black") as refused:
        collected(tmp_path / "logs", "Dark")
    assert "SDL_VIDEODRIVER" in refused.value.fix
    assert not list(tmp_path.iterdir())


def test_a_renderer_that_hangs_is_told_in_the_store(tmp_path):
    logs = collected(tmp_path / "logs", "Stuck")
    assert "left the picture as it was" in logs.metadata["problems"][0]
    assert logs.metadata["pictures"]["observation"]["frozen"] == logs.metadata["pictures"]["observation"]["moves"] > 0


def test_watching_changes_nothing_about_the_data(tmp_path):
    logs = collected(tmp_path / "logs", "Climber")
    assert logs.metadata["pictures"]["observation"]["frames"] == logs.num_steps + 4
    assert logs.fingerprint == collected(tmp_path / "again", "Climber").fingerprint
