"""How far ahead does the model see? Its imagination against what was logged, step by step."""

from dataclasses import dataclass

import numpy as np
import torch

from telos.core.contracts import AbstractWorldModel
from telos.core.logs import AbstractLogs, map_tree
from telos.core.seeding import numpy_generator


@dataclass(frozen=True)
class OpenLoop:
    """Mean squared latent error by number of imagined steps, on held-out episodes."""

    prediction: tuple[float, ...]
    """Of the world model, after 1, 2, ... steps."""
    nothing_moves: tuple[float, ...]
    """Of the claim that nothing ever moves: the floor."""

    @property
    def relative(self) -> tuple[float, ...]:
        """The model's error as a share of the floor's; below 1 it knows something."""
        return tuple(ours / max(floor, 1e-12) for ours, floor in zip(self.prediction, self.nothing_moves, strict=True))

    def to_json(self) -> dict[str, list[float]]:
        return {"prediction": list(self.prediction), "nothing_moves": list(self.nothing_moves), "relative": list(self.relative)}


@torch.no_grad()
def open_loop(world_model: AbstractWorldModel, logs: AbstractLogs, *, horizon: int = 20, num_windows: int = 512, seed: int = 0) -> OpenLoop:
    """Imagines `horizon` steps (at most an episode's length) from the first frame of random held-out windows."""
    horizon = min(horizon, int(logs.lengths.max()))
    device = world_model.device
    windows = logs.windows(numpy_generator(seed, "open loop"), num_windows, horizon)
    observations = map_tree(lambda leaf: torch.from_numpy(np.ascontiguousarray(leaf)).to(device), windows.observations)
    actions = torch.from_numpy(windows.actions).to(device)
    states = world_model.encode_window(observations, actions)
    predicted = world_model.rollout(states.at(0), actions).latent
    targets = states.latent[:, 1:]
    ours = (predicted - targets).square().mean(dim=(0, 2))
    floor = (states.latent[:, :1] - targets).square().mean(dim=(0, 2))
    return OpenLoop(tuple(ours.tolist()), tuple(floor.tolist()))
