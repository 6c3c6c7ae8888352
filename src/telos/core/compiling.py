"""Compiled where that is possible, and plain with the same numbers where it is not."""

import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch._dynamo.exc import BackendCompilerFailed

from telos.core.contracts import AbstractWorldModel


class CompiledOrPlain:
    """A function that is compiled when it is called first; without a compiler on the machine it stays as it was, and says so once.

    Compiled code adds up in another order: equal to rounding, not to the last bit.

    Args:
        dynamic: as of `torch.compile`; False: for every shape anew, None: for any size of an axis that turned out to vary.
    """

    def __init__(self, plain: Callable[..., Any], *, dynamic: bool | None = False) -> None:
        self.plain = plain
        self._now = torch.compile(plain, dynamic=dynamic)

    def __call__(self, *args: Any) -> Any:
        try:
            return self._now(*args)
        except BackendCompilerFailed as error:
            if self._now is self.plain:
                raise
            reason = " ".join(str(error).split())[:200]
            warnings.warn(f"Nothing was compiled, and all runs plainly: {reason}", RuntimeWarning, stacklevel=2)
            self._now = self.plain
            return self.plain(*args)


def compile_rollouts(world_model: AbstractWorldModel) -> None:
    """From now on the model's rollouts are compiled.

    Use where a few dozen futures are imagined at a time: calls take more time than arithmetic then. Not with hundreds on a CPU, and
    not for transformers: they lose the faster products, and their caches (docs/log.md has the figures).
    """
    world_model.rollout = CompiledOrPlain(world_model.rollout, dynamic=None)  # type: ignore[method-assign]
