"""Bodies of requests: JSON, or the raw bytes of an observation. Nothing is unpickled, and no size is believed."""

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from telos.core.errors import SpaceError, TelosError
from telos.core.spaces import AbstractSpace, ActionSpace, DiscreteSpace, ObservationSpace, PixelSpace, Tree, TreeSpace, VectorSpace
from telos.serving.refusals import MalformedError

JSON, RAW = "application/json", "application/octet-stream"
FRAME, AGE = "telos-frame", "telos-age-ms"
"""Headers of a raw body, for what JSON says inside."""


def read_json(body: bytes) -> dict[str, Any]:
    """The JSON object in a body. Raises MalformedError."""
    try:
        content = json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise MalformedError("The body is not valid JSON.", expected="a JSON object") from error
    if not isinstance(content, dict):
        raise MalformedError("The body is JSON, but no object.", expected='such as {"frame": 0, "age_ms": 0, "observation": [...]}')
    return content


def number(value: Any, what: str) -> float:
    """A finite number of 0 or more, such as an age. Raises MalformedError."""
    try:
        found = float(value) if not isinstance(value, bool) else math.nan
    except (TypeError, ValueError, OverflowError):
        found = math.nan
    if not 0 <= found < math.inf:
        raise MalformedError(f"{what} is {str(value)[:40]!r}.", expected="a number of 0 or more")
    return found


def whole(value: Any, what: str) -> int:
    """A whole number of 0 or more, such as that of a frame. Raises MalformedError."""
    found = number(value, what)
    if found != int(found) or found >= 2**53:
        raise MalformedError(f"{what} is {str(value)[:40]!r}.", expected="a whole number of 0 or more")
    return int(found)


def observation_from_json(value: Any, space: ObservationSpace, what: str) -> Tree:
    """An observation from lists of numbers; checked by the space afterwards. Raises SpaceError."""
    if isinstance(space, TreeSpace):
        if not isinstance(value, Mapping) or set(value) != set(space.spaces):
            raise SpaceError(f"{what} does not have the right parts.", expected=f"an object with {sorted(space.spaces)}")
        return {name: _array(value[name], part, f"{what}, part '{name}',") for name, part in space.spaces.items()}
    return _array(value, space, what)


def action_from_json(value: Any, space: ActionSpace, what: str) -> np.ndarray:
    """An action from a list of numbers. Raises SpaceError."""
    action = space.check(_array(value, space, what), what=what)
    if space.batch_shape(action, what=what):
        raise SpaceError(f"{what} is a batch.", expected=f"a single one: {space.describe()}")
    return action


def observation_from_bytes(body: bytes, space: ObservationSpace, what: str) -> Tree:
    """An observation from its raw little-endian bytes, the parts of a tree in order of their names. Raises SpaceError."""
    parts = dict(sorted(space.spaces.items())) if isinstance(space, TreeSpace) else {"": space}
    sizes = {name: math.prod(part.shape) * part.dtype.itemsize for name, part in parts.items()}
    if len(body) != sum(sizes.values()):
        raise SpaceError(f"{what} has {len(body):,} bytes.", expected=f"{sum(sizes.values()):,}: {space.describe()}")
    arrays, start = {}, 0
    for name, part in parts.items():
        content = body[start : start + sizes[name]]
        arrays[name] = np.frombuffer(content, part.dtype.newbyteorder("<")).reshape(part.shape).astype(part.dtype)
        start += sizes[name]
    return arrays if isinstance(space, TreeSpace) else arrays[""]


def describe_space(space: Any) -> dict[str, Any]:
    """What a client needs to know of a space."""
    match space:
        case TreeSpace():
            return {"kind": "tree", "parts": {name: describe_space(part) for name, part in sorted(space.spaces.items())}}
        case DiscreteSpace():
            return {"kind": "choice", "shape": [1], "dtype": "int64", "num": space.num}
        case VectorSpace():
            low, high = ([float(value) if math.isfinite(value) else None for value in bound] for bound in space.bounds)
            return {"kind": "vector", "shape": list(space.shape), "dtype": "float32", "low": low, "high": high}
        case PixelSpace():
            return {"kind": "picture", "shape": list(space.shape), "dtype": "uint8", "low": 0, "high": 255}
    raise AssertionError(f"a space of a kind that no model has: {space!r}")


def _array(value: Any, space: AbstractSpace, what: str) -> np.ndarray:
    try:
        array = np.asarray(value)
        if array.dtype.kind not in "biuf":
            raise ValueError("no numbers")
        if isinstance(space, PixelSpace):
            # JSON knows no bytes: whole numbers from 0 to 255 are.
            if array.size and (array.dtype.kind == "f" or array.min() < 0 or array.max() > 255):
                raise SpaceError(f"{what} holds numbers that are no brightness.", expected="whole numbers from 0 to 255")
            array = array.astype(np.uint8)
    except (ValueError, TypeError, OverflowError) as error:
        if isinstance(error, TelosError):
            raise
        raise SpaceError(f"{what} holds something other than numbers in equal rows.", expected=space.describe()) from error
    return array
