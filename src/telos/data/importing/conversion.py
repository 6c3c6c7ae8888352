"""Turns pieces of somebody's logs into rows as the store keeps them: small pictures, float32, whole choices, and no NaN."""

import numpy as np

from telos.core.errors import SpaceError
from telos.core.pictures import shrink
from telos.core.spaces import AbstractSpace, DiscreteSpace, PixelSpace
from telos.data.importing.cutting import Piece
from telos.data.importing.outcome import BadEpisode, Outcome
from telos.data.importing.selection import Plan, Taken

EXACT = ("float32", "float16", "bool", "uint8", "int8", "uint16", "int16")
"""What float32 keeps as it is."""


def convert(piece: Piece, plan: Plan, outcome: Outcome) -> Piece:
    """The piece in the dtypes and shapes of the store.

    Raises:
        BadEpisode: what models learn from holds NaN, or a row has another shape than the source said.
        SpaceError: a number does not survive float32.
    """
    rows = dict(piece.rows)
    action = plan.action
    num = len(rows[action.target]) - piece.ends
    if plan.relative_to is not None:
        rows[action.target] = _relative(rows[action.target], rows[plan.relative_to], num)
    rows = {column.target: _convert(rows[column.target], column, num, plan.options.crop, outcome) for column in plan.columns}
    if plan.learns_bounds:
        outcome.see(rows[action.target][:num])
    return Piece(rows, piece.ends)


def _relative(actions: np.ndarray, observed: np.ndarray, num: int) -> np.ndarray:
    """Actions, or several side by side, less what was observed when they began; the padding stays as it is."""
    flat = actions.reshape(len(actions), -1).astype(np.float64)
    copies = flat.shape[1] // observed[0].size
    flat[:num] -= np.tile(observed.reshape(len(observed), -1)[:num].astype(np.float64), (1, copies))
    return flat


def _convert(rows: np.ndarray, column: Taken, num: int, crop: str, outcome: Outcome) -> np.ndarray:
    name, learned = column.source.name, column.role in ("observation", "action")
    if rows.dtype.kind not in "biuf":
        raise BadEpisode(f"'{name}' holds {rows.dtype} values")
    if isinstance(column.source.space, PixelSpace):
        return _pictures(_shaped(rows, column.source.space, name), column.space, crop, name)
    rows = _shaped(rows, column.space, name)
    if column.role == "time":
        return rows.astype(np.float64)
    if not learned:
        return np.ascontiguousarray(rows, dtype=np.uint8 if rows.dtype.kind == "b" else rows.dtype.newbyteorder("<"))
    if rows.dtype.kind == "f" and not np.isfinite(rows[:num] if column.per_step else rows).all():
        raise BadEpisode(f"'{name}' holds NaN or infinite values")
    if isinstance(column.space, DiscreteSpace):
        return _choices(rows, column.space, name)
    return _numbers(rows, name, num if column.per_step else len(rows), outcome)


def _shaped(rows: np.ndarray, space: AbstractSpace, name: str) -> np.ndarray:
    if rows.size != len(rows) * int(np.prod(space.shape)):
        raise BadEpisode(f"'{name}' has rows of {list(rows.shape[1:])} where {list(space.shape)} were expected")
    return rows.reshape(len(rows), *space.shape)


def _pictures(rows: np.ndarray, space: AbstractSpace, crop: str, name: str) -> np.ndarray:
    if rows.dtype != np.uint8:
        raise BadEpisode(f"'{name}' holds pictures of {rows.dtype}")
    if isinstance(space, PixelSpace) and rows.shape[1:] != space.shape:
        if crop == "square":
            top, left = ((size - min(rows.shape[1:3])) // 2 for size in rows.shape[1:3])
            rows = rows[:, top : rows.shape[1] - top, left : rows.shape[2] - left]
            edge = min(rows.shape[1:3])
            rows = rows[:, :edge, :edge]
        if rows.shape[1:] != space.shape:
            rows = shrink(rows, space.height)
    return np.ascontiguousarray(rows)


def _choices(rows: np.ndarray, space: DiscreteSpace, name: str) -> np.ndarray:
    if rows.dtype.kind == "f" and not np.array_equal(rows, np.floor(rows)):
        raise BadEpisode(f"'{name}' holds choices that are not whole numbers")
    if len(rows) and (rows.min() < 0 or rows.max() >= space.num):
        raise BadEpisode(f"'{name}' holds choices from {rows.min()} to {rows.max()}, beyond the {space.num} there are")
    return rows.astype(np.int64)


def _numbers(rows: np.ndarray, name: str, num: int, outcome: Outcome) -> np.ndarray:
    with np.errstate(over="ignore", invalid="ignore"):
        numbers = rows.astype(np.float32)
    if rows.dtype.kind == "f" and rows.dtype.itemsize > 4 and not np.isfinite(numbers[:num]).all():
        raise SpaceError(
            f"Episode {outcome.episode}: '{name}' holds numbers too large for float32.",
            expected="numbers up to 3e38",
            fix="choose another unit, or leave the column out with --columns",
        )
    # What stands in the padding means nothing.
    numbers[num:] = 0
    if rows.dtype.name not in EXACT:
        outcome.rounded[name] = rows.dtype.name
    return numbers
