"""Random observations and actions of any space, for trying components out."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from telos.core.logs import map_tree
from telos.core.spaces import ActionSpace, DiscreteSpace, ObservationSpace, PixelSpace, TreeSpace, VectorSpace

DISCRETE, CONTINUOUS = DiscreteSpace(3), VectorSpace(2, (-1.0, -0.5), (1.0, 2.0))


def example_actions(space: ActionSpace, rng: np.random.Generator, *lead: int) -> np.ndarray:
    """Uniform actions `[*lead action]` in the space's dtype; where there is no bound, within 1 of the other, or of zero."""
    if isinstance(space, DiscreteSpace):
        return rng.integers(space.num, size=(*lead, 1))
    least, most = (bound.astype(np.float64) for bound in space.bounds)
    low = np.where(np.isfinite(least), least, np.where(np.isfinite(most), most, 0) - 1)
    high = np.where(np.isfinite(most), most, np.where(np.isfinite(least), least, 0) + 1)
    return np.clip(rng.uniform(low, high, (*lead, space.size)).astype(space.dtype), *space.bounds)


def example_observations(space: ObservationSpace, rng: np.random.Generator, *lead: int) -> Any:
    """Random observations `[*lead ...]` in the space's dtype."""
    match space:
        case TreeSpace():
            return {name: example_observations(part, rng, *lead) for name, part in space.spaces.items()}
        case PixelSpace():
            return rng.integers(0, 256, (*lead, *space.shape), dtype=np.uint8)
        case VectorSpace():
            return example_actions(space, rng, *lead)


def as_tensors(tree: Any) -> Any:
    """Arrays as tensors that share nothing with them."""
    return map_tree(lambda leaf: torch.from_numpy(np.array(leaf)), tree)


def example_windows(observation: ObservationSpace, action: ActionSpace, rng: np.random.Generator, num: int, num_steps: int) -> tuple[Any, Tensor]:
    """Random observations `[num num_steps+1 ...]` and actions `[num num_steps action]`."""
    seen = as_tensors(example_observations(observation, rng, num, num_steps + 1))
    return seen, as_tensors(example_actions(action, rng, num, num_steps))
