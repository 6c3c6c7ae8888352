"""How far ahead the model sees in held-out episodes, beside four claims that need no model, or no training."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from telos.core.contracts import AbstractWorldModel
from telos.core.logs import AbstractLogs
from telos.core.seeding import numpy_generator
from telos.evaluation.offline.bootstrap import Bootstrap, Estimate
from telos.evaluation.open_loop import OpenLoop, window_errors


@dataclass(frozen=True)
class Foresight:
    """Error of imagination after 1, 2, ... steps. All estimates are shares: below 1 the model knows more than the floor."""

    open_loop: OpenLoop
    mean_frame: tuple[float, ...]
    """Mean squared latent error of always showing the mean of all frames: what is left once nothing is known any more."""
    other_actions: tuple[float, ...]
    """Mean squared latent error of the model when it is told the actions of other windows."""
    of_nothing_moves: tuple[Estimate, ...]
    """The model's error as a share of that of "nothing moves"."""
    of_mean_frame: tuple[Estimate, ...]
    of_other_actions: tuple[Estimate, ...]
    """The model's error as a share of its error under other windows' actions: near 1, it does not listen to actions."""
    untrained: tuple[float, ...]
    """The share of "nothing moves" that an untrained model reaches among its own latents."""
    num_windows: int
    num_episodes: int

    @property
    def horizon(self) -> int:
        return len(self.mean_frame)

    @property
    def better_until(self) -> int:
        """Steps up to which the error is surely below that of "nothing moves"; 0 if it is not even after one."""
        worse = [step for step, share in enumerate(self.of_nothing_moves) if not share.high < 1 - 1e-6]
        return worse[0] if worse else self.horizon

    def to_json(self) -> dict[str, Any]:
        shares = {name: [part.to_json() for part in getattr(self, name)] for name in ("of_nothing_moves", "of_mean_frame", "of_other_actions")}
        floors = {name: list(getattr(self, name)) for name in ("mean_frame", "other_actions", "untrained")}
        return {**self.open_loop.to_json(), **floors, **shares, "windows": self.num_windows, "episodes": self.num_episodes}


def foresight(
    world_model: AbstractWorldModel, untrained: AbstractWorldModel, logs: AbstractLogs, *, horizon: int, num_windows: int = 512, seed: int = 0
) -> Foresight:
    """Imagines windows of held-out episodes; at most as far as half of the episodes last."""
    horizon = max(1, min(horizon, int(np.median(logs.lengths))))
    rng = numpy_generator(seed, "open loop")
    windows = logs.windows(rng, num_windows, horizon)
    ours, fresh = window_errors(world_model, windows), window_errors(untrained, windows)
    others = window_errors(world_model, windows, windows.actions[elsewhere(np.asarray(windows.episodes), rng)]).prediction
    middle = ours.latents.reshape(-1, ours.latents.shape[-1]).mean(axis=0)
    mean_frame = np.square(ours.latents[:, 1:] - middle).mean(axis=2)
    episodes = Bootstrap(np.asarray(windows.episodes), seed)
    return Foresight(
        OpenLoop(_means(ours.prediction), _means(ours.nothing_moves)),
        _means(mean_frame),
        _means(others),
        episodes.ratios(ours.prediction, ours.nothing_moves),
        episodes.ratios(ours.prediction, mean_frame),
        episodes.ratios(ours.prediction, others),
        OpenLoop(_means(fresh.prediction), _means(fresh.nothing_moves)).relative,
        num_windows,
        episodes.num_episodes,
    )


def elsewhere(episodes: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """For each row another row, of another episode wherever there is one; each row is taken once if no episode holds half of them."""
    order = rng.permutation(len(episodes))
    order = order[np.argsort(episodes[order], kind="stable")]
    largest = int(np.unique(episodes, return_counts=True)[1].max())
    partner = np.empty_like(order)
    # Sorted by episode, a shift by the size of the largest one leaves every episode behind.
    partner[order] = np.roll(order, largest if largest < len(order) else max(1, len(order) // 2))
    return partner


def _means(errors: np.ndarray) -> tuple[float, ...]:
    return tuple(errors.mean(axis=0).tolist())
