"""Writes logs as LeRobot and Minari do, and as folders of videos, from the published descriptions: nothing of Telos is used here."""

import io
import json
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path

import av
import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

FPS = 10
LOSSLESS = ("libx264rgb", "rgb24", {"qp": "0", "g": "4", "preset": "ultrafast"})
"""Encoder, pixel format and options: frames come back to the bit."""
USUAL = ("libx264", "yuv420p", {"crf": "18", "g": "6", "bf": "2"})
"""As robots record, with frames that are predicted from later ones."""
AV1 = ("libsvtav1", "yuv420p", {"crf": "30", "g": "2", "svtav1-params": "lp=1"})
"""LeRobot's own default."""
KEYS = ("observation.images.front", "observation.images.wrist")


def write_video(path: Path, frames: Sequence[np.ndarray], codec=LOSSLESS, *, fps: float = FPS, first: int = 0, index_first: bool = False) -> None:
    """Frames, one after the other, the first of them at time `first / fps`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    encoder, pixels, options = codec
    with av.open(str(path), "w", options={"movflags": "+faststart"} if index_first else {}) as file:
        stream = file.add_stream(encoder, rate=Fraction(fps).limit_denominator(1000), options=dict(options))
        stream.height, stream.width, stream.pix_fmt = *frames[0].shape[:2], pixels
        for number, picture in enumerate(frames, first):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24").reformat(format=pixels)
            frame.pts, frame.time_base = number, 1 / Fraction(fps).limit_denominator(1000)
            file.mux(stream.encode(frame))
        file.mux(stream.encode())


def png(picture: np.ndarray, kind: str = "PNG") -> bytes:
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, kind)
    return stream.getvalue()


def lerobot_features(log, kind: str) -> dict:
    height, width = log.pictures.shape[1:3]
    count = {"dtype": "int64", "shape": [1], "names": None}
    return {
        KEYS[0]: {"dtype": kind, "shape": [height, width, 3], "names": ["height", "width", "channels"]},
        KEYS[1]: {"dtype": kind, "shape": [3, height, width], "names": ["channels", "height", "width"]},
        "observation.state": {"dtype": "float32", "shape": [4], "names": {"motors": ["a", "b", "c", "d"]}},
        "action": {"dtype": "float32", "shape": [2], "names": ["x", "y"]},
        "next.reward": {"dtype": "float64", "shape": [1], "names": None},
        "note": {"dtype": "string", "shape": [1], "names": None},
        "timestamp": {"dtype": "float32", "shape": [1], "names": None},
        **dict.fromkeys(("frame_index", "episode_index", "index", "task_index"), count),
    }


def cameras(log) -> dict[str, np.ndarray]:
    """What the two cameras see: the second one the same upside down."""
    return {KEYS[0]: log.pictures, KEYS[1]: log.pictures[:, ::-1]}


def lerobot_table(log, number: int, before: int, kind: str) -> pa.Table:
    """Rows of one episode; the action in the last of them leads nowhere."""
    rows = log.num_steps + 1
    actions = np.append(log.actions, np.full((1, 2), 9, np.float32), axis=0)
    columns = {
        "observation.state": pa.FixedSizeListArray.from_arrays(pa.array(log.joints.reshape(-1)), 4),
        "action": pa.array(list(actions), pa.list_(pa.float32())),
        "next.reward": pa.array(np.append(log.rewards, 0)),
        "note": pa.array(["hello"] * rows),
        "timestamp": pa.array((np.arange(rows) / FPS).astype(np.float32)),
        "frame_index": pa.array(np.arange(rows)),
        "episode_index": pa.array(np.full(rows, number)),
        "index": pa.array(before + np.arange(rows)),
        "task_index": pa.array(np.full(rows, number % 2)),
    }
    if kind == "image":
        for key, frames in cameras(log).items():
            pictures = [{"bytes": png(frame), "path": f"frame_{row}.png"} for row, frame in enumerate(frames)]
            columns[key] = pa.array(pictures, pa.struct([("bytes", pa.binary()), ("path", pa.string())]))
    return pa.table(columns)


def lerobot_info(logs, kind: str, **about) -> dict:
    return {
        "robot_type": "arm",
        "total_episodes": len(logs),
        "total_frames": sum(log.num_steps + 1 for log in logs),
        "total_tasks": 2,
        "chunks_size": 3,
        "fps": FPS,
        "splits": {"train": f"0:{len(logs)}"},
        "features": lerobot_features(logs[0], kind),
        **about,
    }


def write_lerobot_v2(path: Path, logs, *, kind: str = "video", codec=LOSSLESS) -> Path:
    """v2.1: files of their own for each episode, three episodes to a chunk."""
    (path / "meta").mkdir(parents=True)
    before = 0
    for number, log in enumerate(logs):
        file = path / f"data/chunk-{number // 3:03d}/episode_{number:06d}.parquet"
        file.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(lerobot_table(log, number, before, kind), file)
        before += log.num_steps + 1
        if kind == "video":
            for key, frames in cameras(log).items():
                write_video(path / f"videos/chunk-{number // 3:03d}/{key}/episode_{number:06d}.mp4", frames, codec)
    info = lerobot_info(
        logs,
        kind,
        codebase_version="v2.1",
        total_videos=2 * len(logs),
        data_path="data/chunk-{episode_chunk:03d}/episode_{episode_index:06d}.parquet",
        video_path="videos/chunk-{episode_chunk:03d}/{video_key}/episode_{episode_index:06d}.mp4" if kind == "video" else None,
    )
    (path / "meta/info.json").write_text(json.dumps(info, indent=4))
    episodes = [{"episode_index": number, "tasks": ["push it"], "length": log.num_steps + 1} for number, log in enumerate(logs)]
    (path / "meta/episodes.jsonl").write_text("".join(json.dumps(episode) + "\n" for episode in episodes))
    (path / "meta/tasks.jsonl").write_text('{"task_index": 0, "task": "push it"}\n{"task_index": 1, "task": "pull it"}\n')
    return path


def write_lerobot_v3(path: Path, logs, *, kind: str = "video", codec=LOSSLESS, per_file: int = 2) -> Path:
    """v3.0: some episodes to each parquet file, one more to each video."""
    (path / "meta/episodes/chunk-000").mkdir(parents=True)
    episodes, before = [], 0
    for number, log in enumerate(logs):
        place = {"data/chunk_index": 0, "data/file_index": number // per_file}
        rows = {"dataset_from_index": before, "dataset_to_index": before + log.num_steps + 1}
        episodes.append({"episode_index": number, "tasks": ["push it"], "length": log.num_steps + 1, **place, **rows})
        episodes[-1] |= {"stats/action/min": [-1.0, -1.0], "meta/episodes/chunk_index": 0, "meta/episodes/file_index": 0}
        before += log.num_steps + 1
    for first in range(0, len(logs), per_file):
        tables = [lerobot_table(logs[i], i, episodes[i]["dataset_from_index"], kind) for i in range(first, min(first + per_file, len(logs)))]
        file = path / f"data/chunk-000/file-{first // per_file:03d}.parquet"
        file.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.concat_tables(tables), file, row_group_size=5)
    if kind == "video":
        write_shared_videos(path, logs, episodes, codec, per_file + 1)
    info = lerobot_info(
        logs,
        kind,
        codebase_version="v3.0",
        data_files_size_in_mb=100,
        video_files_size_in_mb=500,
        data_path="data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet",
        video_path="videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4",
    )
    (path / "meta/info.json").write_text(json.dumps(info, indent=4))
    pq.write_table(pa.Table.from_pylist(episodes), path / "meta/episodes/chunk-000/file-000.parquet")
    tasks = pa.table({"task_index": [0, 1], "__index_level_0__": ["push it", "pull it"]})
    pandas = {"index_columns": ["__index_level_0__"], "columns": [], "column_indexes": []}
    pq.write_table(tasks.replace_schema_metadata({"pandas": json.dumps(pandas)}), path / "meta/tasks.parquet")
    return path


def write_shared_videos(path: Path, logs, episodes: list[dict], codec, per_video: int) -> None:
    for key in KEYS:
        for first in range(0, len(logs), per_video):
            frames = []
            for number in range(first, min(first + per_video, len(logs))):
                begins = len(frames) / FPS
                frames += list(cameras(logs[number])[key])
                about = {"chunk_index": 0, "file_index": first // per_video, "from_timestamp": begins, "to_timestamp": len(frames) / FPS}
                episodes[number] |= {f"videos/{key}/{name}": value for name, value in about.items()}
            write_video(path / f"videos/{key}/chunk-000/file-{first // per_video:03d}.mp4", frames, codec)


def box(low, high, shape: Sequence[int], dtype: str) -> dict:
    """A space as Minari writes it."""
    return {"type": "Box", "dtype": dtype, "shape": list(shape), "low": np.full(shape, low).tolist(), "high": np.full(shape, high).tolist()}


def minari_metadata(logs, data_format: str, **about) -> dict:
    parts = {"camera": box(0, 255, logs[0].pictures.shape[1:], "uint8"), "joints": box(-np.inf, np.inf, (4,), "float32")}
    kwargs = {"max_episode_steps": 200, "kwargs": {"maze": 3}, "additional_wrappers": []}
    return {
        "total_episodes": len(logs),
        "total_steps": sum(log.num_steps for log in logs),
        "data_format": data_format,
        "jpeg_encoding": False,
        "observation_space": json.dumps({"type": "Dict", "subspaces": parts}),
        "action_space": json.dumps(box(-1.0, 1.0, (2,), "float32")),
        "env_spec": json.dumps({"id": "PointMaze_UMaze-v3", "entry_point": "gymnasium_robotics.envs:PointMaze", **kwargs}),
        "dataset_id": "maze/random-v0",
        "minari_version": "0.5.4",
        "author": ["me"],
        **about,
    }


def write_minari_hdf5(path: Path, logs) -> Path:
    """One file with a group for each episode."""
    (path / "data").mkdir(parents=True)
    (path / "data/metadata.json").write_text(json.dumps(minari_metadata(logs, "hdf5")))
    with h5py.File(path / "data/main_data.hdf5", "w", track_order=True) as file:
        for number, log in enumerate(logs):
            group = file.create_group(f"episode_{number}")
            group.attrs.update({"id": number, "seed": 100 + number, "total_steps": log.num_steps})
            for name, rows in minari_rows(log).items():
                group.create_dataset(name, data=rows, chunks=True, maxshape=(None, *rows.shape[1:]))
    return path


def minari_rows(log) -> Mapping[str, np.ndarray]:
    return {
        "observations/camera": log.pictures,
        "observations/joints": log.joints,
        "actions": log.actions,
        "rewards": log.rewards,
        "terminations": np.zeros(log.num_steps, bool),
        "truncations": np.arange(log.num_steps) == log.num_steps - 1,
        "infos/pose/state": log.state,
    }


def write_minari_arrow(path: Path, logs) -> Path:
    """A folder for each episode; what is counted per step has a row of padding."""
    (path / "data").mkdir(parents=True)
    (path / "data/metadata.json").write_text(json.dumps(minari_metadata(logs, "arrow")))
    for number, log in enumerate(logs):
        folder = path / f"data/{number}"
        folder.mkdir()
        pictures = log.pictures.reshape(len(log.pictures), -1)
        observations = {"camera": lists(pictures), "joints": lists(log.joints)}
        columns = {
            "observations": pa.StructArray.from_arrays(list(observations.values()), list(observations)),
            "actions": lists(np.append(log.actions, np.zeros((1, 2), np.float32), axis=0)),
            "rewards": pa.array(np.append(log.rewards, 0)),
            "terminations": pa.array(np.zeros(log.num_steps + 1, bool)),
            "truncations": pa.array(np.arange(log.num_steps + 1) == log.num_steps - 1),
            "infos": pa.StructArray.from_arrays([pa.StructArray.from_arrays([lists(log.state)], ["state"])], ["pose"]),
        }
        batch = pa.RecordBatch.from_arrays(list(columns.values()), list(columns))
        with pa.OSFile(str(folder / "part-0.arrow"), "wb") as sink, pa.ipc.new_file(sink, batch.schema) as writer:
            writer.write_batch(batch)
        (folder / "metadata.json").write_text(json.dumps({"id": number, "total_steps": log.num_steps, "seed": 100 + number}))
    return path


def lists(rows: np.ndarray) -> pa.Array:
    return pa.FixedSizeListArray.from_arrays(pa.array(np.ascontiguousarray(rows).reshape(-1)), rows.shape[1])


def table_of(log, *, last: bool = True) -> dict[str, np.ndarray]:
    """Columns of numbers, with a row for each frame, or (not `last`) for each action."""
    rows = log.num_steps + last
    columns = {f"action/{axis}": np.append(log.actions[:, number], 9)[:rows] for number, axis in enumerate("xy")}
    columns |= {f"joints_{number}": log.joints[:rows, number] for number in range(4)}
    columns |= {f"state[{number}]": log.state[:rows, number] for number in range(3)}
    return {**columns, "reward": np.append(log.rewards, 0)[:rows]}


def write_csv(path: Path, columns: Mapping[str, Sequence]) -> None:
    lines = [",".join(columns), *(",".join(str(value) for value in row) for row in zip(*columns.values()))]
    path.write_text("\n".join(lines) + "\n")


def write_videos(path: Path, logs, *, codec=LOSSLESS, ending: str = "mp4") -> Path:
    """`run_0.mp4` and `run_0.csv`, with as many rows as frames."""
    path.mkdir(parents=True)
    for number, log in enumerate(logs):
        write_video(path / f"run_{number}.{ending}", log.pictures, codec)
        columns = {name: [repr(float(value)) for value in values] for name, values in table_of(log).items()}
        write_csv(path / f"run_{number}.csv", columns)
    return path


def write_videos_with_one_table(path: Path, logs) -> Path:
    """Videos, and one parquet table that names them."""
    path.mkdir(parents=True)
    tables = []
    for number, log in enumerate(logs):
        write_video(path / f"run_{number}.mkv", log.pictures, ("ffv1", "bgr0", {}))
        tables.append(pa.table({"episode": [f"run_{number}"] * (log.num_steps + 1), **table_of(log)}))
    pq.write_table(pa.concat_tables(tables), path / "actions.parquet")
    return path
