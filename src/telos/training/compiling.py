"""Compiled where that is possible, and plain with the same numbers where it is not."""

import warnings
from collections.abc import Callable
from typing import Any

import torch


class CompiledOrPlain:
    """A function that is compiled when it is called first; without a compiler on the machine it stays as it was, and says so once.

    Compiled code adds up in another order: equal to rounding, not to the last bit.
    """

    def __init__(self, plain: Callable[..., Any]) -> None:
        self.plain = plain
        self._now = torch.compile(plain, dynamic=False)

    def __call__(self, *args: Any) -> Any:
        try:
            return self._now(*args)
        except RuntimeError as error:
            # Imported here, for it takes two seconds.
            from torch._dynamo.exc import BackendCompilerFailed

            if self._now is self.plain or not isinstance(error, BackendCompilerFailed):
                raise
            reason = " ".join(str(error).split())[:200]
            warnings.warn(f"Nothing was compiled, and training runs plainly: {reason}", RuntimeWarning, stacklevel=2)
            self._now = self.plain
            return self.plain(*args)
