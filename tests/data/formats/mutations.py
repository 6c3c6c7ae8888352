"""Mutations that leave a table or a video whole, and make something else of it."""

import random
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from robot_layouts import LOSSLESS, write_video


def odd_column(num: int, rng: random.Random) -> pa.Array:
    """A column that somebody might have put there."""
    numbers = np.random.default_rng(rng.randrange(1 << 30)).integers(-3, 300, num)
    match rng.randrange(10):
        case 0:
            return pa.nulls(num)
        case 1:
            return pa.array([rng.choice(["", "x", "../x", "1"]) for _ in range(num)])
        case 2:
            return pa.array([None if rng.randrange(3) == 0 else int(number) for number in numbers], pa.int64())
        case 3:
            return pa.array([[1.0] * rng.randrange(4) for _ in range(num)], pa.list_(pa.float32()))
        case 4:
            return pa.array([rng.choice([-1, 2**31, 2**63 - 1, -(2**63)]) for _ in range(num)], pa.int64())
        case 5:
            return pa.array([rng.choice([np.nan, np.inf, -1e30, 1e300, 0.5]) for _ in range(num)])
        case 6:
            return pa.array(
                [{"bytes": rng.choice([None, b"", b"\x89PNG\r\n\x1a\n", b"x" * 99]), "path": rng.choice([None, "x", "/etc/passwd"])}] * num
            )
        case 7:
            return pa.array(numbers.astype(rng.choice(["i1", "u2", "f2", "f8", "?"])))
        case 8:
            return pa.array(numbers, pa.timestamp("us"))
        case _:
            return pa.array([[[1.0, 2.0]] * 2] * num)


def mutate_parquet(path: Path, rng: random.Random) -> None:
    """A column of a parquet file gone, or replaced by an odd one; rows lost, repeated, or in another order."""
    table = pq.read_table(path)
    match rng.randrange(6):
        case 0:
            table = table.drop_columns([rng.choice(table.column_names)])
        case 1:
            table = table.slice(0, rng.randrange(table.num_rows + 1))
        case 2:
            table = table.take(pa.array([rng.randrange(table.num_rows) for _ in range(table.num_rows + rng.randrange(-2, 3))]))
        case 3:
            name = rng.choice(table.column_names)
            table = table.append_column(name, table[name])
        case _:
            place = rng.randrange(table.num_columns)
            table = table.set_column(place, table.column_names[place], odd_column(table.num_rows, rng))
    pq.write_table(table, path, compression=rng.choice(["none", "snappy", "zstd", "gzip"]), row_group_size=rng.choice([None, 1, 3]))


def mutate_video(path: Path, rng: random.Random) -> None:
    """Another video: of other sizes, lengths, times, or inside of another container."""
    height, width = rng.choice([(8, 9), (8, 10), (2, 2), (64, 300)])
    codec = rng.choice([LOSSLESS, ("mpeg4", "yuv420p", {}), ("ffv1", "bgr0", {}), ("libx264", "gray", {})])
    other = path.with_suffix(rng.choice([".mp4", ".mkv", ".avi", ".mov"]))
    write_video(
        other,
        [np.full((height, width, 3), rng.randrange(256), np.uint8)] * rng.randrange(1, 9),
        codec,
        fps=rng.choice([1, 10, 30]),
        first=rng.choice([0, 0, 7]),
    )
    if other != path:
        other.replace(path)
