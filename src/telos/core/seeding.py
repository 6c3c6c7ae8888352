"""One seed for a whole run; every user of chance derives its own from it, so that none disturbs another."""

import zlib
from typing import TYPE_CHECKING

import numpy as np

from telos.core.errors import ConfigError

if TYPE_CHECKING:
    import torch


def derive_seed(seed: int, *path: str | int) -> int:
    """A 63-bit seed that depends on `seed` and on who asks, e.g. `derive_seed(0, "sampler", step)`.

    Raises:
        ConfigError: the seed is negative.
    """
    if seed < 0:
        raise ConfigError(f"The seed is {seed}.", expected="0 or more")
    words = [zlib.crc32(str(part).encode()) for part in path]
    return int(np.random.SeedSequence([seed, *words]).generate_state(1, np.uint64)[0] >> np.uint64(1))


def numpy_generator(seed: int, *path: str | int) -> np.random.Generator:
    """A NumPy generator of its own for `path`."""
    return np.random.default_rng(derive_seed(seed, *path))


def torch_generator(seed: int, *path: str | int, device: "torch.device | str" = "cpu") -> "torch.Generator":
    """A torch generator of its own for `path`."""
    import torch

    return torch.Generator(device=device).manual_seed(derive_seed(seed, *path))
