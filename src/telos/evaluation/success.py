"""What tells that a goal is reached: the world's own distance, a function of the user's, or a calibrated latent distance."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from telos.core.config import load_class
from telos.core.contracts import AbstractWorldModel
from telos.core.errors import ConfigError
from telos.core.logs import AbstractLogs, first_leaf, map_tree
from telos.core.seeding import numpy_generator
from telos.core.spaces import Tree
from telos.core.world import AbstractWorld, WorldState
from telos.evaluation.protocols import DISTANCE, LATENT, Protocol

CALIBRATION_PAIRS = 2000
CLOSE_SHARE = 0.95
"""Share of frames one step apart that count as the same place."""


class AbstractSuccess(ABC):
    """Judges states; fixed before anybody plays."""

    @abstractmethod
    def reached(self, states: WorldState, goals: WorldState) -> np.ndarray:
        """`[batch]`: whether each state counts as its goal."""

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """What the report says: `{"source": ..., "says": ...}` and the numbers of the calibration."""


@dataclass(frozen=True)
class WithinRadius(AbstractSuccess):
    """The world's own distance; for environments without an adapter, what they report in `info`."""

    world: AbstractWorld
    radius: float

    def reached(self, states: WorldState, goals: WorldState) -> np.ndarray:
        return self.world.distance(states, goals) <= self.radius

    def to_json(self) -> dict[str, Any]:
        return {"source": DISTANCE, "says": f"within {self.radius:g} ({self.world.rules.unit})"}


@dataclass(frozen=True)
class ByFunction(AbstractSuccess):
    """A function of the user's: `(observations [batch ...], goal observations [batch ...]) -> [batch]` of truth values."""

    world: AbstractWorld
    path: str
    function: Callable[[Tree, Tree], Any]

    def reached(self, states: WorldState, goals: WorldState) -> np.ndarray:
        num = len(next(iter(states.values())))
        verdict = np.asarray(self.function(self.world.observe(states), self.world.observe(goals)))
        if verdict.shape != (num,) or verdict.dtype != bool:
            raise ConfigError(f"{self.path} gives {verdict.dtype} values of shape {list(verdict.shape)}.", expected=f"[{num}] truth values")
        return verdict

    def to_json(self) -> dict[str, Any]:
        return {"source": self.path, "says": f"as {self.path.rpartition(':')[2]} judges"}


@dataclass(frozen=True)
class CloseInLatentSpace(AbstractSuccess):
    """As near to the goal, in the model's own latent space, as frames one step apart are in held-out logs.

    Use where nothing else can tell. Not as proof: the judge is the model under test, so what it cannot see it cannot miss.
    """

    world: AbstractWorld
    world_model: AbstractWorldModel
    threshold: float
    """Mean squared latent distance that `CLOSE_SHARE` of the frames one step apart keep within."""
    false_share: float
    """Share of unrelated frames that lie within it too: the least rate at which it is fooled."""

    def reached(self, states: WorldState, goals: WorldState) -> np.ndarray:
        return self.near(self.world.observe(states), self.world.observe(goals))

    def near(self, observations: Tree, goals: Tree) -> np.ndarray:
        """The same of what was seen, `[batch ...]` each."""
        return _apart(self.world_model, observations, goals) <= self.threshold

    def to_json(self) -> dict[str, Any]:
        says = f"latent distance within {self.threshold:.4g}, as for {100 * CLOSE_SHARE:.0f} % of frames one step apart; so are "
        return {
            "source": LATENT,
            "says": says + f"{100 * self.false_share:.1f} % of unrelated frames",
            "threshold": self.threshold,
            "false_share": self.false_share,
        }


def make_success(world: AbstractWorld, protocol: Protocol, world_model: AbstractWorldModel, logs: AbstractLogs | None) -> AbstractSuccess:
    """The judge that the protocol names.

    Raises:
        ConfigError: a latent distance is asked for, and there are no held-out logs to calibrate it on; or no such function.
    """
    if protocol.success == DISTANCE:
        return WithinRadius(world, protocol.radius)
    if protocol.success == LATENT:
        if logs is None:
            raise ConfigError("A latent distance cannot be calibrated without held-out logs.", fix="bring the run's logs back, or train again")
        return calibrate(world, world_model, logs, seed=protocol.seed)
    function = load_class(protocol.success)
    if not callable(function):
        raise ConfigError(f"'{protocol.success}' is no function.", expected="distance, latent, or file.py:function")
    return ByFunction(world, protocol.success, function)


def calibrate(world: AbstractWorld, world_model: AbstractWorldModel, logs: AbstractLogs, *, seed: int) -> CloseInLatentSpace:
    """The threshold that frames one step apart keep within, and how often unrelated frames of other episodes do."""
    windows = logs.windows(numpy_generator(seed, "success calibration"), CALIBRATION_PAIRS, 1)
    first, second = (map_tree(lambda leaf, time=time: leaf[:, time], windows.observations) for time in (0, 1))
    threshold = float(np.quantile(_apart(world_model, first, second), CLOSE_SHARE))
    other = np.roll(np.arange(CALIBRATION_PAIRS), CALIBRATION_PAIRS // 2)
    unrelated = np.asarray(windows.episodes) != np.asarray(windows.episodes)[other]
    far = _apart(world_model, first, map_tree(lambda leaf: leaf[other], first))
    false_share = float((far[unrelated] <= threshold).mean()) if unrelated.any() else float("nan")
    return CloseInLatentSpace(world, world_model, threshold, false_share)


@torch.no_grad()
def _apart(world_model: AbstractWorldModel, left: Tree, right: Tree) -> np.ndarray:
    """Mean squared latent distances `[batch]`."""

    def latents(observations: Tree) -> torch.Tensor:
        parts = []
        for start in range(0, len(first_leaf(observations)), 512):
            piece = map_tree(lambda leaf, start=start: torch.tensor(leaf[start : start + 512]).to(world_model.device), observations)
            parts.append(world_model.observe(None, None, piece).latent)
        return torch.cat(parts)

    return (latents(left) - latents(right)).square().mean(dim=-1).cpu().numpy()
