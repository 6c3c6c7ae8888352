"""Whether values that cannot be changed were changed all the same."""

import dataclasses
import types
from collections.abc import Iterable, Mapping
from typing import Any

from telos.core.functions import code_of

LEAVES = (int, float, complex, str, bytes, bool, type(None), type)


class WatchedValue:
    """A frozen value and all that is in it. What Python itself keeps from changing is compared by identity, anything else by what it says."""

    def __init__(self, value: Any) -> None:
        self.value = value
        self._parts: list[tuple[dict[str, Any], str, Any]] = []
        self._objects: list[tuple[Any, int]] = []
        self._described: list[tuple[Any, Any]] = []
        self._seen: set[int] = set()
        self._watch(value)

    def unchanged(self) -> bool:
        """Whether everything is as it was."""
        for fields, name, held in self._parts:
            if fields.get(name, self) is not held:
                return False
        for held, num in self._objects:
            if len(vars(held)) != num and _shadows(held):
                return False
        return all(_describe(held) == before for held, before in self._described)

    def _watch(self, value: Any) -> None:
        if isinstance(value, LEAVES) or id(value) in self._seen:
            return
        self._seen.add(id(value))
        if isinstance(value, (tuple, frozenset)):
            self._each(value)
        elif isinstance(value, Mapping):
            self._described.append((value, _describe(value)))
            self._each(value.values())
        elif dataclasses.is_dataclass(value) and not isinstance(value, types.FunctionType):
            fields = vars(value)
            self._parts += [(fields, name, held) for name, held in fields.items()]
            self._objects.append((value, len(fields)))
            self._each(list(fields.values()))
        else:
            self._described.append((value, _describe(value)))

    def _each(self, values: Iterable[Any]) -> None:
        for value in values:
            self._watch(value)


def _shadows(value: Any) -> bool:
    """Whether something was put in front of a method of the class."""
    return any(isinstance(getattr(type(value), name, None), (types.FunctionType, property)) for name in vars(value))


def _describe(value: Any) -> Any:
    if isinstance(value, Mapping):
        return [(key, id(part)) for key, part in value.items()]
    if isinstance(value, types.FunctionType):
        return code_of(value)
    return repr(value)
