"""Goals that are shown: a picture, an array of readings, or a frame of a store."""

from pathlib import Path
from typing import Any

import numpy as np

from telos.agent.tasks import ReachGoal
from telos.core.errors import ConfigError, DataError, MissingExtraError
from telos.core.logs import map_tree
from telos.data import Episodes

GOAL_KEYS = ("image", "data", "episode", "frame")
"""Settings of a goal that is shown."""


def shown_goal(table: dict[str, Any], folder: Path) -> ReachGoal:
    """`{image: "goal.png"}` (or `.npy`), or `{data: "logs/two-rooms", episode: 3, frame: 20}`; paths are relative to `folder`.

    Raises:
        ConfigError: settings are missing, or too many.
        DataError: there is no such picture, or no such frame.
    """
    given = set(table)
    if given == {"image"} and isinstance(table["image"], str):
        return ReachGoal(_picture(folder / table["image"]))
    if given == {"data", "episode", "frame"} and isinstance(table["data"], str) and all(type(table[name]) is int for name in ("episode", "frame")):
        return _frame(folder / table["data"], table["episode"], table["frame"])
    raise ConfigError(
        f"A goal that is shown cannot be given by {', '.join(f'{name} = {table[name]!r}' for name in sorted(given))}.",
        expected='image = "goal.png" (or .npy) alone; or data = "logs/two-rooms", episode = 3 and frame = 20',
    )


def _picture(path: Path) -> np.ndarray:
    if not path.is_file():
        raise DataError(f"There is no picture {path}.", fix="give its path, relative to the task's file")
    if path.suffix == ".npy":
        try:
            return np.load(path, allow_pickle=False)
        except (ValueError, OSError) as error:
            raise DataError(f"{path} is no array: {error}.", expected="what numpy.save writes") from error
    try:
        from PIL import Image
    except ImportError as error:
        raise MissingExtraError.of("pillow", extra="formats", purpose=f"Reading {path.name}") from error
    try:
        with Image.open(path) as picture:
            return np.array(picture.convert("L" if picture.mode == "L" else "RGB"))
    except Exception as error:
        raise DataError(f"{path} cannot be read: {error}.", expected="a PNG or JPEG of the size that the model sees, or a .npy") from error


def _frame(path: Path, episode: int, frame: int) -> ReachGoal:
    logs = Episodes.open(path)
    if not 0 <= episode < logs.num_episodes:
        raise DataError(f"{path} has no episode {episode}.", expected=f"0 to {logs.num_episodes - 1}")
    whole = logs.episode(episode)
    num_frames = len(whole.actions) + 1
    if not 0 <= frame < num_frames:
        raise DataError(f"Episode {episode} of {path} has no frame {frame}.", expected=f"0 to {num_frames - 1}")
    truth = {name: np.array(logs.info(name, episode)[frame : frame + 1]) for name in logs.info_names}
    return ReachGoal(map_tree(lambda leaf: np.array(leaf[frame]), whole.observations), truth or None)
