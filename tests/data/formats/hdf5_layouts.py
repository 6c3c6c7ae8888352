"""Writes logs in the plain HDF5 layouts of ALOHA, ManiSkill, D4RL and others, from their descriptions: nothing of Telos is used here."""

from pathlib import Path

import h5py
import numpy as np


def with_last(log) -> np.ndarray:
    """Actions `[time+1 2]`: one more, which leads nowhere."""
    return np.append(log.actions, np.full((1, 2), 9, np.float32), axis=0)


def write_aloha(path: Path, logs) -> Path:
    """A file an episode, with as many actions as observations, and pictures in chunks of one."""
    path.mkdir(parents=True, exist_ok=True)
    for number, log in enumerate(logs):
        with h5py.File(path / f"episode_{number}.hdf5", "w", rdcc_nbytes=1 << 20) as file:
            file.attrs["sim"] = False
            images = file.create_group("observations/images")
            images.create_dataset("cam_high", data=log.pictures, chunks=(1, *log.pictures.shape[1:]))
            file["observations/qpos"] = log.joints
            file["observations/effort"] = np.zeros_like(log.joints)
            file["action"] = with_last(log)
    return path


def write_maniskill(path: Path, logs) -> Path:
    """A group an episode, with an observation more than actions, in groups of their own."""
    with h5py.File(path, "w") as file:
        for number, log in enumerate(logs):
            group = file.create_group(f"traj_{number}")
            group.create_dataset("actions", data=log.actions)
            group.create_dataset("obs/sensor_data/camera/rgb", data=log.pictures, compression="gzip", compression_opts=5)
            group.create_dataset("obs/agent/qpos", data=log.joints)
            group.create_dataset("env_states/actors/cube", data=log.state)
            group.create_dataset("rewards", data=log.rewards)
            for flag in ("success", "terminated", "truncated"):
                group.create_dataset(flag, data=np.arange(log.num_steps) == log.num_steps - 1)
    return path


def write_groups_below(path: Path, logs) -> Path:
    """Groups in a group, with as many actions as observations."""
    with h5py.File(path, "w") as file:
        file["about/who"] = "me"
        for number, log in enumerate(logs):
            group = file.create_group(f"episodes/{number}")
            group["image"], group["action"], group["state"] = log.pictures, with_last(log), log.state
    return path


def write_d4rl(path: Path, logs) -> Path:
    """Arrays with a row for each step, one episode after the other; its last one times out, or ends it."""
    ends = np.cumsum([log.num_steps + 1 for log in logs]) - 1
    last = np.isin(np.arange(ends[-1] + 1), ends)
    first = np.arange(ends[-1] + 1) == ends[0]
    with h5py.File(path, "w") as file:
        file["observations"] = np.concatenate([log.pictures for log in logs])
        file["actions"] = np.concatenate([with_last(log) for log in logs])
        file["rewards"] = np.concatenate([np.append(log.rewards, 0) for log in logs])
        file["terminals"], file["timeouts"] = last & first, last & ~first
        file["infos/qpos"] = np.concatenate([log.state for log in logs])
        file["infos/qvel"] = np.concatenate([log.joints for log in logs])
        file["metadata/algorithm"] = "SAC"
    return path


def write_flat(path: Path, logs) -> Path:
    """Arrays with the ends of the episodes, shuffled and deflated in chunks that episodes share."""
    lengths = [log.num_steps + 1 for log in logs]
    rows = {"image": [log.pictures for log in logs], "action": [with_last(log) for log in logs], "state": [log.state for log in logs]}
    with h5py.File(path, "w") as file:
        for name, parts in rows.items():
            values = np.concatenate(parts)
            file.create_dataset(name, data=values, chunks=(min(5, len(values)), *values.shape[1:]), compression="gzip", shuffle=True)
        file["episode_ends"] = np.cumsum(lengths)
    return path
