"""Guardrails as people write them down, in TOML or as a mapping."""

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

from telos.agent.guardrails.fallbacks import Brake, Hold, LastSafePlan
from telos.agent.guardrails.holds import Holds
from telos.agent.guardrails.order import NotBefore
from telos.agent.guardrails.requirements import Apart, KeepOut, Limit, StayInside
from telos.core.errors import ConfigError, UnknownNameError
from telos.core.guarding import AbstractFallback, AbstractRequirement, Guardrail
from telos.core.regions import AbstractRegion, Box, Disc, Field, Intersection, Outside, Polygon, Union

KINDS: dict[str, type[AbstractRequirement]] = {
    "keep_out": KeepOut,
    "stay_inside": StayInside,
    "limit": Limit,
    "apart": Apart,
    "not_before": NotBefore,
    "holds": Holds,
}
"""Requirements by the key that a guardrail has one of."""
REGIONS: dict[str, type[AbstractRegion]] = {"disc": Disc, "box": Box, "polygon": Polygon, "field": Field}
SEVERAL: dict[str, type[Union] | type[Intersection]] = {"any_of": Union, "all_of": Intersection}
FALLBACKS: dict[str, type[AbstractFallback]] = {"hold": Hold, "brake": Brake, "last_safe_plan": LastSafePlan}
OWN = ("name", "alpha", "margin", "fallback")
"""What a guardrail has beside its requirement."""


def load_guardrails_file(path: Path | str) -> tuple[Guardrail, ...]:
    """The guardrails of a TOML file, each a table `[[guardrail]]`; the files of functions are looked for beside it.

    Raises:
        ConfigError: the file cannot be read, holds no guardrail, or one has a value out of range.
        UnknownNameError: a key that nobody knows; answers with the closest one.
    """
    path = Path(path)
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise ConfigError(f"The guardrails in {path} cannot be read: {reason}.", expected="a TOML file with [[guardrail]] tables") from error
    _check_keys("table in a file of guardrails", content, ("guardrail",))
    tables = content.get("guardrail")
    if not isinstance(tables, list) or not tables:
        raise ConfigError(f"{path} holds no guardrail.", expected="one [[guardrail]] table or more, with two brackets each")
    return tuple(guardrail_from_mapping(table, folder=path.parent) for table in tables)


def guardrail_from_mapping(mapping: Mapping[str, Any], *, folder: Path | None = None) -> Guardrail:
    """A guardrail as it is written in TOML, such as `{name: ..., keep_out: {quantity: ..., disc: {...}}, fallback: "hold"}`.

    Args:
        folder: where files of functions are looked for; None: the working folder.

    Raises:
        ConfigError: something is missing, said twice, or out of range.
        UnknownNameError: a key that nobody knows; answers with the closest one.
    """
    if not isinstance(mapping, Mapping):
        raise ConfigError(f"A guardrail is {mapping!r}.", expected="a table")
    _check_keys("key of a guardrail", mapping, (*OWN, *KINDS))
    name = mapping.get("name")
    if not isinstance(name, str) or not name:
        raise ConfigError("A guardrail has no name.", expected='name = "keep clear of the pillar"')
    kinds = [kind for kind in KINDS if kind in mapping]
    if len(kinds) != 1:
        raise ConfigError(f"The guardrail '{name}' has {len(kinds)} requirements: {', '.join(kinds)}.", expected="one of " + ", ".join(KINDS))
    if "fallback" not in mapping:
        raise ConfigError(f"The guardrail '{name}' has no fallback.", expected="what is done when no plan is safe", fix='fallback = "hold"')
    what = f"'{kinds[0]}' of the guardrail '{name}'"
    requirement = _requirement(KINDS[kinds[0]], mapping[kinds[0]], what, folder)
    own: dict[str, Any] = {key: _number(mapping[key], f"'{key}' of the guardrail '{name}'") for key in ("alpha", "margin") if key in mapping}
    return Guardrail(name=name, requirement=requirement, fallback=fallback_from_mapping(mapping["fallback"], name), **own)


def fallback_from_mapping(value: Any, name: str) -> AbstractFallback:
    """A fallback as it is written in TOML: `"hold"`, or `{brake: {...}}`. Raises as `guardrail_from_mapping` does."""
    table = {value: {}} if isinstance(value, str) else value
    if not isinstance(table, Mapping) or len(table) != 1:
        raise ConfigError(f"The fallback of '{name}' is {value!r}.", expected='"hold", or a table with one of ' + ", ".join(FALLBACKS))
    ((kind, settings),) = table.items()
    _check_keys("fallback", table, FALLBACKS)
    settings = dict(_table(settings, f"the fallback of '{name}'"))
    if kind == "last_safe_plan" and "then" in settings:
        settings["then"] = fallback_from_mapping(settings["then"], name)
    return _built(FALLBACKS[kind], settings, f"the fallback '{kind}' of '{name}'")


def region_from_mapping(table: Mapping[str, Any], what: str, *, folder: Path | None = None) -> AbstractRegion:
    """The region in a table: `{disc: {...}}`, `box`, `polygon`, `field`, `outside`, `any_of` or `all_of`. Raises as the others do."""
    known = (*REGIONS, *SEVERAL, "outside")
    table = _table(table, what)
    _check_keys(f"region in {what}", table, known)
    if len(table) != 1:
        raise ConfigError(f"{_start(what)} names {len(table)} regions.", expected="one of " + ", ".join(known))
    ((kind, settings),) = table.items()
    if kind == "outside":
        return Outside(region=region_from_mapping(settings, f"'outside' in {what}", folder=folder))
    if kind in SEVERAL:
        if not isinstance(settings, (list, tuple)) or not settings:
            raise ConfigError(f"'{kind}' in {what} is {settings!r}.", expected="a list of regions, such as [{disc = {...}}, {box = {...}}]")
        return SEVERAL[kind](regions=tuple(region_from_mapping(part, f"'{kind}' in {what}", folder=folder) for part in settings))
    settings = dict(_table(settings, f"'{kind}' in {what}"))
    for bound in ("low", "high"):
        if kind == "box" and isinstance(settings.get(bound), (list, tuple)):
            # TOML has no word for nothing.
            settings[bound] = tuple(
                None if part in ("none", "None", None) or part in (float("inf"), -float("inf")) else part for part in settings[bound]
            )
    if kind == "box" and ("low" in settings) != ("high" in settings):
        given = settings.get("low", settings.get("high"))
        settings.setdefault("low", (None,) * len(given))
        settings.setdefault("high", (None,) * len(given))
    return _built(REGIONS[kind], settings, f"'{kind}' in {what}", folder)


def _requirement(kind: type[AbstractRequirement], table: Any, what: str, folder: Path | None) -> AbstractRequirement:
    settings = dict(_table(table, what))
    names = {field.name for field in fields(kind)}  # type: ignore[arg-type]
    if "region" in names:
        regions = {key: settings.pop(key) for key in (*REGIONS, *SEVERAL, "outside") if key in settings}
        _check_keys(f"key in {what}", settings, names - {"region"} | set(REGIONS) | set(SEVERAL) | {"outside"})
        if not regions:
            raise ConfigError(f"{_start(what)} has no region.", expected="one of " + ", ".join((*REGIONS, *SEVERAL, "outside")))
        settings["region"] = region_from_mapping(regions, what, folder=folder)
    if kind is NotBefore:
        for part in ("forbidden", "until"):
            if part in settings:
                settings[part] = region_from_mapping(settings[part], f"'{part}' in {what}", folder=folder)
    if kind is Holds and isinstance(settings.get("reads"), list):
        settings["reads"] = tuple(settings["reads"])
    return _built(kind, settings, what, folder)


def _built(kind: Callable[..., Any], settings: dict[str, Any], what: str, folder: Path | None = None) -> Any:
    known = {field.name: field for field in fields(kind)}  # type: ignore[arg-type]
    _check_keys(f"key in {what}", settings, known)
    missing = [name for name, field in known.items() if field.default is MISSING and name not in settings]
    if missing:
        raise ConfigError(f"{_start(what)} lacks {', '.join(missing)}.", expected="all of " + ", ".join(known))
    if isinstance(settings.get("function"), str):
        settings["function"] = _beside(settings["function"], folder)
    settings = {name: _frozen(value) for name, value in settings.items()}
    try:
        return kind(**settings)
    except TypeError as error:
        raise ConfigError(f"{_start(what)} cannot be read: {error}.", expected="numbers where numbers belong") from error


def _beside(function: str, folder: Path | None) -> str:
    file, _, name = function.rpartition(":")
    if folder is None or not file.endswith(".py") or Path(file).is_absolute():
        return function
    return f"{folder / file}:{name}"


def _frozen(value: Any) -> Any:
    return tuple(map(_frozen, value)) if isinstance(value, (list, tuple)) else value


def _table(value: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise ConfigError(f"{_start(what)} is {value!r}.", expected="a table, such as { quantity = ... }")
    return value


def _number(value: Any, what: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ConfigError(f"{what} is {value!r}.", expected="a number")
    return float(value)


def _check_keys(kind: str, mapping: Mapping[str, Any], known: Any) -> None:
    for key in mapping:
        if key not in known:
            raise UnknownNameError.of(kind, str(key), known)


def _start(what: str) -> str:
    return what[0].upper() + what[1:]
