"""Tasks in TOML, for people: one table for each thing that is asked, and they add up."""

import tomllib
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from telos.agent.cost import ActionEffort, ActionSmoothness
from telos.agent.guardrails import guardrail_from_mapping, region_from_mapping
from telos.agent.tasks import (
    Avoid,
    FollowPath,
    Hold,
    Optimise,
    Prefer,
    ReachAny,
    ReachBy,
    ReachRegion,
    ReachValue,
    StayNearData,
    VisitAll,
    VisitInOrder,
)
from telos.agent.tasks.targets import AbstractTarget
from telos.core.config import load_class
from telos.core.contracts import AbstractCost
from telos.core.errors import ConfigError, TelosError, UnknownNameError
from telos.core.regions import AbstractRegion
from telos.core.tasks import AbstractTask
from telos.recipes.shown_goals import GOAL_KEYS, shown_goal

Table = dict[str, Any]
REGIONS = ("disc", "box", "polygon", "field", "outside", "any_of", "all_of")
"""Settings that say a region, as guardrails have them."""
TARGET = ("quantity", "value", "within", "hold", *REGIONS)
"""Settings of one target."""
EFFORTS: Mapping[str, Callable[[], AbstractCost]] = {"effort": ActionEffort, "smoothness": ActionSmoothness}
DRIVES = (*EFFORTS, "near_data")


def load_task(path: Path | str) -> AbstractTask:
    """The task that a TOML file describes. Pictures and stores in it are looked for beside the file.

    Raises:
        ConfigError: it is no TOML, a setting is missing, or out of range; the message names file and table.
        UnknownNameError: a table or a setting stands for nothing; answers with the closest one.
        DataError: a picture or a frame that it names cannot be read.
    """
    path = Path(path)
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is no TOML: {error}.", expected='tables such as [reach] with settings such as quantity = "position"') from error
    return task_of(content, path.parent, str(path))


def task_of(content: Mapping[str, Any], folder: Path = Path(), source: str = "The task") -> AbstractTask:
    """The same from what such a file holds. Raises what `load_task` raises."""
    task: AbstractTask | None = None
    additions: list[AbstractTask | AbstractCost | Any] = []
    for written, value in content.items():
        kind = written.replace("-", "_")
        if kind not in KINDS and kind not in ("drive", "guardrail"):
            raise _at(source, UnknownNameError.of("kind of table", written, (*KINDS, "drive", "guardrail")))
        tables = value if isinstance(value, list) else [value]
        for number, table in enumerate(tables):
            where = f"[{kind}]" if len(tables) == 1 else f"[[{kind}]] number {number + 1}"
            if not isinstance(table, dict):
                raise ConfigError(f"{source}: '{kind}' is {table!r}.", expected=f"a table: [{kind}], and settings below")
            try:
                part = _part(kind, dict(table), folder)
            except TelosError as error:
                raise _at(f"{source}, {where}", error) from error
            if kind in KINDS:
                task = part if task is None else task + part
            else:
                additions.append(part)
    if task is None:
        raise ConfigError(f"{source} asks for nothing to be done.", expected=f"a table such as [{'], ['.join(KINDS)}]")
    for part in additions:
        task = task + part
    return task


def _at(where: str, error: TelosError) -> TelosError:
    """The same mistake, and where it is."""
    return type(error)(f"{where}: {error.what}", expected=error.expected, fix=error.fix)


def _part(kind: str, table: Table, folder: Path) -> Any:
    if kind == "guardrail":
        return guardrail_from_mapping(table, folder=folder)
    weight = table.pop("weight", 1.0)
    if isinstance(weight, bool) or not isinstance(weight, (int, float)) or not 0 < weight < float("inf"):
        raise ConfigError(f"weight = {weight!r}.", expected="a number above 0")
    part = _drive(table) if kind == "drive" else KINDS[kind](table, folder)
    return part if weight == 1 else weight * part


def _reach(table: Table, folder: Path) -> AbstractTask:
    _know(table, (*TARGET, *GOAL_KEYS))
    return shown_goal(table, folder) if set(table) & set(GOAL_KEYS) else _target(table, folder)


def _target(table: Table, folder: Path) -> AbstractTarget:
    """One target: a value, or a region."""
    _know(table, TARGET)
    quantity = _need(table, "quantity", str, '"position"')
    rules = {name: table[name] for name in ("hold",) if name in table}
    region = _region(table, folder)
    if region is not None:
        if "value" in table or "within" in table:
            raise ConfigError("A target is a value or a region, not both.", fix="leave out 'value' and 'within', or the region")
        return ReachRegion(quantity, region, **rules)
    if "value" not in table:
        raise ConfigError("Nothing says where to go.", expected=f"value = [0.8, 0.2], or a region: {', '.join(REGIONS)}")
    return ReachValue(quantity, table["value"], **rules, **{name: table[name] for name in ("within",) if name in table})


def _region(table: Table, folder: Path) -> AbstractRegion | None:
    named = {name: table[name] for name in REGIONS if name in table}
    if len(named) > 1:
        raise ConfigError(f"A target is one region, not {' and '.join(named)}.", fix="say any_of = [...], or take [reach_any] for several targets")
    if isinstance(named.get("polygon"), list):
        named["polygon"] = {"corners": named["polygon"]}
    return region_from_mapping(named, "the target", folder=folder) if named else None


def _several(kind: type[ReachAny] | type[VisitInOrder] | type[VisitAll], table: Table, folder: Path) -> AbstractTask:
    """Several targets: each a list of numbers or a table; what stands outside of them holds for all."""
    _know(table, ("targets", "quantity", "within", "hold"))
    targets = _need(table, "targets", list, "[[0.2, 0.2], [0.8, 0.8]]")
    common = {name: value for name, value in table.items() if name != "targets"}
    places = []
    for target in targets:
        own = target if isinstance(target, dict) else {"value": target}
        # A region has no tolerance; it is for the values among the targets.
        shared = {name: value for name, value in common.items() if name != "within" or "value" in own}
        places.append(_target({**shared, **own}, folder))
    return kind(*places)


def _hold(table: Table, folder: Path) -> AbstractTask:
    _know(table, (*(name for name in TARGET if name != "hold"), "steps"))
    rest = {name: table.pop(name) for name in ("steps",) if name in table}
    return Hold(_target(table, folder), **rest)


def _reach_by(table: Table, folder: Path) -> AbstractTask:
    _know(table, (*TARGET, "deadline", "effort"))
    _need(table, "deadline", int, "30")
    rest = {name: table.pop(name) for name in ("deadline", "effort") if name in table}
    return ReachBy(_target(table, folder), **rest)


def _follow(table: Table, folder: Path) -> AbstractTask:
    _know(table, ("quantity", "points", "steps", "within", "join"))
    quantity = _need(table, "quantity", str, '"position"')
    points, steps = _need(table, "points", list, "[[0.2, 0.2], [0.8, 0.2]]"), _need(table, "steps", int, "40")
    return FollowPath(quantity, points, steps, **{name: table[name] for name in ("within", "join") if name in table})


def _optimise(direction: str, table: Table, folder: Path) -> AbstractTask:
    _know(table, ("quantity", "index", "enough", "hold"))
    quantity = _need(table, "quantity", str, '"position"')
    rules = {name: value for name, value in table.items() if name != "quantity"}
    return Optimise(quantity, direction, **rules)  # type: ignore[arg-type]


def _avoid(table: Table, folder: Path) -> AbstractTask:
    _know(table, ("quantity", "margin", *REGIONS))
    quantity, region = _need(table, "quantity", str, '"position"'), _region(table, folder)
    if region is None:
        raise ConfigError("Nothing says where not to be.", expected=f"a region: {', '.join(REGIONS)}")
    return Avoid(quantity, region, **{name: table[name] for name in ("margin",) if name in table})


def _own(table: Table, folder: Path) -> AbstractTask:
    """A task of the user's own: `task = "file.py:Class"`, and its fields beside."""
    path = _need(table, "task", str, '"patrol.py:Patrol"')
    file, _, name = path.rpartition(":")
    beside = f"{folder / file}:{name}" if file.endswith(".py") else path
    kind = load_class(beside)
    if not (isinstance(kind, type) and issubclass(kind, AbstractTask)):
        raise ConfigError(f"'{path}' is no task.", expected="a class with the base AbstractTask or AbstractQuantityTask")
    try:
        return kind(**{name: value for name, value in table.items() if name != "task"})
    except TypeError as error:
        raise ConfigError(f"{kind.__name__} cannot be made: {error}.", expected="its fields, by their names") from error


def _drive(table: Table) -> AbstractTask | AbstractCost:
    _know(table, ("kind", "critic"))
    if len(table) != 1:
        kinds = " or ".join(f'kind = "{name}"' for name in DRIVES)
        raise ConfigError("A drive is of one kind.", expected=f'{kinds}, or the name of a critic: critic = "calm"')
    if "critic" in table:
        return Prefer(_need(table, "critic", str, '"calm"'))
    kind = _need(table, "kind", str, '"effort"')
    if kind not in DRIVES:
        raise UnknownNameError.of("drive", kind, DRIVES)
    return StayNearData() if kind == "near_data" else EFFORTS[kind]()


def _need(table: Table, name: str, kind: type, example: str) -> Any:
    value = table.get(name)
    if isinstance(value, bool) or not isinstance(value, kind) or value == "":
        raise ConfigError(f"{name} is {'missing' if value is None else repr(value)}.", expected=f"{name} = {example}, or so")
    return value


def _know(table: Table, known: tuple[str, ...]) -> None:
    for name in table:
        if name not in known:
            raise UnknownNameError.of("setting", name, known)


KINDS: Mapping[str, Callable[[Table, Path], AbstractTask]] = {
    "reach": _reach,
    "reach_any": partial(_several, ReachAny),
    "visit_in_order": partial(_several, VisitInOrder),
    "visit_all": partial(_several, VisitAll),
    "hold": _hold,
    "follow": _follow,
    "largest": partial(_optimise, "largest"),
    "smallest": partial(_optimise, "smallest"),
    "reach_by": _reach_by,
    "avoid": _avoid,
    "own": _own,
}
"""What each table of a task file stands for."""
