"""Which columns are taken, under what names, and what will be in the store."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import get_args

from telos.core.errors import ConfigError, DataError, UnknownNameError
from telos.core.spaces import AbstractSpace, DiscreteSpace, Spaces, TreeSpace, VectorSpace
from telos.data.formats.base import Description, Role, SourceColumn
from telos.data.importing.options import ImportOptions, choose_episodes
from telos.data.importing.stored import stored_space
from telos.data.manifest import INFO, leaf_spaces, valid_name

ROLES = get_args(Role)
NONE = "none"
FPS_TOLERANCE = 0.01


@dataclass(frozen=True)
class Taken:
    """One column of the source, and what becomes of it."""

    source: SourceColumn
    role: Role
    target: str
    """Its name in the store."""
    space: AbstractSpace
    """Of one row in the store."""

    @property
    def per_step(self) -> bool:
        """Whether its last row in an episode is padding."""
        return self.role == "action" or (self.role == "extra" and self.source.per == "step")


@dataclass(frozen=True)
class Plan:
    """What an import will do."""

    description: Description
    options: ImportOptions
    columns: tuple[Taken, ...]
    spaces: Spaces
    """Bounds of actions may still be learned on the way."""
    stride: int
    episodes: tuple[int, ...]
    shortened: bool
    """Whether the last observation of each episode goes too, since a column has no row for it."""
    relative_to: str | None
    """Column of the store that is subtracted from the actions."""

    @property
    def action(self) -> Taken:
        return next(column for column in self.columns if column.role == "action")

    @property
    def time(self) -> Taken | None:
        return next((column for column in self.columns if column.role == "time"), None)

    @property
    def names(self) -> tuple[str, ...]:
        """Columns of the source that are read."""
        return tuple({column.source.name: None for column in self.columns})

    @property
    def left_out(self) -> tuple[str, ...]:
        """Columns of the source that are not taken."""
        return tuple(column.name for column in self.description.columns if column.name not in self.names)

    @property
    def learns_bounds(self) -> bool:
        """Whether the bounds of actions are the least and the greatest logged."""
        action = self.spaces.action
        return self.options.bounds == "auto" and isinstance(action, VectorSpace) and not action.bounded


def make_plan(description: Description, options: ImportOptions) -> Plan:
    """Raises ConfigError, DataError or UnknownNameError for options that do not fit what was found."""
    wanted = _wanted(description, options.columns)
    stride = _stride(description, options)
    _check_combine(options, stride)
    named = _named([(role, name, column) for role, name, column in wanted])
    columns = tuple(Taken(column, role, target, stored_space(column, role, options, stride)) for role, target, column in named)
    spaces = _spaces(columns)
    return Plan(
        description=description,
        options=options,
        columns=columns,
        spaces=spaces,
        stride=stride,
        episodes=tuple(choose_episodes(options.episodes, len(description.lengths))),
        shortened=any(column.source.per == "step" and column.role in ("observation", "info", "time") for column in columns),
        relative_to=_relative(columns, options),
    )


def _wanted(description: Description, asked: Sequence[str]) -> list[tuple[Role, str, SourceColumn]]:
    """Role, name if one was given, and column; what is asked for a role replaces the default of that role."""
    known = {column.name: column for column in description.columns}
    found: list[tuple[Role, str, SourceColumn]] = []
    replaced: set[str] = set()
    for text in asked:
        left, equals, name = text.partition("=")
        role, _, given = left.partition("/")
        if not equals or role not in ROLES or (given and role in ("action", "time")):
            raise ConfigError(
                f"'{text}' does not say which column to take.", expected=f"ROLE=COLUMN or ROLE/NAME=COLUMN, ROLE one of {', '.join(ROLES)}"
            )
        replaced.add(role)
        if name == NONE and name not in known:
            continue
        if name not in known:
            raise UnknownNameError.of("column", name, known)
        found.append((role, given, known[name]))  # type: ignore[arg-type]
    named = {column.name for _, _, column in found}
    found += [(column.role, "", column) for column in description.columns if column.role not in replaced and column.name not in named]
    times = [entry for entry in found if entry[0] == "time"]
    found = [entry if entry[0] != "time" or entry is times[0] else ("extra", "", entry[2]) for entry in found]
    for role in ("observation", "action"):
        num = sum(entry[0] == role for entry in found)
        if num == 0 or (role == "action" and num > 1):
            what = f"The source says of no column that it is the {role}" if num == 0 else "The source has several columns of actions"
            raise DataError(f"{what}.", expected=f"one of {', '.join(known)}", fix=f"--columns {role}=NAME")
    return found


def _named(wanted: list[tuple[Role, str, SourceColumn]]) -> list[tuple[Role, str, SourceColumn]]:
    """The same with names in the store: `observation` alone, or `observation/NAME`; `action`; `info/NAME`; `NAME`; `time`."""
    observations = [entry for entry in wanted if entry[0] == "observation"]
    alone = len(observations) == 1 and not observations[0][1]
    named, used = [], set()
    for role, given, column in wanted:
        short = given or clean(column.name.replace(".", "/").rpartition("/")[2])
        target = _target(role, short, alone)
        if target in used and not given:
            target = _target(role, clean(column.name), alone)
        if target in used or not valid_name(target):
            raise ConfigError(
                f"Two columns would be called '{target}'." if target in used else f"No column can be called '{target}'.",
                expected="letters, digits and underscores",
                fix=f"name it: --columns {role}/NAME={column.name}",
            )
        used.add(target)
        named.append((role, target, column))
    return named


def _target(role: Role, short: str, alone: bool) -> str:
    match role:
        case "observation":
            return "observation" if alone else f"observation/{short}"
        case "info":
            return f"{INFO}{short}"
        case "extra":
            # Names of what is learned from are kept for it.
            return f"extra/{short}" if short.split("/")[0] in ("observation", "action", "info", "time") else short
    return role


def clean(name: str) -> str:
    """A name that a column can have."""
    return "/".join(re.sub(r"[^A-Za-z0-9_. -]", "_", part).lstrip(".- ") or "_" for part in name.split("/") if part) or "_"


def _spaces(columns: tuple[Taken, ...]) -> Spaces:
    parts = {column.target: column.space for column in columns if column.role == "observation"}
    action = next(column.space for column in columns if column.role == "action")
    if not isinstance(action, (VectorSpace, DiscreteSpace)):
        raise DataError("The actions are pictures.", expected="numbers", fix="--columns action=NAME")
    if "observation" in parts:
        spaces = Spaces(parts["observation"], action)  # type: ignore[arg-type]
    else:
        spaces = Spaces(TreeSpace({name.partition("/")[2]: space for name, space in parts.items()}), action)  # type: ignore[arg-type]
    assert len(leaf_spaces(spaces)) == len(parts) + 1
    return spaces


def _stride(description: Description, options: ImportOptions) -> int:
    if options.fps is None:
        return options.stride
    if description.fps is None:
        raise ConfigError(f"The source does not say how many frames a second it has, so {options.fps:g} cannot be kept.", fix="--stride K")
    stride = round(description.fps / options.fps)
    if stride < 1 or abs(description.fps / options.fps - stride) > FPS_TOLERANCE * stride:
        fitting = ", ".join(f"{description.fps / k:g}" for k in range(1, 7))
        raise ConfigError(
            f"{description.fps:g} frames a second cannot become {options.fps:g} by leaving frames out.", expected=f"one of {fitting}, ..."
        )
    return stride


def _check_combine(options: ImportOptions, stride: int) -> None:
    if stride > 1 and options.combine is None:
        raise ConfigError(
            f"Of every {stride} frames one is kept, and nobody said what becomes of the {stride} actions between.",
            expected="--combine last (targets), sum (displacements), mean (velocities) or stack (all of them side by side)",
        )
    if stride == 1 and options.combine is not None:
        raise ConfigError(f"There is nothing to combine by '{options.combine}': every frame is kept.", fix="leave --combine out, or give a --stride")


def _relative(columns: tuple[Taken, ...], options: ImportOptions) -> str | None:
    if options.relative_to is None:
        return None
    action = next(column for column in columns if column.role == "action")
    known = {name: column for column in columns if column.role in ("observation", "info") for name in (column.target, column.source.name)}
    if options.relative_to not in known:
        raise UnknownNameError.of("observation that is taken", options.relative_to, known)
    found = known[options.relative_to]
    if not isinstance(found.source.space, VectorSpace) or found.source.space.shape != action.source.space.shape:
        raise ConfigError(
            f"Actions of {action.source.space.describe()} cannot be relative to '{options.relative_to}', {found.source.space.describe()}.",
            expected="as many numbers in both",
        )
    if options.combine == "sum":
        raise ConfigError("Sums of absolute targets are relative to nothing.", expected="--combine last, mean or stack")
    return found.target


def learned(plan: Plan, low: Sequence[float], high: Sequence[float]) -> Spaces:
    """The spaces with the bounds that were logged."""
    assert isinstance(plan.spaces.action, VectorSpace)
    return replace(plan.spaces, action=VectorSpace(plan.spaces.action.size, tuple(low), tuple(high)))
