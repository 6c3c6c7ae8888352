"""All the chance of a search as one tensor, so that the search becomes a function of what it is given."""

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

DRAWS = (torch.randn, torch.rand)


class ChanceTape(TorchFunctionMode):
    """While it is entered, `torch.randn` and `torch.rand` read the next numbers of a tape instead of asking a generator.

    Args:
        tape: `[numbers]`, standard normal; None: draw as usual, and only count. Uniform numbers are made by the normal
            distribution function.
    """

    def __init__(self, tape: Tensor | None) -> None:
        super().__init__()
        self.tape, self.used = tape, 0
        self.follows_gradients = False

    def __torch_function__(self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None) -> Any:
        self.follows_gradients |= func is torch.Tensor.requires_grad_
        if func not in DRAWS:
            return func(*args, **(kwargs or {}))
        shape = tuple(args[0]) if len(args) == 1 and not isinstance(args[0], int) else args
        start, self.used = self.used, self.used + math.prod(shape)
        if self.tape is None:
            return func(*args, **(kwargs or {}))
        normal = self.tape[start : self.used].reshape(shape)
        return normal if func is torch.randn else torch.special.ndtr(normal).clamp(max=1 - 2**-24)
