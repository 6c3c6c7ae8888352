"""Checks of what people give to a task."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from telos.core.errors import ConfigError, SpaceError


def as_tuple(value: Any, what: str, *, depths: Sequence[int]) -> tuple[Any, ...]:
    """Numbers, a list or an array of them as (nested) tuples, so that tasks can be compared, and saved.

    Args:
        depths: how deeply they may be nested; a single number counts as a list of one.

    Raises:
        ConfigError: it holds something else, or nothing, or is nested otherwise.
    """
    expected = {1: "a number, or a list of numbers", 2: "points: a list of lists of numbers", 3: "points for each episode"}[depths[0]]
    try:
        array = np.atleast_1d(np.asarray(value))
    except (ValueError, TypeError) as error:
        raise ConfigError(f"{what} is {value!r}.", expected=expected) from error
    if array.dtype.kind not in "iuf" or array.ndim not in depths or array.size == 0 or not np.isfinite(array).all():
        raise ConfigError(f"{what} is {value!r}.", expected=f"{expected}, all of them finite")
    return _tuples(array)


def check_size(quantity: str, given: int, size: int) -> None:
    """Raises SpaceError if a quantity has another number of numbers than the task gives."""
    if given != size:
        raise SpaceError(f"The task gives {given} numbers for '{quantity}'.", expected=f"{size}, as the agent reads it")


def check_quantity(name: Any) -> None:
    """Raises ConfigError unless `name` could be the name of a quantity."""
    if not isinstance(name, str) or not name:
        raise ConfigError(f"A task has quantity = {name!r}.", expected="the name of what the agent can read, such as 'position'")


def check_number(name: str, value: Any, *, above: float = -math.inf, least: float = -math.inf) -> None:
    """Raises ConfigError unless `value` is a finite number in range."""
    bound = f" above {above:g}" if above > -math.inf else f" of at least {least:g}" if least > -math.inf else ""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value) or value <= above or value < least:
        raise ConfigError(f"A task has {name} = {value!r}.", expected=f"a number{bound}")


def check_count(name: str, value: Any, *, least: int = 1) -> None:
    """Raises ConfigError unless `value` is a whole number of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ConfigError(f"A task has {name} = {value!r}.", expected=f"a whole number, {least} or more")


def _tuples(array: np.ndarray) -> tuple[Any, ...]:
    return tuple(map(float, array)) if array.ndim == 1 else tuple(map(_tuples, array))
