"""Adam for many searches at once: every number has a step size of its own, so that rows never meet."""

import math
from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor

FORGET, FORGET_SQUARE, TINY = 0.9, 0.999, 1e-8


class Moments(NamedTuple):
    """Running means of a slope and of its square."""

    mean: Float[Tensor, "*batch"]
    square: Float[Tensor, "*batch"]


def adam_step(value: Tensor, slope: Tensor, moments: Moments, *, iteration: int, rate: float) -> tuple[Tensor, Moments]:
    """The value after step `iteration` (from 0) against the slope, about `rate` long in every number.

    Source: Kingma & Ba (2015), arXiv 1412.6980, algorithm 1.
    """
    mean = moments.mean.lerp(slope, 1 - FORGET)
    square = moments.square.lerp(slope.square(), 1 - FORGET_SQUARE)
    corrected = (square / (1 - FORGET_SQUARE ** (iteration + 1))).sqrt() + TINY
    return value - rate / (1 - FORGET ** (iteration + 1)) * mean / corrected, Moments(mean, square)


def cosine_rate(rate: float, iteration: int, num_iterations: int) -> float:
    """`rate` at first, a tenth of it at the end, along half a wave."""
    return rate * (0.55 + 0.45 * math.cos(math.pi * iteration / num_iterations))
