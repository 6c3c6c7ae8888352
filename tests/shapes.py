"""The shapes in the signatures of `telos`, checked at run time. In tests only: in use they cost nothing.

jaxtyping's own import hook would do, but what it wraps cannot be captured by `torch.compile`, and it wraps every function;
this one steps aside while a graph is captured, and leaves alone what promises no shape.
"""

import functools
import sys
from collections.abc import Callable, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import FunctionType, ModuleType
from typing import Any, get_args

import torch
from beartype import BeartypeConf, beartype
from jaxtyping import AbstractArray, jaxtyped


class ShapeChecks(MetaPathFinder):
    """Put in front of `sys.meta_path`, it checks the shapes of every module of `telos` that is imported from then on."""

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        if fullname.split(".")[0] != "telos":
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and isinstance(spec.loader, SourceFileLoader):
            spec.loader = _Loader(spec.loader.name, spec.loader.path)
        return spec


def install() -> None:
    """Starts checking."""
    sys.meta_path.insert(0, ShapeChecks())


def checked(function: FunctionType) -> Callable[..., Any]:
    """The function, refusing arguments and results of another shape than it promises; itself if it promises none."""
    if not any(map(_is_shape, function.__annotations__.values())):
        return function
    strict = jaxtyped(function, typechecker=_check_shapes_only)

    @functools.wraps(function)
    def either(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs) if torch.compiler.is_compiling() else strict(*args, **kwargs)

    return either


class _Loader(SourceFileLoader):
    def exec_module(self, module: ModuleType) -> None:
        super().exec_module(module)
        own = [value for value in vars(module).values() if isinstance(value, type) and value.__module__ == module.__name__]
        for owner in (module, *own):
            for name, value in list(vars(owner).items()):
                if getattr(value, "__module__", module.__name__) == module.__name__:
                    _replace(owner, name, value)


def _replace(owner: Any, name: str, value: Any) -> None:
    """Puts the checked function where the plain one was."""
    match value:
        case FunctionType():
            replacement: Any = checked(value)
        case classmethod() | staticmethod():
            replacement = type(value)(checked(value.__func__))
        case property(fget=FunctionType()):
            replacement = property(checked(value.fget), value.fset, value.fdel, value.__doc__)
        case _:
            return
    if replacement is not value:
        setattr(owner, name, replacement)


def _check_shapes_only(function: FunctionType) -> Callable[..., Any]:
    # Other annotations are the business of the static checker; some tests break them, to see what users are told.
    function.__annotations__ = {name: hint for name, hint in function.__annotations__.items() if _is_shape(hint)}
    return beartype(function, conf=BeartypeConf(is_pep484_tower=True))


def _is_shape(hint: Any) -> bool:
    return (isinstance(hint, type) and issubclass(hint, AbstractArray)) or any(map(_is_shape, get_args(hint)))
