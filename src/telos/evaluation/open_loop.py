"""How far ahead does the model see? Its imagination against what was logged, step by step."""

from dataclasses import dataclass

import numpy as np
import torch

from telos.core.contracts import AbstractWorldModel
from telos.core.errors import ConfigError
from telos.core.logs import AbstractLogs, Windows, map_tree
from telos.core.seeding import numpy_generator

WINDOWS_AT_ONCE = 64


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


@dataclass(frozen=True)
class WindowErrors:
    """Mean squared latent error of each window `[windows horizon]`, after 1, 2, ... imagined steps."""

    prediction: np.ndarray
    nothing_moves: np.ndarray
    latents: np.ndarray
    """`[windows horizon+1 latent]`: what was seen."""


def open_loop(world_model: AbstractWorldModel, logs: AbstractLogs, *, horizon: int = 20, num_windows: int = 512, seed: int = 0) -> OpenLoop:
    """Imagines `horizon` steps (at most an episode's length) from the first frame of random held-out windows."""
    horizon = min(horizon, int(logs.lengths.max()))
    errors = window_errors(world_model, logs.windows(numpy_generator(seed, "open loop"), num_windows, horizon))
    return OpenLoop(tuple(errors.prediction.mean(0).tolist()), tuple(errors.nothing_moves.mean(0).tolist()))


def one_step_tolerance(world_model: AbstractWorldModel, logs: AbstractLogs, *, share: float = 0.99, num_windows: int = 2048, seed: int = 0) -> float:
    """The mean squared latent error that `share` of all imagined single steps keep to, on held-out episodes.

    An agent that plans ahead takes more than this for a surprise: `AgentSettings(ahead_tolerance=...)`.

    Raises:
        ConfigError: the share is not between 0 and 1.
    """
    if not 0 < share < 1:
        raise ConfigError(f"The share of steps within the tolerance is {share}.", expected="a number between 0 and 1")
    windows = logs.windows(numpy_generator(seed, "one-step tolerance"), num_windows, 1)
    return float(np.quantile(window_errors(world_model, windows).prediction, share))


@torch.no_grad()
def window_errors(world_model: AbstractWorldModel, windows: Windows, actions: np.ndarray | None = None) -> WindowErrors:
    """Imagines windows from their first frames on, some at a time, since pictures may be large.

    Args:
        actions: `[windows time action]` that the model is told in place of those that were logged.
    """
    device = world_model.device
    told = windows.actions if actions is None else actions
    parts = []
    for start in range(0, len(told), WINDOWS_AT_ONCE):
        rows = slice(start, start + WINDOWS_AT_ONCE)
        observations = map_tree(lambda leaf, rows=rows: torch.from_numpy(np.ascontiguousarray(leaf[rows])).to(device), windows.observations)
        states = world_model.encode_window(observations, torch.from_numpy(windows.actions[rows]).to(device))
        predicted = world_model.rollout(states.at(0), torch.from_numpy(told[rows]).to(device)).latent
        targets = states.latent[:, 1:]
        still = (states.latent[:, :1] - targets).square().mean(dim=2)
        parts.append([part.cpu().numpy() for part in ((predicted - targets).square().mean(dim=2), still, states.latent)])
    return WindowErrors(*(np.concatenate(column) for column in zip(*parts, strict=True)))
