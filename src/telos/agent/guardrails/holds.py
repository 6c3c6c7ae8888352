"""A rule that only says yes or no."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from telos.core.errors import ConfigError, SpaceError
from telos.core.functions import as_path, load_function
from telos.core.guarding import AbstractRequirement, Ahead, Now


@dataclass(frozen=True, kw_only=True)
class Holds(AbstractRequirement):
    """A function of one's own says yes at every step.

    It guards, and does not guide: where it says no, a search cannot see which way out is the shorter one. It has no margin.

    Raises:
        ConfigError, UnknownNameError: there is no such function, or it is given nothing to judge.
    """

    graded: ClassVar[bool] = False

    function: str | Callable[..., Any]
    """`file.py:name`, `module:name`, or the function itself. It is given the quantities by their names, tensors
    `[batch horizon size]`, and returns a yes or no for each, `[batch horizon]`: `return position[..., 0] < 0.5`."""
    reads: tuple[str, ...]
    """The quantities that it is given."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "reads", (self.reads,) if isinstance(self.reads, str) else tuple(self.reads))
        object.__setattr__(self, "function", as_path(self.function))
        if not self.reads:
            raise ConfigError(f"The rule '{self.function}' reads nothing.", expected="reads=('position',), the quantities that it judges")
        _ = self.loaded

    @cached_property
    def loaded(self) -> Callable[..., Any]:
        """The function itself."""
        return load_function(self.function)

    @property
    def quantities(self) -> tuple[str, ...]:
        return self.reads

    def value(self, now: Now, ahead: Ahead, memory: Float[Tensor, "batch memory"]) -> Float[Tensor, "batch horizon"]:
        given = {name: ahead[name].detach() for name in self.reads}
        first = given[self.reads[0]]
        try:
            holds = torch.as_tensor(self.loaded(**given), device=first.device)
        except TypeError as error:
            raise ConfigError(f"The rule '{self.function}' cannot be asked: {error}.", expected=f"a function of {', '.join(self.reads)}") from error
        if holds.shape != first.shape[:-1] or holds.dtype != torch.bool:
            raise SpaceError(
                f"The rule '{self.function}' gives {holds.dtype} {list(holds.shape)} for '{self.reads[0]}' {list(first.shape)}.",
                expected=f"a yes or no for each step, torch.bool {list(first.shape[:-1])}: look at {self.reads[0]}[..., 0]",
            )
        return 1 - 2 * holds.to(first.dtype)
