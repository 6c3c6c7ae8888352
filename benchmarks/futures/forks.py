"""Sampled futures against what really may happen: on the bridge, one step before the wind."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float

from benchmarks.futures.learn import WORLD
from telos.recipes.experiment import load_agent

NUM, TIMES, STEPS, FUTURES, NEAR = 200, 200, 3, 64, 0.06
"""Starts; how often each is played; steps; futures drawn of each; how near a mode counts as found, in arena widths."""
MODES = (-WORLD.gust, 0.0, WORLD.gust)
COUNTS = (1, 2, 4, 8, 16, 32)


@dataclass(frozen=True)
class Forks:
    """Starts before the fork, what may happen, and what a model says: all positions, in arena widths."""

    starts: Float[np.ndarray, "num 2"]
    truth: Float[np.ndarray, "num times steps 2"]
    likeliest: Float[np.ndarray, "num steps 2"]
    sampled: Float[np.ndarray, "num futures steps 2"] | None
    """None: the model knows of one future only."""

    def best_of(self, count: int, step: int = -1) -> float:
        """Root mean square distance between what happened and the nearest of `count` futures."""
        futures = self.likeliest[:, None] if self.sampled is None else self.sampled
        apart = self.truth[:, :, None, step] - futures[:, None, :count, step]
        return float(np.sqrt(np.square(apart).sum(axis=-1).min(axis=2).mean()))

    def floor(self, step: int = -1) -> float:
        """The same of the mean of all that may happen: the least that a single future can do."""
        mean = self.truth.mean(axis=1, keepdims=True)
        return float(np.sqrt(np.square(self.truth - mean)[:, :, step].sum(axis=-1).mean()))

    def modes(self, count: int = 32) -> dict[str, float | list[float]]:
        """How many modes `count` futures find, how often each is drawn against how often it happens, and what is drawn between them."""
        assert self.sampled is not None
        found = self._near(self.sampled)
        return {
            "coverage": float(found[:, :, :count].any(axis=2).mean()),
            "shares": found.mean(axis=(1, 2)).tolist(),
            "true_shares": self._near(self.truth).mean(axis=(1, 2)).tolist(),
            "between": float(1 - found.any(axis=0).mean()),
        }

    def _near(self, ahead: Float[np.ndarray, "num many steps 2"]) -> np.ndarray:
        """Which futures end near which mode after the first step: `[modes num many]`."""
        rose = ahead[:, :, 0, 1] - self.starts[:, None, 1]
        return np.stack([np.abs(rose - mode) < NEAR for mode in MODES])


def play_forks(run: Path, seed: int) -> Forks:
    """Straight over the bridge, from where the next step is met by the wind."""
    rng = np.random.default_rng(seed)
    middle = sum(WORLD.bridge) / 2
    starts = np.stack([rng.uniform(0.3, 0.4, NUM), middle + rng.uniform(-0.05, 0.05, NUM)], axis=1)
    leftwards = rng.random(NUM) < 0.5
    starts[leftwards, 0] = 1 - starts[leftwards, 0]
    # The first step leads onto the windy middle, the second one off it.
    actions = np.zeros((NUM, STEPS, 2), np.float32)
    actions[..., 0] = np.where(leftwards, -1, 1)[:, None] * WORLD.max_step
    return Forks(starts, _played(starts, actions, rng), *_imagined(run, starts, actions))


def _played(starts: np.ndarray, actions: np.ndarray, rng: np.random.Generator) -> Float[np.ndarray, "num times steps 2"]:
    state = {"position": np.repeat(starts, TIMES, axis=0), "luck": rng.integers(1 << 24, size=NUM * TIMES)}
    path = []
    for step in range(STEPS):
        state = WORLD.advance(state, np.repeat(actions[:, step], TIMES, axis=0))
        path.append(state["position"].reshape(NUM, TIMES, 2))
    return np.stack(path, axis=2)


@torch.no_grad()
def _imagined(run: Path, starts: np.ndarray, actions: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    knowledge = load_agent(run).knowledge
    model, read = knowledge.world_model, knowledge.readouts["position"]
    state, acted = model.observe(None, None, torch.from_numpy(starts.astype(np.float32))), torch.from_numpy(actions)
    likeliest = model.rollout(state, acted).read(read).numpy()
    many = model.futures(state, STEPS, FUTURES, torch.Generator().manual_seed(0))
    if many is None:
        return likeliest, None
    drawn = model.rollout(many, acted.repeat_interleave(FUTURES, dim=0)).read(read).unflatten(0, (NUM, FUTURES)).numpy()
    # All starts are given the same noise; the first futures of each had better be others for every start.
    order = np.random.default_rng(0).permuted(np.tile(np.arange(FUTURES), (NUM, 1)), axis=1)
    return likeliest, np.take_along_axis(drawn, order[:, :, None, None], axis=1)
