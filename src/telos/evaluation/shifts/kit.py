"""Which shifts an evaluation tries, unless somebody brings their own."""

from collections.abc import Mapping, Sequence

from telos.core.config import load_class
from telos.core.errors import ConfigError, UnknownNameError
from telos.evaluation.shifts.base import AbstractShift
from telos.evaluation.shifts.looks import Blur, Brightness, Contrast, Hue, Lighting, Noise, Parameter, Scaled

ALL = "all"
GROUPS: Mapping[str, tuple[AbstractShift, ...]] = {
    "colours": (Hue(degrees=60.0), Hue(degrees=180.0), Parameter(name="agent_colour", value=(40, 90, 220))),
    "background": (Parameter(name="floor_colour", value=(205, 225, 205)), Parameter(name="wall_colour", value=(120, 70, 40)), Lighting(depth=0.4)),
    "brightness": (Brightness(factor=0.7), Brightness(factor=1.3), Contrast(factor=0.6)),
    "noise": (Noise(deviation=0.05), Noise(deviation=0.1), Blur(radius=1)),
    "size": (Scaled(factor=0.7), Scaled(factor=1.4)),
}
"""Shifts by the name of their group."""


def choose_shifts(names: Sequence[str]) -> tuple[AbstractShift, ...]:
    """The shifts of some groups, or of `all`, and those of a user's own, `file.py:ClassName`; each once.

    Raises:
        UnknownNameError: there is no such group.
        ConfigError: the class is no shift, or wants arguments.
    """
    names = [name.strip() for name in names]
    own = [_own(name) for name in names if ":" in name]
    groups = {name for name in names if ":" not in name}
    for name in groups:
        if name != ALL and name not in GROUPS:
            raise UnknownNameError.of("group of shifts", name, (ALL, *GROUPS))
    chosen = [shift for group, shifts in GROUPS.items() if group in groups or ALL in groups for shift in shifts]
    return tuple(dict.fromkeys([*chosen, *own]))


def _own(path: str) -> AbstractShift:
    kind = load_class(path)
    if not (isinstance(kind, type) and issubclass(kind, AbstractShift)):
        raise ConfigError(f"'{path}' is no shift.", expected="a frozen dataclass that inherits from AbstractShift")
    try:
        return kind()
    except TypeError as error:
        raise ConfigError(f"'{path}' cannot be made without arguments: {error}.", fix="give its fields defaults") from error
