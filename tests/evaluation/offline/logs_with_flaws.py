"""Logs of the plane, each with one flaw that an evaluation has to find."""

from pathlib import Path

import numpy as np
from plane import STRIDE, Plane

from telos.data import Episodes, EpisodeWriter


def write(path: Path, episodes: list[tuple[np.ndarray, np.ndarray]]) -> Episodes:
    """Positions `[time+1 2]` and actions `[time 2]` as a store."""
    with EpisodeWriter(path, Plane().spaces) as writer:
        for places, actions in episodes:
            writer.add(places.astype(np.float32), actions.astype(np.float32))
    return Episodes.open(path)


def walk(rng: np.random.Generator, actions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What actions lead to from a random place."""
    return np.concatenate([rng.random((1, 2)), actions]).cumsum(axis=0), actions


def sound(num: int = 40, steps: int = 20, seed: int = 0) -> list[tuple[np.ndarray, np.ndarray]]:
    """Random walks, as they should be."""
    rng = np.random.default_rng(seed)
    return [walk(rng, rng.uniform(-STRIDE, STRIDE, (steps, 2))) for _ in range(num)]


def shuffled(num: int = 40) -> list[tuple[np.ndarray, np.ndarray]]:
    """The actions of another episode beside each: the columns were mixed up."""
    episodes = sound(num)
    return [(places, episodes[(index + 1) % num][1]) for index, (places, _) in enumerate(episodes)]


def habitual(num: int = 40, steps: int = 20, noise: float = 0.0) -> list[tuple[np.ndarray, np.ndarray]]:
    """Always the same action in the same place: towards the middle, give or take some noise."""
    rng = np.random.default_rng(0)
    episodes = []
    for _ in range(num):
        places, actions = [2 * rng.random(2) - 1], []
        for _ in range(steps):
            actions.append(np.clip(-0.1 * places[-1] + noise * rng.normal(size=2), -STRIDE, STRIDE))
            places.append(places[-1] + actions[-1])
        episodes.append((np.array(places), np.array(actions)))
    return episodes


def stubborn() -> list[tuple[np.ndarray, np.ndarray]]:
    """Nearly always the same action in the same place."""
    return habitual(noise=0.004)


def lame(num: int = 40) -> list[tuple[np.ndarray, np.ndarray]]:
    """The second number of the actions never changes."""
    rng = np.random.default_rng(0)
    return [walk(rng, rng.uniform(-STRIDE, STRIDE, (20, 2)) * [1, 0]) for _ in range(num)]


def timid(num: int = 40) -> list[tuple[np.ndarray, np.ndarray]]:
    """A tenth of the range is used."""
    rng = np.random.default_rng(0)
    return [walk(rng, 0.09 * rng.uniform(-STRIDE, STRIDE, (20, 2))) for _ in range(num)]
