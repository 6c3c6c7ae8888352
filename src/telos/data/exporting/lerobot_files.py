"""The files of a LeRobot data set (v3.0): rows in parquet, and what `meta/` says about them."""

import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from telos.core.errors import MissingExtraError
from telos.data.store import Episodes

FILE_BYTES = 100 << 20
"""After so much a new parquet file is begun, as LeRobot does."""
TASK = "not told"
DATA_PATH = "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"
VIDEO_PATH = "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4"


@dataclass(frozen=True)
class Feature:
    """A column of the store, and what LeRobot calls it."""

    name: str
    column: str
    shape: tuple[int, ...]
    dtype: str
    picture: bool

    def rows(self, store: Episodes, episode: int) -> np.ndarray:
        rows = store.column(self.column, episode)
        return rows if self.picture else rows.reshape(len(rows), -1)

    def to_json(self) -> dict[str, Any]:
        if self.picture:
            return {"dtype": "image", "shape": list(self.shape), "names": ["height", "width", "channels"]}
        size = int(np.prod(self.shape))
        return {"dtype": self.dtype, "shape": [size], "names": None}


class Shelf:
    """The growing parquet files, and what is to be said about them at the end."""

    def __init__(self, folder: Path, fps: float, features: list[Feature]) -> None:
        self.folder, self.fps, self.features = folder, fps, features
        self.file, self.num_files, self.num_rows, self.bytes = None, 0, 0, 0
        self.episodes: list[dict[str, Any]] = []

    def add(self, columns: dict[str, np.ndarray], num_rows: int) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        arrays = {feature.name: _arrow(feature, columns[feature.name]) for feature in self.features}
        index, episode = np.arange(num_rows), len(self.episodes)
        arrays |= {
            "timestamp": pa.array((index / self.fps).astype(np.float32)),
            "frame_index": pa.array(index),
            "episode_index": pa.array(np.full(num_rows, episode)),
            "index": pa.array(self.num_rows + index),
            "task_index": pa.array(np.zeros(num_rows, np.int64)),
        }
        table = pa.table(arrays)
        if self.file is None or self.bytes > FILE_BYTES:
            self._next_file(pq, table.schema)
        assert self.file is not None
        self.file.write_table(table)
        self.bytes += table.nbytes
        place = {"data/chunk_index": (self.num_files - 1) // 1000, "data/file_index": (self.num_files - 1) % 1000}
        rows = {"dataset_from_index": self.num_rows, "dataset_to_index": self.num_rows + num_rows}
        about = {"episode_index": episode, "tasks": [TASK], "length": num_rows, **place, **rows}
        stats = {f"stats/{feature.name}/{key}": value for feature in self.features for key, value in _stats(feature, columns[feature.name]).items()}
        self.episodes.append({**about, **stats, "meta/episodes/chunk_index": 0, "meta/episodes/file_index": 0})
        self.num_rows += num_rows

    def finish(self) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        if self.file is not None:
            self.file.close()
        meta = self.folder / "meta"
        (meta / "episodes" / "chunk-000").mkdir(parents=True)
        pq.write_table(pa.Table.from_pylist(self.episodes), meta / "episodes" / "chunk-000" / "file-000.parquet")
        # The task's text is the table's index, as pandas marks one.
        index = {"index_columns": ["__index_level_0__"], "column_indexes": [], "columns": [], "pandas_version": "2.0.0"}
        tasks = pa.table({"task_index": pa.array([0]), "__index_level_0__": pa.array([TASK])})
        pq.write_table(tasks.replace_schema_metadata({"pandas": json.dumps(index)}), meta / "tasks.parquet")
        (meta / "stats.json").write_text(json.dumps(self._all_stats(), indent=1), encoding="utf-8")
        (meta / "info.json").write_text(json.dumps(self._info(), indent=1), encoding="utf-8")

    def _next_file(self, pq: Any, schema: Any) -> None:
        if self.file is not None:
            self.file.close()
        path = self.folder / DATA_PATH.format(chunk_index=self.num_files // 1000, file_index=self.num_files % 1000)
        path.parent.mkdir(parents=True, exist_ok=True)
        self.file, self.num_files, self.bytes = pq.ParquetWriter(path, schema), self.num_files + 1, 0

    def _all_stats(self) -> dict[str, Any]:
        """The episodes' figures as one: means weighted by frames, deviations about the common mean."""
        stats = {}
        for feature in self.features:
            parts = {key: np.array([row[f"stats/{feature.name}/{key}"] for row in self.episodes]) for key in ("min", "max", "mean", "std", "count")}
            share = (parts["count"] / parts["count"].sum()).reshape(-1, *[1] * (parts["mean"].ndim - 1))
            mean = (share * parts["mean"]).sum(0)
            std = np.sqrt((share * (parts["std"] ** 2 + (parts["mean"] - mean) ** 2)).sum(0))
            whole = {"min": parts["min"].min(0), "max": parts["max"].max(0), "mean": mean, "std": std, "count": parts["count"].sum(0)}
            stats[feature.name] = {key: value.tolist() for key, value in whole.items()}
        return stats

    def _info(self) -> dict[str, Any]:
        count = {"dtype": "int64", "shape": [1], "names": None}
        clock = {"timestamp": {"dtype": "float32", "shape": [1], "names": None}}
        clock |= dict.fromkeys(("frame_index", "episode_index", "index", "task_index"), count)
        return {
            "codebase_version": "v3.0",
            "robot_type": None,
            "total_episodes": len(self.episodes),
            "total_frames": self.num_rows,
            "total_tasks": 1,
            "chunks_size": 1000,
            "data_files_size_in_mb": FILE_BYTES >> 20,
            "video_files_size_in_mb": 500,
            "fps": int(self.fps) if float(self.fps).is_integer() else self.fps,
            "splits": {"train": f"0:{len(self.episodes)}"},
            "data_path": DATA_PATH,
            "video_path": VIDEO_PATH,
            "features": {**{feature.name: feature.to_json() for feature in self.features}, **clock},
        }


def _arrow(feature: Feature, rows: np.ndarray) -> Any:
    import pyarrow as pa

    if feature.picture:
        pictures = [{"bytes": _png(frame), "path": None} for frame in rows]
        return pa.array(pictures, pa.struct([("bytes", pa.binary()), ("path", pa.string())]))
    if rows.shape[1] == 1:
        return pa.array(rows[:, 0])
    return pa.FixedSizeListArray.from_arrays(pa.array(rows.reshape(-1)), rows.shape[1])


def _png(frame: np.ndarray) -> bytes:
    try:
        from PIL import Image
    except ImportError as error:
        raise MissingExtraError.of("pillow", extra="formats", purpose="Writing pictures as PNG") from error
    buffer = io.BytesIO()
    Image.fromarray(frame[..., 0] if frame.shape[-1] == 1 else frame).save(buffer, format="PNG", compress_level=1)
    return buffer.getvalue()


def _stats(feature: Feature, rows: np.ndarray) -> dict[str, Any]:
    """LeRobot's figures of an episode; of pictures per channel `[channel 1 1]`, from 0 to 1."""
    values = rows.astype(np.float64) / 255 if feature.picture else rows.astype(np.float64)
    over = (0, 1, 2) if feature.picture else 0
    figures = {"min": values.min(over), "max": values.max(over), "mean": values.mean(over), "std": values.std(over)}
    if feature.picture:
        figures = {key: value[:, None, None] for key, value in figures.items()}
    return {**{key: value.tolist() for key, value in figures.items()}, "count": [len(rows)]}
