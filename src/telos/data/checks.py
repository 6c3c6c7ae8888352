"""What may enter a store: every refusal names the episode, the column, and what was expected."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from telos.core.errors import DataError, SpaceError
from telos.core.spaces import AbstractSpace, DiscreteSpace, Spaces
from telos.data.manifest import DTYPES, INFO, leaf_spaces, valid_name


def as_array(value: Any, what: str) -> np.ndarray:
    """Raises SpaceError where the rows of `value` differ in size."""
    try:
        return np.asarray(value)
    except ValueError as error:
        raise SpaceError(f"{what} is ragged: its rows differ in size.", expected="an array") from error


def check_leaf(value: Any, space: AbstractSpace, what: str) -> np.ndarray:
    """Rows `[time ...]` in the dtype of the space."""
    value = as_array(value, what)
    if value.ndim == 1 and space.shape == (1,):
        value = value[:, None]
    if isinstance(space, DiscreteSpace) and value.dtype.kind == "f" and not np.array_equal(value, np.floor(value)):
        raise SpaceError(f"{what} holds choices that are not whole numbers.", expected=space.describe())
    checked = space.check(value, what=what)
    if checked.ndim != 1 + len(space.shape):
        raise SpaceError(f"{what} has shape {list(value.shape)}.", expected=f"[time, {', '.join(map(str, space.shape))}]")
    return checked


def check_column(name: str, value: Any, num_steps: int, what: str) -> np.ndarray:
    """Rows `[time+1 ...]` of a column that no space describes; these may hold NaN, which inspection will tell."""
    if not isinstance(name, str) or not valid_name(name) or name == "action" or name.split("/")[0] == "observation":
        raise DataError(f"A column cannot be called {name!r}.", expected="letters, digits and underscores, other than observation and action")
    value = as_array(value, f"{what}, {name},")
    value = value.astype(np.uint8) if value.dtype.kind == "b" else value
    if value.dtype.newbyteorder("<").str not in DTYPES:
        raise DataError(f"{what}: the column '{name}' holds {value.dtype} values.", expected="numbers")
    if value.ndim == 0 or 0 in value.shape[1:] or len(value) == 0 < num_steps:
        raise DataError(f"{what}: the column '{name}' is empty.", expected=f"[{num_steps + 1}, ...]")
    if len(value) == num_steps and not name.startswith(INFO):
        value = pad(value)
    if len(value) != num_steps + 1:
        raise DataError(f"{what}: the column '{name}' has {len(value)} rows.", expected=f"{num_steps + 1}, one per observation")
    return value


def pad(rows: np.ndarray) -> np.ndarray:
    """One row of zeros more: what is counted per step has nothing to say about the last observation."""
    return np.concatenate([rows, np.zeros((1, *rows.shape[1:]), rows.dtype)])


def check_names(spaces: Spaces) -> None:
    """Raises SpaceError for an observation without parts, or with one that no file can be named after."""
    if len(leaf_spaces(spaces)) < 2:
        raise SpaceError("The observation has no parts.", expected="at least one")
    for name in leaf_spaces(spaces):
        if not valid_name(name):
            raise SpaceError(
                f"A part of an observation cannot be called '{name.removeprefix('observation/')}'.", expected="letters, digits and underscores"
            )


def check_json(about: Mapping[str, Any]) -> None:
    """Raises DataError for a description that JSON cannot carry."""
    try:
        json.dumps(about, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise DataError(f"The description of a store cannot be saved: {error}.", expected="JSON: numbers, texts, lists and dictionaries") from error
