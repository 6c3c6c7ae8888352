"""Tables that lie beside videos: CSV or parquet, a row for each frame or action."""

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from telos.core.errors import DataError
from telos.data.formats.arrays import foreign
from telos.data.formats.roles import TIMES
from telos.data.formats.tables import Table, numbers

ENDINGS = (".csv", ".tsv", ".parquet")
EPISODES = ("episode", "video", "file")
"""What the column may be called that names the video of each row."""
MOST_BYTES = 1 << 28
"""Of a table: 256 MB."""
MOST_NUMBERS = 1 << 25
TRUTHS = {"true": 1.0, "false": 0.0, "": np.nan}
PART = re.compile(r"(?P<group>.*?[^0-9_.\[])[_.\[]?[0-9]+\]?")
"""`action_0`, `action[1]`, `joint2`."""
ACTION = re.compile(r"(?P<group>actions?)[_.]\w+", re.IGNORECASE)


@dataclass(frozen=True)
class Rows:
    """A table, or the rows of it that belong to one video."""

    columns: Mapping[str, np.ndarray]
    """Numbers `[row]`: float64, or int64 where the table says so."""
    texts: tuple[str, ...] = ()
    """Columns that hold no numbers."""
    videos: tuple[str, ...] | None = None
    """Which video each row belongs to, if the table says."""

    @property
    def num(self) -> int:
        return len(next(iter(self.columns.values()))) if self.columns else 0

    def part(self, rows: np.ndarray) -> "Rows":
        return Rows({name: values[rows] for name, values in self.columns.items()}, self.texts)


def is_table(path: Path) -> bool:
    """Whether a file is called as tables are."""
    return path.suffix.lower() in ENDINGS and path.is_file()


def read_table(path: Path) -> Rows:
    """A whole table.

    Raises:
        DataError: it is damaged, or too large; names it.
        MissingExtraError: pyarrow is not installed, and it is parquet.
    """
    if not path.is_file():
        raise DataError(f"{path} is missing." if not path.exists() else f"{path} is no file.", fix="get the file again, or leave the episode out")
    if path.suffix.lower() == ".parquet":
        return _read_parquet(path)
    with foreign(path):
        if path.stat().st_size > MOST_BYTES:
            raise DataError(f"{path} has {path.stat().st_size:,} bytes.", expected=f"{MOST_BYTES:,} at most", fix="write a table for each video")
        text = path.read_bytes().decode("utf-8-sig")
    return _read_csv(text, path)


def _read_csv(text: str, path: Path) -> Rows:
    head = text.partition("\n")[0]
    delimiter = next((mark for mark in (",", ";", "\t") if mark in head), ",")
    with foreign(path):
        lines = [line for line in csv.reader(text.splitlines(), delimiter=delimiter) if line]
    header, rows = [name.strip() for name in lines[0]] if lines else [], lines[1:]
    if odd := next((number for number, row in enumerate(rows, 2) if len(row) != len(header)), None):
        raise DataError(f"{path}: line {odd} has {len(rows[odd - 2])} fields.", expected=f"{len(header)}, as the header has")
    if len(set(header)) < len(header):
        raise DataError(f"{path} has two columns of the same name.", expected=f"different ones: {', '.join(header)}")
    columns, texts, videos = {}, [], None
    for name, cells in zip(header, zip(*rows) if rows else [()] * len(header)):
        if name.lower() in EPISODES:
            videos = tuple(cell.strip() for cell in cells)
        elif name and (values := _values(cells, whole=name.endswith(":int"))) is not None:
            columns[name.removesuffix(":int")] = values
        elif name:
            texts.append(name)
    return Rows(columns, tuple(texts), videos)


def _values(cells: tuple[str, ...], *, whole: bool) -> np.ndarray | None:
    """Numbers; None for text."""
    try:
        if whole:
            return np.array([int(cell) for cell in cells], np.int64)
        return np.array([TRUTHS[mark] if (mark := cell.strip().lower()) in TRUTHS else float(mark) for cell in cells], np.float64)
    except (ValueError, OverflowError):
        return None


def _read_parquet(path: Path) -> Rows:
    columns, texts, videos = {}, [], None
    with Table(path) as table:
        if table.num_rows * max(1, len(table.names)) > MOST_NUMBERS:
            raise DataError(f"{path} has {table.num_rows:,} rows of {len(table.names)} columns.", expected=f"{MOST_NUMBERS:,} numbers at most")
        for name in table.names:
            pieces = list(table.column(name))
            if name.lower() in EPISODES:
                videos = tuple(str(value.as_py()) for piece in pieces for value in piece)
                continue
            try:
                values = [numbers(piece, (1,), f"{path}: '{name}'").reshape(-1) for piece in pieces]
            except DataError:
                texts.append(name)
                continue
            found = np.concatenate(values) if values else np.zeros(0)
            columns[name.removesuffix(":int")] = found.astype(np.int64 if found.dtype.kind in "iu" else np.float64)
    return Rows(columns, tuple(texts), videos)


def group(names: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """Which columns of a table make up one vector: `action/x` and `action/y`, `action_0` and `action_1`, `joint1` to `joint7`.

    In a table in which nothing is called action, whatever is no time is one: a plain table of actions.
    """
    groups: dict[str, list[str]] = {}
    for name in names:
        slash, part, action = name.rpartition("/")[0], PART.fullmatch(name), ACTION.fullmatch(name)
        key = name if name.lower() in TIMES else slash or (part or action or {"group": name})["group"]
        groups.setdefault(key, []).append(name)
    if not any(key.rpartition("/")[2].lower() in ("action", "actions") for key in groups):
        times = {key: parts for key, parts in groups.items() if key.lower() in TIMES}
        groups = {"action": [name for name in names if name.lower() not in TIMES], **times}
    return {key: tuple(parts) for key, parts in groups.items() if parts}
