"""What all checks share: how a broken promise is told, and the promises that every value keeps."""

import dataclasses
import json
from typing import Any

from telos.core.config import from_json, to_json
from telos.core.errors import SpaceError, TelosError


class ConformanceError(AssertionError):
    """A component does not do what its contract promises.

    Args:
        component: Its class.
        promise: What should hold, in words.
        seen: What was found instead.
    """

    def __init__(self, component: str, promise: str, seen: str = "") -> None:
        self.component, self.promise, self.seen = component, promise, seen
        super().__init__(f"{component} breaks a promise: {promise}." + (f"\n  Seen: {seen}" if seen else ""))


@dataclasses.dataclass(frozen=True)
class Promises:
    """What one component promises: `promises(holds, "what should hold", "what was seen")`."""

    component: str

    @classmethod
    def of(cls, component: Any) -> "Promises":
        """The promises of a value, a module or a class."""
        return cls((component if isinstance(component, type) else type(component)).__name__)

    def __call__(self, holds: bool, promise: str, seen: Any = "") -> None:
        """Raises ConformanceError unless the promise holds."""
        if not holds:
            raise self.broken(promise, seen)

    def broken(self, promise: str, seen: Any = "") -> ConformanceError:
        """The error to raise."""
        return ConformanceError(self.component, promise, str(seen))

    def fits(self, space: Any, value: Any, what: str) -> Any:
        """`value` in the dtype of the space. Raises ConformanceError if it does not fit the space."""
        try:
            return space.check(value, what=what)
        except SpaceError as error:
            raise self.broken(f"{what[0].lower()}{what[1:]} fits its space", error) from error


def check_value(value: Any) -> None:
    """A value is a frozen dataclass that survives being saved as JSON: a run would forget it otherwise.

    Raises:
        ConformanceError: it is none, or comes back as something else.
    """
    promises = Promises.of(value)
    frozen = dataclasses.is_dataclass(value) and type(value).__dataclass_params__.frozen
    promises(frozen, "it is a frozen dataclass, so that it is its own config", "put @dataclass(frozen=True, kw_only=True) on the class")
    try:
        again = from_json(json.loads(json.dumps(to_json(value))))
    except TelosError as error:
        raise promises.broken("it can be saved as JSON and read back; its class stands at the top of a module or file", error) from error
    promises(again == value, "it is the same after being saved as JSON and read back", again)
