"""Checks of the parameters of worlds: every refusal names the field and its legal values."""

import math
from collections.abc import Collection
from typing import Any

from telos.core.errors import ConfigError

Colour = tuple[int, int, int]
"""Red, green and blue, 0 to 255."""


def check_choice(owner: object, name: str, choices: Collection[str | int]) -> None:
    """Raises ConfigError if the field is none of `choices`."""
    value = getattr(owner, name)
    if value not in choices:
        raise _refuse(owner, name, value, "one of " + ", ".join(map(str, choices)))


def check_number(owner: object, name: str, low: float, high: float = math.inf) -> None:
    """Raises ConfigError if the field is no finite number from `low` to `high`, both included."""
    value = getattr(owner, name)
    if not _is_number(value) or not low <= value <= high:
        raise _refuse(owner, name, value, f"a number from {low:g} to {high:g}" if math.isfinite(high) else f"a number of at least {low:g}")


def check_count(owner: object, name: str, low: int, high: float = math.inf) -> None:
    """Raises ConfigError if the field is no whole number from `low` to `high`, both included."""
    value = getattr(owner, name)
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise _refuse(owner, name, value, f"a whole number from {low} to {high:g}" if math.isfinite(high) else f"a whole number of at least {low}")


def check_interval(owner: object, name: str, low: float, high: float) -> None:
    """Raises ConfigError if the field is no pair `(least, greatest)` within `low` and `high`."""
    value = getattr(owner, name)
    pair = isinstance(value, tuple) and len(value) == 2 and all(map(_is_number, value))
    if not pair or not low <= value[0] <= value[1] <= high:
        raise _refuse(owner, name, value, f"two numbers, the smaller first, from {low:.4g} to {high:.4g}")


def check_colours(owner: object, *names: str) -> None:
    """Raises ConfigError if a field is no colour."""
    for name in names:
        value = getattr(owner, name)
        if not (isinstance(value, tuple) and len(value) == 3 and all(isinstance(part, int) and 0 <= part <= 255 for part in value)):
            raise _refuse(owner, name, value, "three whole numbers from 0 to 255: red, green, blue")


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _refuse(owner: object, name: str, value: Any, expected: str) -> ConfigError:
    return ConfigError(f"{type(owner).__name__} cannot have {name}={value!r}.", expected=expected)
