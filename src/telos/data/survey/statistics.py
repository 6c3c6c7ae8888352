"""A few numbers for each episode, by which odd ones stand out."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from telos.core.spaces import DiscreteSpace
from telos.data.base import AbstractEpisodes
from telos.data.manifest import INFO, leaf_spaces
from telos.data.survey.features import Scale, leaves

CLOCKS = ("timestamp", "timestamps", "time", "times")
"""Last parts of the names of columns that count seconds."""
LATE = 1.5
"""A frame is late if so many usual intervals have passed since the one before."""
FRAMES_AT_ONCE = 256


@dataclass(frozen=True)
class Statistic:
    """One number of every episode."""

    name: str
    says: str
    """What it measures, as it stands in a sentence: `the largest change from one frame to the next`."""
    values: np.ndarray
    """`[episodes]`"""
    times: np.ndarray | None = None
    """`[episodes]`: the step at which it happened, where that means something."""
    unit: str = ""


def episode_statistics(logs: AbstractEpisodes, scale: Scale, progress: Callable[[int, int], None] = lambda done, total: None) -> list[Statistic]:
    """Reads every episode once.

    Args:
        scale: of the features by which changes between frames are measured.
        progress: called with the episodes that are through, and all.
    """
    rows = []
    for index in range(logs.num_episodes):
        rows.append({**_frame_statistics(logs, index, scale), **_action_statistics(logs, index)})
        progress(index + 1, logs.num_episodes)
    table = {name: np.array([row[name] for row in rows], dtype=np.float64) for name in rows[0]}
    found = [
        Statistic("length", "the length", logs.lengths.astype(np.float64), unit="steps"),
        Statistic("pace", "the mean change from one frame to the next", table["pace"]),
        Statistic("jump", "the largest change from one frame to the next", table["jump"], table["jump_at"]),
        Statistic("still", "the longest stretch of equal frames", table["still"], table["still_at"], "steps"),
        Statistic("unlike", "the distance of its mean frame from that of all frames", table["unlike"]),
    ]
    if "brightness" in table:
        found += [
            Statistic("brightness", "the mean brightness", table["brightness"], unit="of 255"),
            Statistic("contrast", "the mean contrast within a frame", table["contrast"], unit="of 255"),
        ]
    if "effort" in table:
        found += [
            Statistic("effort", "the mean size of the actions", table["effort"]),
            Statistic("jerk", "the mean change from one action to the next", table["jerk"]),
        ]
    return [*found, *_clock_statistics(logs)]


def _frame_statistics(logs: AbstractEpisodes, index: int, scale: Scale) -> dict[str, float]:
    """Of the observations, some frames at a time, since pictures may be large."""
    observations = logs.episode(index).observations
    parts = leaves(observations)
    num = len(parts[0])
    changes, equal, sums, light, contrast = [], [], [], [], []
    for start in range(0, num, FRAMES_AT_ONCE):
        # One frame more than are new, so that no change between two pieces is lost.
        piece = slice(max(0, start - 1), start + FRAMES_AT_ONCE)
        cut = {name: leaf[piece] for name, leaf in observations.items()} if isinstance(observations, dict) else observations[piece]
        features = scale.features(cut)
        changes.append(np.linalg.norm(np.diff(features, axis=0), axis=1))
        equal.append(np.all([(leaf[1:] == leaf[:-1]).reshape(len(leaf) - 1, -1).all(axis=1) for leaf in leaves(cut)], axis=0))
        sums.append(features[1 if start else 0 :].sum(axis=0))
        for leaf in leaves(cut):
            if leaf.ndim == 4:
                flat = leaf[1 if start else 0 :].reshape(-1, leaf[0].size)
                light.append(flat.mean(axis=1, dtype=np.float64))
                contrast.append(flat.std(axis=1, dtype=np.float64))
    steps, same = np.concatenate(changes), np.concatenate(equal)
    run, run_at = _longest_run(same)
    found = {
        "pace": float(steps.mean()),
        "jump": float(steps.max()),
        "jump_at": float(steps.argmax()),
        "still": float(run),
        "still_at": float(run_at),
        "unlike": float(np.linalg.norm(np.sum(sums, axis=0) / num)),
    }
    if light:
        found |= {"brightness": float(np.concatenate(light).mean()), "contrast": float(np.concatenate(contrast).mean())}
    return found


def _action_statistics(logs: AbstractEpisodes, index: int) -> dict[str, float]:
    if isinstance(logs.spaces.action, DiscreteSpace):
        return {}
    actions = logs.column("action", index)[:-1].astype(np.float64)
    spread = np.array(logs.moments("action").std)
    units = actions / np.where(spread > 1e-12, spread, 1.0)
    jerk = float(np.linalg.norm(np.diff(units, axis=0), axis=1).mean()) if len(units) > 1 else 0.0
    return {"effort": float(np.linalg.norm(units, axis=1).mean()), "jerk": jerk}


def _clock_statistics(logs: AbstractEpisodes) -> list[Statistic]:
    """The largest interval between two frames, for each column that counts seconds."""
    found = []
    for name in logs.column_names:
        if name in leaf_spaces(logs.spaces) or name.rpartition("/")[2].removeprefix(INFO) not in CLOCKS or logs.column(name, 0)[0].size != 1:
            continue
        intervals = [np.diff(logs.column(name, index).reshape(-1).astype(np.float64)) for index in range(logs.num_episodes)]
        largest = np.array([part.max() for part in intervals])
        found.append(
            Statistic("gap", f"the longest time between two frames ('{name}')", largest, np.array([part.argmax() for part in intervals]), "s")
        )
        least = np.array([part.min() for part in intervals])
        found.append(
            Statistic("backwards", f"the shortest time between two frames ('{name}')", least, np.array([part.argmin() for part in intervals]), "s")
        )
    return found


def _longest_run(flags: np.ndarray) -> tuple[int, int]:
    """How long the longest run of True is, and where it begins."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(int)))
    if not len(edges):
        return 0, 0
    starts, lengths = edges[::2], edges[1::2] - edges[::2]
    longest = int(lengths.argmax())
    return int(lengths[longest]), int(starts[longest])
