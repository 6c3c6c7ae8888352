"""Values to JSON and back: an object is its own config, named by where its class is imported from."""

import dataclasses
import importlib
import importlib.util
import math
import sys
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from telos.core.errors import ConfigError, UnknownNameError

CLASS_KEY = "class"
USER_MODULE = "telos_user_"
JSON_TYPES = (str, int, float, bool, type(None))


def class_path(kind: type) -> str:
    """`module:Name` of a class, or `/path/to/file.py:Name` of one that was loaded from a user's file."""
    module = kind.__module__
    if module.startswith(USER_MODULE):
        module = str(sys.modules[module].__file__)
    return f"{module}:{kind.__qualname__}"


def load_class(path: str) -> Any:
    """The class, or function, at `module:Name` or `file.py:Name`.

    Raises:
        ConfigError: the path has another form, or the module cannot be imported.
        UnknownNameError: the module has no such name.
    """
    module_name, _, name = path.rpartition(":")
    if not module_name or not name:
        raise ConfigError(f"'{path}' does not name a class.", expected="module:Name or file.py:Name")
    module = _load_file(Path(module_name)) if module_name.endswith(".py") else _import(module_name)
    if not hasattr(module, name):
        raise UnknownNameError.of(f"class or function in {module_name}", name, [key for key, value in vars(module).items() if callable(value)])
    return getattr(module, name)


def to_json(value: Any) -> Any:
    """A frozen dataclass, and all that is in it, as JSON.

    Raises:
        ConfigError: it holds something that JSON cannot carry.
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {field.name: to_json(getattr(value, field.name)) for field in dataclasses.fields(value)}
        return {CLASS_KEY: class_path(type(value)), **fields}
    if isinstance(value, Mapping):
        return {str(key): to_json(part) for key, part in value.items()}
    if isinstance(value, (tuple, list)):
        return [to_json(part) for part in value]
    if isinstance(value, JSON_TYPES) and not (isinstance(value, float) and not math.isfinite(value)):
        return value
    raise ConfigError(f"A config holds {value!r}, which cannot be saved.", expected="numbers, strings, tuples, and frozen dataclasses of them")


def from_json(data: Any) -> Any:
    """Reads back what `to_json` wrote; lists come back as tuples.

    Raises:
        ConfigError: a class or one of its fields does not exist, or refuses its values.
    """
    if isinstance(data, Mapping) and CLASS_KEY in data:
        kind = load_class(data[CLASS_KEY])
        if not dataclasses.is_dataclass(kind):
            raise ConfigError(f"'{data[CLASS_KEY]}' is not a config.", expected="a dataclass")
        values = {name: from_json(part) for name, part in data.items() if name != CLASS_KEY}
        known = {field.name for field in dataclasses.fields(kind)}
        for name in values:
            if name not in known:
                raise UnknownNameError.of(f"field in {kind.__name__}", name, known)
        try:
            return kind(**values)
        except TypeError as error:
            raise ConfigError(f"The saved config of {kind.__name__} cannot be read: {error}.") from error
    if isinstance(data, Mapping):
        return {name: from_json(part) for name, part in data.items()}
    return tuple(map(from_json, data)) if isinstance(data, list) else data


def short_name(kind: type) -> str:
    """The name for the command line: `TwoRooms` becomes `two-rooms`, `MPPI` stays one word."""
    name = kind.__name__
    parts = [("-" if i and letter.isupper() and not name[i - 1].isupper() else "") + letter for i, letter in enumerate(name)]
    return "".join(parts).lower()


def choose(kind: str, name: str, exports: Mapping[str, type]) -> type:
    """The class that `name` stands for: the kebab-case of an export, or `module:Name`, or `file.py:Name`.

    Raises:
        UnknownNameError: no such export; answers with the closest one.
    """
    if ":" in name:
        return load_class(name)
    known = {short_name(value): value for value in exports.values()}
    if name not in known:
        raise UnknownNameError.of(kind, name, known)
    return known[name]


def _import(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ConfigError(f"The module '{name}' cannot be imported: {error}.", fix="install it, or give a file: path/to/file.py:Name") from error


def _load_file(path: Path) -> Any:
    if not path.is_file():
        raise ConfigError(f"There is no file {path}.", expected="a Python file, as in path/to/file.py:Name")
    path = path.resolve()
    # Files of one name in two folders are two modules; a file that is named twice is one, unless it was edited in between.
    name = f"{USER_MODULE}{path.stem}_{zlib.crc32(str(path).encode()):08x}"
    stamp = path.stat().st_mtime_ns, path.stat().st_size
    if name in sys.modules and vars(sys.modules[name]).get("__stamp__") == stamp:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    vars(module)["__stamp__"] = stamp
    # Dataclasses look their module up by name while they are being made.
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        raise ConfigError(f"{path} cannot be loaded: {type(error).__name__}: {error}.") from error
    return module
