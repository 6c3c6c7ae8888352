"""Tables of parquet and Arrow files, read by rows, with suspicion: nothing but plain numbers, bytes and text comes out of them."""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from telos.core.errors import DataError, MissingExtraError
from telos.data.formats.arrays import foreign

MOST_PARTS = 1 << 20
"""Bytes of text, and entries of lists, in the description of a file."""
BUFFER_BYTES = 1 << 20


class Table:
    """One parquet file. Close it, or use it in a `with` statement.

    Raises:
        DataError: the file is damaged; names it.
        MissingExtraError: pyarrow is not installed.
    """

    def __init__(self, path: Path) -> None:
        pq = import_parquet(path)
        self.path = path
        if not path.is_file():
            raise DataError(f"{path} is missing." if not path.exists() else f"{path} is no file.", fix="get the file again, or leave the episode out")
        with foreign(path):
            self._file = pq.ParquetFile(
                path,
                buffer_size=BUFFER_BYTES,
                pre_buffer=False,
                thrift_string_size_limit=MOST_PARTS << 6,
                thrift_container_size_limit=MOST_PARTS << 4,
            )
            self.names: tuple[str, ...] = tuple(self._file.schema_arrow.names)
            self.num_rows = int(self._file.metadata.num_rows)
        if len(set(self.names)) < len(self.names):
            raise DataError(f"{path} has two columns of the same name.", expected=f"different ones: {', '.join(self.names)[:200]}")

    def __enter__(self) -> "Table":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._file.close()

    def type_of(self, name: str) -> Any:
        with foreign(self.path):
            return self._file.schema_arrow.field(name).type

    def batches(self, names: Sequence[str], start: int, num: int, rows: int) -> Iterator[Any]:
        """Batches of at most `rows` rows of some columns, from row `start` on, `num` in all.

        Raises:
            DataError: the file is damaged, has no such column, or ends before.
        """
        if missing := [name for name in names if name not in self.names]:
            raise DataError(f"{self.path} has no column '{missing[0]}'.", expected=", ".join(self.names), fix="get the file again")
        with foreign(self.path):
            groups, first = self._groups(start, num)
            found = iter(self._file.iter_batches(min(rows, max(1, num)), row_groups=groups, columns=list(names), use_threads=False))
        left, skip = num, start - first
        while left > 0:
            with foreign(self.path):
                batch = next(found, None)
                if batch is None:
                    raise DataError(f"{self.path} ends after {start + num - left} rows.", expected=f"{start + num}", fix="get the file again")
                batch.validate(full=True)
            part = batch.slice(skip, left)
            skip = max(0, skip - batch.num_rows)
            left -= part.num_rows
            if part.num_rows:
                yield part

    def column(self, name: str, rows: int = 1 << 16) -> Iterator[Any]:
        """A whole column, a piece at a time."""
        return (batch.column(0) for batch in self.batches([name], 0, self.num_rows, rows))

    def _groups(self, start: int, num: int) -> tuple[list[int], int]:
        """The row groups that hold some rows, and the first row of the first of them."""
        groups, first, row = [], start, 0
        for group in range(self._file.num_row_groups):
            size = self._file.metadata.row_group(group).num_rows
            if size < 0:
                raise DataError(f"{self.path} is damaged: a part of it has {size} rows.", fix="get the file again")
            if row < start + num and start < row + size:
                first = first if groups else row
                groups.append(group)
            row += size
        return groups, first


def numbers(array: Any, shape: Sequence[int], what: str) -> np.ndarray:
    """A column of numbers, or of lists of them, as `[rows *shape]`; what is missing becomes NaN.

    Raises:
        DataError: it holds something else, or lists of other lengths.
    """
    import pyarrow as pa

    num = len(array)
    with foreign(Path(what)):
        while isinstance(array, pa.ExtensionArray):
            array = array.storage
        while isinstance(array, (pa.ListArray, pa.LargeListArray, pa.FixedSizeListArray)):
            lengths = array.value_lengths().to_numpy(zero_copy_only=False)
            if array.null_count or (len(lengths) and not (lengths == lengths[0]).all()):
                raise DataError(f"{what} has rows of different lengths.", expected=f"{list(shape)}")
            array = array.flatten()
        values = array.to_numpy(zero_copy_only=False)
    if values.dtype.kind == "O" and pa.types.is_boolean(array.type):
        raise DataError(f"{what} has missing values.", expected="true or false in every row")
    if values.dtype.kind not in "biuf":
        raise DataError(f"{what} holds {array.type} values.", expected="numbers")
    if len(values) != num * math.prod(shape):
        raise DataError(f"{what} has rows of {len(values) / max(1, num):g} numbers.", expected=f"{list(shape)}")
    return values.reshape(num, *shape)


def whole_numbers(array: Any, what: str) -> np.ndarray:
    """A column of whole numbers `[rows]`, int64. Raises DataError for any others, and for what is missing."""
    values = numbers(array, (1,), what).reshape(-1)
    # What is missing makes floating point of whole numbers.
    if values.dtype.kind == "f" and not ((np.abs(values) < 2**53) & (values == np.floor(values))).all():
        raise DataError(f"{what} has missing values, or fractions.", expected="a whole number in every row")
    return values.astype(np.int64)


def import_parquet(path: Path) -> Any:
    try:
        import pyarrow.parquet as pq
    except ImportError as error:
        raise MissingExtraError.of("pyarrow", extra="formats", purpose=f"Reading {path.name}") from error
    return pq
