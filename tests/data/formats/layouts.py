"""Writes logs in other people's layouts, from the published descriptions alone: nothing of Telos is used here."""

import json
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import h5py
import hdf5_layouts
import numpy as np
import robot_layouts


@dataclass(frozen=True)
class Logged:
    """One episode as it happened: an observation more than actions."""

    pictures: np.ndarray
    """`[time+1 height width 3]`"""
    joints: np.ndarray
    """`[time+1 4]`, float32"""
    actions: np.ndarray
    """`[time 2]`, float32"""
    state: np.ndarray
    """`[time+1 3]`, float64"""
    rewards: np.ndarray
    """`[time]`"""

    @property
    def num_steps(self) -> int:
        return len(self.actions)


def happen(lengths: Sequence[int] = (7, 3, 12, 5), size: tuple[int, int] = (10, 12), seed: int = 0) -> list[Logged]:
    """Episodes of such lengths, of random numbers."""
    rng = np.random.default_rng(seed)
    return [
        Logged(
            rng.integers(0, 256, (num + 1, *size, 3), dtype=np.uint8),
            rng.normal(size=(num + 1, 4)).astype(np.float32),
            rng.uniform(-1, 1, (num, 2)).astype(np.float32),
            rng.normal(size=(num + 1, 3)),
            rng.normal(size=num),
        )
        for num in lengths
    ]


def write_robomimic(path: Path, logs: Sequence[Logged], *, next_obs: bool = True, packed: bool = False) -> Path:
    """`data/demo_i` with `num_samples` rows of everything; what was seen after the last action is in `next_obs` alone."""
    options = {"compression": "gzip", "compression_opts": 1} if packed else {}
    with h5py.File(path, "w") as file:
        data = file.create_group("data")
        data.attrs["total"] = sum(log.num_steps for log in logs)
        data.attrs["env_args"] = json.dumps({"env_name": "Lift", "env_type": 1, "env_kwargs": {}})
        for number, log in enumerate(logs):
            demo = data.create_group(f"demo_{number}")
            # Without next_obs, a recording has as many observations as actions: the last action leads nowhere.
            actions = log.actions if next_obs else np.append(log.actions, [[9, 9]], axis=0).astype(np.float32)
            rows = len(actions)
            demo.attrs["num_samples"] = rows
            demo.create_dataset("actions", data=actions)
            demo.create_dataset("rewards", data=log.rewards if next_obs else np.append(log.rewards, 9))
            demo.create_dataset("dones", data=(np.arange(rows) == rows - 1).astype(int))
            demo.create_dataset("states", data=log.state[:rows])
            for name, values in (("camera", log.pictures), ("joints", log.joints)):
                demo.create_dataset(f"obs/{name}", data=values[:rows], **options)
                if next_obs:
                    demo.create_dataset(f"next_obs/{name}", data=values[1:], **options)
        file.create_dataset("mask/train", data=np.array([f"demo_{number}".encode() for number in range(len(logs))]))
    return path


def flat(logs: Sequence[Logged], last_action: float = np.nan) -> dict[str, np.ndarray]:
    """Everything one after the other, with a row for each observation; what is counted per step gets a row more."""
    after = np.full((1, 2), last_action, np.float32)
    return {
        "pictures": np.concatenate([log.pictures for log in logs]),
        "joints": np.concatenate([log.joints for log in logs]),
        "state": np.concatenate([log.state for log in logs]),
        "actions": np.concatenate([np.concatenate([log.actions, after]) for log in logs]),
        "rewards": np.concatenate([np.append(log.rewards, 0) for log in logs]),
    }


def rows_of(logs: Sequence[Logged]) -> np.ndarray:
    return np.array([log.num_steps + 1 for log in logs])


def write_stable_worldmodel(path: Path, logs: Sequence[Logged]) -> Path:
    """Columns in chunks of one row; actions are shifted by one, so that the last of each episode is NaN."""
    rows, lengths = flat(logs), rows_of(logs)
    names = {"pixels": "pictures", "proprio": "joints", "state": "state", "action": "actions", "reward": "rewards"}
    with h5py.File(path, "w", libver="latest") as file:
        for name, source in names.items():
            values = rows[source]
            file.create_dataset(name, data=values, chunks=(1, *values.shape[1:]), maxshape=(None, *values.shape[1:]))
        file.create_dataset("step_idx", data=np.concatenate([np.arange(length) for length in lengths]))
        file.create_dataset("id", data=[b"text"] * int(lengths.sum()), dtype=h5py.string_dtype())
        file.create_dataset("ep_len", data=lengths.astype(np.int32))
        file.create_dataset("ep_offset", data=(np.cumsum(lengths) - lengths).astype(np.int64))
    return path


def write_ogbench(path: Path, logs: Sequence[Logged], *, packed: bool = True) -> Path:
    """The flag `terminals` is 1 on the last row of each trajectory."""
    rows = flat(logs, last_action=0.5)
    ends = np.cumsum(rows_of(logs)) - 1
    terminals = np.isin(np.arange(ends[-1] + 1), ends)
    save = np.savez_compressed if packed else np.savez
    save(path, observations=rows["pictures"], actions=rows["actions"], terminals=terminals, qpos=rows["state"], qvel=rows["joints"])
    return path


def write_zarr(path: Path, logs: Sequence[Logged], *, chunk: int = 4) -> Path:
    """zarr format 2 by hand: JSON, and a deflated file for each chunk."""
    rows = flat(logs, last_action=0.5)
    for group in ("", "data", "meta"):
        (path / group).mkdir(parents=True, exist_ok=True)
        (path / group / ".zgroup").write_text('{"zarr_format": 2}')
    for name, source in {"img": "pictures", "agent": "joints", "state": "state", "action": "actions"}.items():
        write_zarr_array(path / "data" / name, rows[source], chunk)
    write_zarr_array(path / "meta" / "episode_ends", np.cumsum(rows_of(logs)).astype(np.int64), 1 << 10)
    return path


def write_zarr_array(path: Path, values: np.ndarray, chunk: int, **metadata) -> None:
    path.mkdir(parents=True, exist_ok=True)
    shape = {"shape": values.shape, "chunks": [chunk, *values.shape[1:]], "dtype": values.dtype.newbyteorder("<").str, "order": "C"}
    about = {"zarr_format": 2, **shape, "compressor": {"id": "zlib", "level": 1}, "fill_value": 0, "filters": None, **metadata}
    (path / ".zarray").write_text(json.dumps(about))
    for number in range(-(-len(values) // chunk)):
        block = np.zeros((chunk, *values.shape[1:]), values.dtype.newbyteorder("<"))
        part = values[number * chunk : (number + 1) * chunk]
        block[: len(part)] = part
        (path / ".".join(map(str, [number, *[0] * (values.ndim - 1)]))).write_bytes(zlib.compress(block.tobytes(), 1))


def write_npz_folder(path: Path, logs: Sequence[Logged]) -> Path:
    """A file an episode, an observation more than actions, with the time of each."""
    path.mkdir(exist_ok=True)
    for number, log in enumerate(logs):
        times = 100 + 0.1 * np.arange(log.num_steps + 1)
        arrays = {"image": log.pictures, "actions": log.actions, "state": log.state, "reward": log.rewards, "timestamp": times}
        np.savez(path / f"episode_{number}.npz", **arrays, calibration=np.eye(3), who=np.array("me"))
    return path


def write_npz_file(path: Path, logs: Sequence[Logged], *, tell: str = "dones") -> Path:
    """All episodes in one file, and one of the usual ways to tell them apart."""
    rows, lengths = flat(logs, last_action=0.5), rows_of(logs)
    ends = np.cumsum(lengths)
    told = {
        "dones": np.isin(np.arange(ends[-1]) + 1, ends),
        "episode_ends": ends,
        "episode_lengths": lengths,
        "episode_index": np.repeat(np.arange(len(logs)), lengths),
    }[tell]
    np.savez_compressed(path, **{"image": rows["pictures"], "action": rows["actions"], "state": rows["state"], "reward": rows["rewards"], tell: told})
    return path


@dataclass(frozen=True)
class Written:
    """How one layout is written, and what its columns are called in a store."""

    format: str
    file: str
    write: Callable[[Path, Sequence[Logged]], Path]
    names: dict[str, str]
    """Column of the store by field of `Logged`."""


FLAT = {"observation": "pictures", "action": "actions"}
ROBOMIMIC = {"observation/camera": "pictures", "observation/joints": "joints", "action": "actions"}
OGBENCH = {**FLAT, "info/qpos": "state", "info/qvel": "joints"}
STATE = {**FLAT, "info/state": "state"}
ALOHA = {"observation/cam_high": "pictures", "observation/qpos": "joints", "action": "actions"}
MANISKILL = {"observation/rgb": "pictures", "observation/qpos": "joints", "action": "actions", "cube": "state", "rewards": "rewards"}
MINARI = {"observation/camera": "pictures", "observation/joints": "joints", "action": "actions", "info/state": "state", "rewards": "rewards"}
VIDEOS = {"observation": "pictures", "action": "actions", "info/joints": "joints", "info/state": "state", "reward": "rewards"}
LEROBOT = {"observation/front": "pictures", "observation/state": "joints", "action": "actions", "reward": "rewards"}
LAYOUTS = {
    "robomimic": Written("robomimic", "demo.hdf5", write_robomimic, {**ROBOMIMIC, "states": "state", "rewards": "rewards"}),
    "robomimic without next_obs": Written(
        "robomimic", "demo.hdf5", lambda path, logs: write_robomimic(path, logs, next_obs=False, packed=True), {**ROBOMIMIC, "info/states": "state"}
    ),
    "stable-worldmodel": Written("stable-worldmodel", "world.h5", write_stable_worldmodel, {**STATE, "info/proprio": "joints"}),
    "ogbench": Written("ogbench", "maze.npz", write_ogbench, OGBENCH),
    "ogbench, not packed": Written("ogbench", "maze.npz", lambda path, logs: write_ogbench(path, logs, packed=False), OGBENCH),
    "hdf5, a file an episode": Written("hdf5", "aloha", hdf5_layouts.write_aloha, ALOHA),
    "hdf5, a group an episode": Written("hdf5", "trajectory.h5", hdf5_layouts.write_maniskill, MANISKILL),
    "hdf5, groups in a group": Written("hdf5", "logs.h5", hdf5_layouts.write_groups_below, STATE),
    "hdf5 with flags": Written("hdf5", "maze.hdf5", hdf5_layouts.write_d4rl, {**OGBENCH, "rewards": "rewards"}),
    "hdf5 with ends, packed": Written("hdf5", "logs.h5", hdf5_layouts.write_flat, STATE),
    "zarr": Written("zarr", "replay.zarr", write_zarr, {**STATE, "agent": "joints"}),
    "npz folder": Written("npz", "recordings", write_npz_folder, {**STATE, "reward": "rewards"}),
    **{
        f"npz with {tell}": Written("npz", "recordings.npz", lambda path, logs, tell=tell: write_npz_file(path, logs, tell=tell), STATE)
        for tell in ("dones", "episode_ends", "episode_lengths", "episode_index")
    },
    "videos": Written("videos", "recordings", robot_layouts.write_videos, VIDEOS),
    "videos with one table": Written("videos", "recordings", robot_layouts.write_videos_with_one_table, VIDEOS),
    "minari hdf5": Written("minari", "random-v0", robot_layouts.write_minari_hdf5, MINARI),
    "minari arrow": Written("minari", "random-v0", robot_layouts.write_minari_arrow, MINARI),
    "lerobot v2.1": Written("lerobot-v2", "pushing", robot_layouts.write_lerobot_v2, LEROBOT),
    "lerobot v3.0": Written("lerobot-v3", "pushing", robot_layouts.write_lerobot_v3, LEROBOT),
    "lerobot v3.0 with pictures": Written(
        "lerobot-v3", "pushing", lambda path, logs: robot_layouts.write_lerobot_v3(path, logs, kind="image"), LEROBOT
    ),
}
"""Every layout that is read, and every variant of it."""
