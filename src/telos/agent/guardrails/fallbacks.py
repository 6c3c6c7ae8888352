"""What is done when no plan is safe, and what every plan must be able to end in."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from jaxtyping import Num
from torch import Tensor

from telos.core.errors import ConfigError
from telos.core.guarding import AbstractFallback
from telos.core.readouts import AbstractReadout
from telos.core.spaces import ActionSpace, DiscreteSpace, VectorSpace
from telos.core.types import State


def _check_steps(steps: int, name: str) -> None:
    if not steps >= 1:
        raise ConfigError(f"The fallback '{name.lower()}' comes to rest in {steps} steps.", expected="1 step or more")


@dataclass(frozen=True, kw_only=True)
class Hold(AbstractFallback):
    """Does the same all the time: nothing, or a fixed action.

    Use where a thing at rest is safe and stops at once. Not where it goes on moving by itself: then `Brake`.

    Raises:
        ConfigError: `steps` is less than 1; later, that the action does not fit the action space.
    """

    open_loop: ClassVar[bool] = True

    action: float | tuple[float, ...] | None = None
    """In the environment's units; a choice by its number. None: zero, or what the bounds leave nearest to it."""
    steps: int = 1  # type: ignore[bad-override]
    """Steps until it has come to rest; so far ahead it is imagined."""

    def __post_init__(self) -> None:
        _check_steps(self.steps, "Hold")
        if isinstance(self.action, (list, tuple, np.ndarray)):
            object.__setattr__(self, "action", tuple(float(part) for part in self.action))

    def check(self, sizes: Mapping[str, int], action_space: ActionSpace) -> None:
        self._fixed(action_space)

    def act(self, state: State, readouts: Mapping[str, AbstractReadout], action_space: ActionSpace) -> Num[Tensor, "batch action"]:
        fixed = torch.tensor(self._fixed(action_space), device=state.latent.device)
        fixed = fixed if isinstance(action_space, DiscreteSpace) else fixed.to(state.latent.dtype)
        return fixed.expand(state.num_rows, -1)

    def _fixed(self, space: ActionSpace) -> np.ndarray:
        if self.action is None and isinstance(space, DiscreteSpace):
            raise ConfigError("Nothing says which choice is rest.", fix=f"Hold(action=0), or another choice up to {space.num - 1}")
        if self.action is None:
            assert isinstance(space, VectorSpace)
            return np.clip(np.zeros(space.shape, space.dtype), *space.bounds)
        action = np.atleast_1d(np.array(self.action, dtype=space.dtype))
        checked = space.check(action, what="The action of the fallback 'hold'")
        outside = isinstance(space, VectorSpace) and ((checked < space.bounds[0]) | (checked > space.bounds[1])).any()
        if checked.shape != space.shape or outside or (isinstance(space, DiscreteSpace) and float(action[0]) != np.ravel(self.action)[0]):
            raise ConfigError(f"The fallback 'hold' does {self.action}.", expected=f"one action within bounds: {space.describe()}")
        return checked


@dataclass(frozen=True, kw_only=True)
class Brake(AbstractFallback):
    """Acts against a quantity, usually the velocity, until it has come to rest: `-gain * quantity`, as far as bounds allow.

    Raises:
        ConfigError: gain or steps are out of range; later, that the quantity has another number of numbers than an action.
    """

    quantity: str
    """What is brought to zero; one number for each of the action's."""
    gain: float
    """Action for each unit of the quantity."""
    steps: int  # type: ignore[bad-override]
    """Steps until it has come to rest; so far ahead it is imagined."""

    def __post_init__(self) -> None:
        _check_steps(self.steps, "Brake")
        if not self.gain > 0:
            raise ConfigError(f"The fallback 'brake' has the gain {self.gain}.", expected="a number above 0: it acts against the quantity")

    @property
    def quantities(self) -> tuple[str, ...]:
        return (self.quantity,)

    def check(self, sizes: Mapping[str, int], action_space: ActionSpace) -> None:
        if isinstance(action_space, DiscreteSpace):
            raise ConfigError("The fallback 'brake' needs actions that are numbers; here they are choices.", fix="Hold(action=0)")
        if sizes[self.quantity] != action_space.size:
            raise ConfigError(
                f"The fallback 'brake' acts against '{self.quantity}', which has {sizes[self.quantity]} numbers; an action has {action_space.size}.",
                expected="as many",
            )

    def act(self, state: State, readouts: Mapping[str, AbstractReadout], action_space: ActionSpace) -> Num[Tensor, "batch action"]:
        assert isinstance(action_space, VectorSpace)
        quantity = state.read(readouts[self.quantity])
        low, high = (torch.from_numpy(bound).to(quantity) for bound in action_space.bounds)
        return torch.minimum(torch.maximum(-self.gain * quantity, low), high)


@dataclass(frozen=True, kw_only=True)
class LastSafePlan(AbstractFallback):
    """Goes on with the last plan that was found safe, to its end, and does something else then.

    Use where no simple action is safe everywhere, such as in a narrow lane: the whole plan, followed by `then`, has to stay inside.
    Not with long horizons, at whose end a learned model knows little: then few plans are found safe.
    """

    resumes: ClassVar[bool] = True

    then: AbstractFallback = Hold()
    """What is done at its end."""

    def __post_init__(self) -> None:
        if self.then.resumes:
            raise ConfigError("The last safe plan ends in another one.", expected="a fallback that comes to rest, such as Hold()")

    @property
    def steps(self) -> int:  # type: ignore[override]
        return self.then.steps

    @property
    def open_loop(self) -> bool:  # type: ignore[override]
        return self.then.open_loop

    @property
    def quantities(self) -> tuple[str, ...]:
        return self.then.quantities

    def check(self, sizes: Mapping[str, int], action_space: ActionSpace) -> None:
        self.then.check(sizes, action_space)

    def act(self, state: State, readouts: Mapping[str, AbstractReadout], action_space: ActionSpace) -> Num[Tensor, "batch action"]:
        return self.then.act(state, readouts, action_space)
