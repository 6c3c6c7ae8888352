"""Reads a CSV of frames that somebody has labelled by hand."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from telos.core.errors import DataError
from telos.teaching.readouts.labels import MOST_NUMBERS, Labels, as_labels

LARGEST = float(np.finfo(np.float32).max)
PLACE = ("episode", "frame")
EXAMPLE = "a header such as episode,frame,x,y, and a line for every labelled frame"


def labels_of_file(path: Path, lengths: np.ndarray, *, unit: str = "") -> Labels:
    """The labels of single frames; whatever is wrong with one is told with its line.

    Args:
        path: a CSV file with the header `episode,frame,NUMBER,...`; episodes and frames count from 0.
        lengths: `[episodes]`: actions of each episode of the logs; one with 40 actions has the frames 0 to 40.
        unit: of the numbers; `radians` or `degrees` makes them angles.

    Raises:
        DataError: the file cannot be read, or a line is not what the header says, names a frame that does not exist, or one twice.
    """
    lines = _lines(path)
    header = _header(path, next(lines, (1, []))[1])
    names = [name for name in header if name not in PLACE]
    rows: dict[int, np.ndarray] = {}
    seen: dict[tuple[int, int], int] = {}
    for line, cells in lines:
        where = f"{path}, line {line}"
        if len(cells) != len(header):
            raise DataError(f"{where} has {len(cells)} values.", expected=f"{len(header)}, as in the header: {','.join(header)}")
        values = dict(zip(header, cells, strict=True))
        episode = _index(where, "episode", values["episode"], len(lengths))
        frame = _index(where, "frame", values["frame"], int(lengths[episode]) + 1)
        if (episode, frame) in seen:
            raise DataError(f"{where} labels frame {frame} of episode {episode}, as line {seen[episode, frame]} does.", fix="remove one of them")
        seen[episode, frame] = line
        table = rows.setdefault(episode, np.full((int(lengths[episode]) + 1, len(names)), np.nan))
        table[frame] = [_number(where, name, values[name]) for name in names]
    if not rows:
        raise DataError(f"{path} labels no frame.", expected=EXAMPLE)
    return as_labels(rows, names, unit=unit, source=str(path), dense=False)


def _lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Lines that are not empty, with their numbers."""
    try:
        # Spreadsheets begin a file with a byte order mark.
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}.", expected="a CSV file") from error
    except ValueError as error:
        raise DataError(f"{path} is no text in UTF-8.", expected="a CSV file", fix="export it again as CSV (UTF-8)") from error
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        for cells in reader:
            cells = [cell.strip() for cell in cells]
            if any(cells):
                yield reader.line_num, cells
    except csv.Error as error:
        raise DataError(f"{path}, line {reader.line_num} is no line of a CSV file: {error}.", expected=EXAMPLE) from error


def _header(path: Path, header: list[str]) -> list[str]:
    if not header:
        raise DataError(f"{path} is empty.", expected=EXAMPLE)
    for name in PLACE:
        if name not in header:
            hint = "separate values by commas" if len(header) == 1 and any(mark in header[0] for mark in ";\t") else ""
            raise DataError(f"{path} has no column '{name}'; its header says {','.join(header)}.", expected=EXAMPLE, fix=hint)
    numbers = len(header) - len(PLACE)
    if "" in header or len(set(header)) != len(header):
        raise DataError(f"{path} has columns without a name, or two of one name: {','.join(header)}.", expected=EXAMPLE)
    if not 1 <= numbers <= MOST_NUMBERS:
        raise DataError(f"{path} has {numbers} columns beside episode and frame.", expected=f"1 to {MOST_NUMBERS}: the numbers of the quantity")
    return header


def _index(where: str, name: str, text: str, num: int) -> int:
    # No more digits than any count has: Python refuses to read thousands of them.
    if not (text.isascii() and text.isdigit() and len(text) < 16) or int(text) >= num:
        raise DataError(f"{where}: there is no {name} {text[:40]!r}.", expected=f"0 to {num - 1}")
    return int(text)


def _number(where: str, name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError as error:
        raise DataError(f"{where}: {name} is {text[:40]!r}.", expected="a number", fix="leave the line out where it is not known") from error
    if not np.isfinite(value) or abs(value) > LARGEST:
        raise DataError(f"{where}: {name} is {text[:40]}.", expected="a finite number", fix="leave the line out where it is not known")
    return value
