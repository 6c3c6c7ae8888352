"""What a store says of itself: `manifest.json`, read with suspicion, since anybody may have written or cut it."""

import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from telos.core.errors import DamagedStoreError, DataError, TelosError
from telos.core.spaces import AbstractSpace, DiscreteSpace, Spaces, TreeSpace

FORMAT_VERSION = 2
"""Raised whenever the folder's layout changes."""
MANIFEST = "manifest.json"
INFO = "info/"
"""Prefix of columns that hold the true state: for evaluation only, never for training."""
DTYPES = ("|u1", "|i1", "<u2", "<i2", "<u4", "<i4", "<u8", "<i8", "<f2", "<f4", "<f8")
"""How numbers lie on disk: little-endian on every machine."""
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_. -]*(/[A-Za-z0-9_][A-Za-z0-9_. -]*)*")
RESTORE = "restore the file from a copy, or write the store again"


@dataclass(frozen=True)
class Column:
    """One file of rows; row `t` of an episode belongs to its observation `t`."""

    name: str
    file: str
    dtype: str
    shape: tuple[int, ...]
    """Of one row."""
    unit: str
    checksum: str

    @property
    def row_bytes(self) -> int:
        return math.prod(self.shape) * np.dtype(self.dtype).itemsize


@dataclass(frozen=True)
class Manifest:
    """Everything about a store but its numbers."""

    spaces: Spaces
    columns: tuple[Column, ...]
    lengths: tuple[int, ...]
    """Actions per episode; an episode of `length` actions has `length + 1` rows."""
    environment: Mapping[str, Any] | None = None
    behaviour: Any = None
    seed: int | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)

    @property
    def num_rows(self) -> int:
        return sum(self.lengths) + len(self.lengths)

    @property
    def fingerprint(self) -> str:
        """Of the data alone: the same rows collected elsewhere have the same fingerprint."""
        columns = sorted([column.name, column.dtype, list(column.shape), column.checksum] for column in self.columns)
        return digest([self.spaces.to_json(), columns, list(self.lengths)])

    def to_json(self) -> dict[str, Any]:
        content = {
            "format": FORMAT_VERSION,
            "spaces": self.spaces.to_json(),
            "columns": [{**vars(column), "shape": list(column.shape)} for column in self.columns],
            "lengths": list(self.lengths),
            "environment": self.environment,
            "behaviour": self.behaviour,
            "seed": self.seed,
            "metadata": self.metadata,
        }
        return {**content, "checksum": digest(content)}

    @classmethod
    def read(cls, folder: Path) -> "Manifest":
        """The manifest of a store.

        Raises:
            DataError: there is no such folder, it cannot be read, or a newer Telos wrote it.
            DamagedStoreError: the manifest is missing, or says something that cannot be.
        """
        file = folder / MANIFEST
        if not folder.is_dir():
            raise DataError(f"There is no store at {folder}.", expected="a folder written by 'telos data'", fix="check the path")
        try:
            text = file.read_bytes().decode("utf-8")
            content = json.loads(text, parse_constant=_refuse_constant)
        except FileNotFoundError as error:
            raise DamagedStoreError(f"{folder} is not a store: {file} is missing.", fix=RESTORE) from error
        except OSError as error:
            raise DataError(f"{file} cannot be read: {error.strerror}.", fix="check its permissions") from error
        except (ValueError, RecursionError) as error:
            raise DamagedStoreError(f"{file} is damaged: it is not valid JSON.", fix=RESTORE) from error
        return _parse(content, file)


def digest(content: Any) -> str:
    """A checksum of JSON content that does not depend on how it was laid out."""
    return hashlib.blake2b(json.dumps(content, sort_keys=True, separators=(",", ":")).encode(), digest_size=16).hexdigest()


def leaf_spaces(spaces: Spaces) -> dict[str, AbstractSpace]:
    """The column of every leaf: `observation` or `observation/PART`, and `action`."""
    if isinstance(spaces.observation, TreeSpace):
        leaves = {f"observation/{name}": space for name, space in spaces.observation.spaces.items()}
    else:
        leaves = {"observation": spaces.observation}
    return {**leaves, "action": spaces.action}


def valid_name(name: str) -> bool:
    """Whether a column may be called so."""
    return NAME.fullmatch(name) is not None and len(name) <= 120


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


class _Damage(Exception):  # noqa: N818 - never leaves this module
    """What is wrong with a manifest."""


def _parse(content: Any, file: Path) -> Manifest:
    try:
        _need(isinstance(content, dict), "it holds no JSON object")
        version = content.get("format")
        _need(type(version) is int and version >= 1, "it does not say which format it has")
        if version > FORMAT_VERSION:
            raise DataError(
                f"{file} has format {version}, written by a newer Telos.",
                expected=f"format {FORMAT_VERSION} or older",
                fix="pip install -U telos-jepa",
            )
        checksum = content.pop("checksum", None)
        _need(isinstance(checksum, str) and checksum == digest(content), "it was altered after it had been written")
        return _build(content)
    except (_Damage, RecursionError, UnicodeError) as error:
        raise DamagedStoreError(f"{file} is damaged: {error}.", fix=RESTORE) from error


def _build(content: Any) -> Manifest:
    spaces = _read_spaces(content.get("spaces"))
    lengths = content.get("lengths")
    _need(isinstance(lengths, list) and len(lengths) > 0, "it names no episodes")
    _need(all(type(length) is int and 0 < length < 2**48 for length in lengths), "an episode has an impossible length")
    columns = content.get("columns")
    _need(isinstance(columns, list), "it names no columns")
    columns = tuple(map(_read_column, columns))
    for what in ("name", "file"):
        _need(len({getattr(column, what) for column in columns}) == len(columns), f"two columns have the same {what}")
    by_name = {column.name: column for column in columns}
    for name, space in leaf_spaces(spaces).items():
        _need(name in by_name, f"the column '{name}' is missing")
        found = (by_name[name].shape, np.dtype(by_name[name].dtype))
        _need(found == (space.shape, space.dtype), f"the column '{name}' does not fit its space")
    environment, metadata, seed = content.get("environment"), content.get("metadata"), content.get("seed")
    _need(environment is None or isinstance(environment, dict), "the environment is no JSON object")
    _need(isinstance(metadata, dict), "the metadata are no JSON object")
    _need(seed is None or type(seed) is int, "the seed is no integer")
    return Manifest(spaces, columns, tuple(lengths), environment, content.get("behaviour"), seed, metadata)


def _read_spaces(data: Any) -> Spaces:
    try:
        spaces = Spaces.from_json(data)
        leaves = leaf_spaces(spaces)
        sizes = [number for space in leaves.values() for number in (space.num if isinstance(space, DiscreteSpace) else 1, *space.shape)]
    except (TelosError, KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise _Damage("its spaces cannot be read") from error
    _need(len(leaves) > 1 and all(type(number) is int and number > 0 for number in sizes), "its spaces have impossible sizes")
    _need(all(map(valid_name, leaves)), "a part of its observation has an impossible name")
    return spaces


def _read_column(data: Any) -> Column:
    _need(isinstance(data, dict), "a column is no JSON object")
    texts = {key: data.get(key) for key in ("name", "file", "dtype", "unit", "checksum")}
    for key, value in texts.items():
        _need(isinstance(value, str), f"a column has no {key}")
    _need(valid_name(texts["name"]), "a column has an impossible name")
    # The first letter keeps out `..`, the missing slashes every other folder.
    _need(re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", texts["file"]) is not None, f"the file of '{texts['name']}' lies outside of the store")
    _need(texts["dtype"] in DTYPES, f"the column '{texts['name']}' has an impossible dtype")
    shape = data.get("shape")
    _need(
        isinstance(shape, list) and len(shape) <= 16 and all(type(size) is int and 0 < size < 2**31 for size in shape),
        "a column has an impossible shape",
    )
    return Column(shape=tuple(shape), **texts)


def _need(condition: bool, what: str) -> None:
    if not condition:
        raise _Damage(what)
