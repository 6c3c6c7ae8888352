"""From a name and its arguments, as typed on a command line, to a world or an environment."""

import ast
import dataclasses
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import gymnasium
from gymnasium.vector import VectorEnv

from telos.core.config import choose, short_name
from telos.core.errors import ConfigError, UnknownNameError
from telos.core.world import AbstractWorld
from telos.envs import foreign
from telos.envs.adapters import adapter_of
from telos.envs.clip import Clip, split_clip
from telos.envs.flicker import Flicker
from telos.envs.four_rooms import FourRooms
from telos.envs.gym import WorldEnv, WorldVectorEnv
from telos.envs.gym_world import AbstractForeignWorld, AbstractGymWorld
from telos.envs.local_view import LocalView
from telos.envs.locked_doors import LockedDoors
from telos.envs.maze import Maze
from telos.envs.occluder import Occluder
from telos.envs.playroom import Playroom
from telos.envs.point_mass import PointMass
from telos.envs.push import Push
from telos.envs.two_rooms import TwoRooms
from telos.envs.windy_bridge import WindyBridge
from telos.envs.wrapped import WrappedWorld

WORLDS: Mapping[str, type[AbstractWorld]] = {
    kind.__name__: kind for kind in (TwoRooms, Maze, PointMass, Push, Playroom, FourRooms, LockedDoors, Flicker, LocalView, Occluder, WindyBridge)
}
INSIDE = "world"
"""The argument that names the world inside of a `WrappedWorld`."""
ENV_ARGS: Mapping[str, Any] = {"max_steps": int, "render_mode": str}
TRUTHS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def make_world(name: str, **args: Any) -> AbstractWorld:
    """The world called `name`: `two-rooms`, ..., or a world of your own, `file.py:ClassName` or `module:ClassName`.

    `gym:Name-v0` and `gym:module:Name-v0` give any of Gymnasium's environments as a world, with the fields of its adapter (`pixels`
    among them) and what its constructor takes as arguments; with `frames`, or `spacing`, it is seen in clips (`Clip`).

    Raises:
        UnknownNameError: there is no such world.
        ConfigError: an argument is unknown or out of range, or the class is no world.
    """
    if foreign.is_foreign(name):
        return _make_foreign(name, args)
    kind = _world_class(name)
    _check_names(name, args, _hints(name, args))
    own = dict(args)
    if issubclass(kind, WrappedWorld):
        own = {key: args[key] for key in args if key in _own_of_wrapped(kind)}
        inside = {key: args[key] for key in args if key not in (*own, INSIDE)}
        own[INSIDE] = make_world(_inside(kind, args), **inside)
    try:
        return kind(**own)
    except TypeError as error:
        raise ConfigError(f"'{name}' cannot be made: {error}.", expected="arguments among " + ", ".join(_field_names(kind))) from error


def make_env(name: str, **args: Any) -> gymnasium.Env:
    """One environment: a world as in `make_world`, or `gym:Name-v0` or `gym:module:Name-v0` for any of Gymnasium's.

    Args:
        name: What to make.
        args: The world's fields, `max_steps` and `render_mode`. For `gym:`, what its constructor takes, `max_steps`,
            and `pixels`: observe the rendered frame, in that many pixels. With `frames`, or `spacing`, it is seen in clips (`Clip`).

    Raises:
        UnknownNameError: there is no such environment.
        ConfigError: an argument is unknown or out of range.
    """
    if foreign.is_foreign(name) and not split_clip(args)[1]:
        return foreign.make(name, **args)
    own, options = _split(name, args)
    return WorldEnv(make_world(name, **own), **options)


def make_vector_env(name: str, num: int, **args: Any) -> VectorEnv:
    """`num` worlds side by side, as `make_world` makes them, which never reset by themselves."""
    own, options = _split(name, args)
    return WorldVectorEnv(make_world(name, **own), num, **options)


def parse_args(name: str, items: Iterable[str]) -> dict[str, Any]:
    """`["size=64", "layout=random"]` as arguments for `make_env(name, ...)`, typed as the world's fields are.

    Raises:
        UnknownNameError: there is no such environment.
        ConfigError: an item is not `key=value`, names no argument, or its value is of another type.
    """
    items = list(items)
    given = dict(item.split("=", 1) for item in items if "=" in item)
    hints = None if foreign.is_foreign(name) else {**_hints(name, given), **ENV_ARGS}
    args = {}
    for item in items:
        key, equals, text = item.partition("=")
        if not equals or not key:
            raise ConfigError(
                f"'{item}' is no argument for '{name}'.", expected="key=value" + (f" with a key among {', '.join(hints)}" if hints else "")
            )
        if hints is not None:
            _check_names(name, [key], hints)
        args[key] = _parse(name, key, text, hints[key] if hints is not None else Any)
    return args


def _make_foreign(name: str, args: Mapping[str, Any]) -> AbstractWorld:
    """The environment within its adapter, made once so that wrong arguments are told here."""
    kind = adapter_of(name)
    fields = _own_fields(kind)
    args, clip = split_clip(args)
    own = {key: value for key, value in args.items() if key in fields}
    rest = {key: value for key, value in args.items() if key not in fields}
    try:
        world = kind(env=name, args=rest, **own)
    except TypeError as error:
        raise ConfigError(f"'{name}' cannot be made: {error}.", expected="arguments among " + ", ".join(fields)) from error
    assert world.engine is not None
    if not clip:
        return world
    if not isinstance(world, AbstractGymWorld):
        raise ConfigError(f"'{name}' cannot be seen in clips: going back in it takes all its steps again.", fix="leave frames and spacing away")
    return Clip(world=world, **clip)


def _own_fields(kind: type[AbstractForeignWorld]) -> list[str]:
    """What an adapter takes beside the environment's own arguments."""
    return [name for name in _field_names(kind) if name not in ("env", "args")]


def _world_class(name: str) -> type[AbstractWorld]:
    kind = choose("environment", name, WORLDS)
    if not (isinstance(kind, type) and issubclass(kind, AbstractWorld)):
        raise ConfigError(f"'{name}' is not a world.", expected="a subclass of telos.core.world.AbstractWorld")
    return kind


def _field_names(kind: type[AbstractWorld]) -> list[str]:
    return [field.name for field in dataclasses.fields(kind) if field.init]


def _hints(name: str, args: Mapping[str, Any]) -> dict[str, Any]:
    """What a world takes, with types; one around another takes that one's name and its arguments too.

    An argument that both have goes to the outer one.
    """
    kind = _world_class(name)
    hints = typing.get_type_hints(kind)
    if not issubclass(kind, WrappedWorld):
        return {field: hints[field] for field in _field_names(kind)}
    return {**_hints(_inside(kind, args), {}), **{field: hints[field] for field in _own_of_wrapped(kind)}, INSIDE: str}


def _own_of_wrapped(kind: type[WrappedWorld]) -> list[str]:
    """What belongs to a world around another one; how often an action is repeated is the other's affair."""
    return [field for field in _field_names(kind) if field not in (INSIDE, "action_repeat")]


def _inside(kind: type[WrappedWorld], args: Mapping[str, Any]) -> str:
    """The name of the world inside of one that is around it: as it was given, or its usual one."""
    name = args.get(INSIDE)
    if name is None:
        name = short_name(type(next(field.default for field in dataclasses.fields(kind) if field.name == INSIDE)))
    if not isinstance(name, str) or foreign.is_foreign(name) or issubclass(_world_class(name), WrappedWorld):
        raise ConfigError(
            f"'{name}' cannot be the world inside of '{short_name(kind)}'.", expected="a world that ships with Telos, or one of your own"
        )
    return name


def _split(name: str, args: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The arguments of the world, and those of the environment around it."""
    if not foreign.is_foreign(name):
        _check_names(name, args, [*_hints(name, args), *ENV_ARGS])
    return world_args(name, args), {key: args[key] for key in args if key in ENV_ARGS}


def world_args(name: str, args: Mapping[str, Any]) -> dict[str, Any]:
    """Of the arguments of `make_env`, those that `make_world` takes."""
    fields = _own_fields(adapter_of(name)) if foreign.is_foreign(name) else ()
    return {key: value for key, value in args.items() if key not in ENV_ARGS or key in fields}


def _check_names(name: str, args: Iterable[str], known: Iterable[str]) -> None:
    for key in args:
        if key not in known:
            refusal = UnknownNameError.of(f"argument of '{name}'", key, known)
            raise ConfigError(refusal.what, expected=refusal.expected, fix=refusal.fix)


def _parse(name: str, key: str, text: str, hint: Any) -> Any:
    try:
        return _parser(hint)(text)
    except (ValueError, SyntaxError, KeyError) as error:
        raise ConfigError(f"'{text}' is no value for '{key}' of '{name}'.", expected=_describe(hint)) from error


def _parser(hint: Any) -> Callable[[str], Any]:
    if hint in (int, float, str):
        return hint
    if hint is bool:
        return lambda text: TRUTHS[text.lower()]
    origin, parts = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Literal:
        return {str(part): part for part in parts}.__getitem__
    if origin is tuple:
        return lambda text: _parse_tuple(text, parts)
    if origin in (typing.Union, types.UnionType):
        return lambda text: None if text.lower() == "none" else _parser(parts[0])(text)
    return _literal


def _parse_tuple(text: str, parts: tuple[Any, ...]) -> tuple[Any, ...]:
    items = [item.strip() for item in text.strip("()[] ").split(",") if item.strip()]
    if parts[-1] is Ellipsis:
        parts = (parts[0],) * len(items)
    if len(items) != len(parts):
        raise ValueError(f"{len(items)} values for {len(parts)}")
    return tuple(_parser(part)(item) for part, item in zip(parts, items, strict=True))


def _literal(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return TRUTHS[text.lower()] if text.lower() in ("true", "false") else text


def _describe(hint: Any) -> str:
    if hint is bool:
        return "true or false"
    if typing.get_origin(hint) is typing.Literal:
        return "one of " + ", ".join(map(str, typing.get_args(hint)))
    names = {int: "a whole number", float: "a number", str: "text"}
    if typing.get_origin(hint) is tuple:
        return "values with commas between them: " + ", ".join(names.get(part, "...") for part in typing.get_args(hint))
    return names.get(hint, str(hint))
