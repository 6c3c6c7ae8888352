"""Functions of a user's own inside of values: named by where they are found, so that they can be saved and told apart."""

import hashlib
import inspect
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

from telos.core.config import class_path, load_class
from telos.core.errors import ConfigError


def as_path(function: Any) -> Any:
    """`module:name` of a function that can be found again by it; one that cannot, such as a lambda, stays what it is.

    Raises:
        ConfigError: it is neither a function nor a name of one.
    """
    if isinstance(function, str):
        return function
    if not callable(function):
        raise ConfigError(f"{function!r} is no function.", expected="file.py:name, module:name, or a function")
    if not isinstance(function, types.FunctionType) or "<" in function.__qualname__ or function.__module__ == "__main__":
        return function
    path = class_path(function)  # type: ignore[bad-argument-type]
    return path if load_function(path) is function else function


def load_function(function: str | Callable[..., Any]) -> Callable[..., Any]:
    """The function of this name, or the function itself. Raises ConfigError or UnknownNameError if there is none."""
    found = load_class(function) if isinstance(function, str) else function
    if not callable(found):
        raise ConfigError(f"'{function}' is no function.", expected="file.py:name, or module:name")
    return found


def fingerprint_of_function(function: Callable[..., Any]) -> str:
    """Differs wherever the function, or another line of its file, differs; without a file, wherever what it computes does."""
    source = inspect.getsourcefile(function) if isinstance(function, types.FunctionType) else None
    digest = hashlib.sha256(code_of(function))
    if source is not None and Path(source).is_file():
        # Bytecode depends on the version of Python, text does not.
        digest = hashlib.sha256(Path(source).read_bytes() + function.__qualname__.encode() + repr(_closed_over(function)).encode())
    return digest.hexdigest()


def code_of(function: Callable[..., Any]) -> bytes:
    """What a function computes, as bytes: code, constants and what it closes over; all that can be exchanged without a trace."""
    code = getattr(function, "__code__", None)
    if code is None:
        return f"{type(function).__module__}.{type(function).__qualname__} {function!r}".encode()
    return _bytes_of(code) + repr((function.__defaults__, function.__kwdefaults__, _closed_over(function))).encode()


def _closed_over(function: Any) -> list[Any]:
    return [cell.cell_contents for cell in getattr(function, "__closure__", None) or ()]


def _bytes_of(code: types.CodeType) -> bytes:
    constants = b"".join(_bytes_of(part) if isinstance(part, types.CodeType) else repr(part).encode() for part in code.co_consts)
    return code.co_code + repr(code.co_names).encode() + constants
