"""Random numbers for candidates, in three ways of spreading them."""

from functools import lru_cache
from typing import Literal, get_args

import numpy as np
import torch
from jaxtyping import Float
from torch import Generator, Tensor
from torch.quasirandom import SobolEngine

from telos.core.errors import ConfigError

Sampling = Literal["random", "antithetic", "sobol"]
"""`random`: independent. `antithetic`: in pairs whose deviations from the mean are opposite, so that their mean errs less.
`sobol`: quasi-random, spread evenly over all numbers at once; pays where a plan has few numbers and rounds are small."""

DEEPEST = 2**-24
"""The smallest step of a float32 between 1/2 and 1: uniform numbers keep this far from 0 and 1, where normal ones are infinite."""


def normals(num: int, shape: tuple[int, ...], *, sampling: Sampling, generator: Generator) -> Float[Tensor, "1 {num} *_"]:
    """Standard normal numbers for `num` candidates of a shape."""
    if sampling == "sobol":
        return torch.special.ndtri(_sobol(num, shape, generator).clamp(DEEPEST, 1 - DEEPEST))
    if sampling == "antithetic":
        half = torch.randn(1, (num + 1) // 2, *shape, generator=generator, device=generator.device)
        return torch.cat([half, -half], dim=1)[:, :num]
    return torch.randn(1, num, *shape, generator=generator, device=generator.device)


def uniforms(num: int, shape: tuple[int, ...], *, sampling: Sampling, generator: Generator) -> Float[Tensor, "1 {num} *_"]:
    """Numbers from 0 to 1 for `num` candidates of a shape."""
    if sampling == "sobol":
        return _sobol(num, shape, generator)
    if sampling == "antithetic":
        half = torch.rand(1, (num + 1) // 2, *shape, generator=generator, device=generator.device)
        return torch.cat([half, 1 - half], dim=1)[:, :num]
    return torch.rand(1, num, *shape, generator=generator, device=generator.device)


def check_sampling(sampling: str) -> None:
    """Raises ConfigError unless `sampling` is one of the three."""
    if sampling not in get_args(Sampling):
        raise ConfigError(f"The planner's sampling is '{sampling}'.", expected=" or ".join(f"'{name}'" for name in get_args(Sampling)))


def _sobol(num: int, shape: tuple[int, ...], generator: Generator) -> Tensor:
    """Scrambled points of Sobol (Owen 1998), moved all alike by a random amount: only the move is drawn, so that it can stand on any device.

    Source: Sobol (1967); the random move after Cranley & Patterson (1976).
    """
    size = int(np.prod(shape))
    if size > SobolEngine.MAXDIM:
        raise ConfigError(f"A plan has {size} numbers; Sobol points have at most {SobolEngine.MAXDIM}.", fix="choose sampling='antithetic'")
    points = torch.from_numpy(_points(num, size)).to(generator.device)
    move = torch.rand(1, size, generator=generator, device=generator.device)
    return ((points + move) % 1).view(1, num, *shape)


@lru_cache(maxsize=8)
def _points(num: int, size: int) -> np.ndarray:
    return SobolEngine(size, scramble=True, seed=0).draw(max(1, num), dtype=torch.float32)[:num].numpy()
