"""Logs and recipes so small that a test can afford them; `tiny_runs.py:tiny` is also a recipe of a user's own."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from telos.agent.actor import MPPI, CategoricalCEM
from telos.core.logs import AbstractLogs
from telos.core.spaces import DiscreteSpace, PixelSpace, Spaces, TreeSpace, VectorSpace
from telos.data import EpisodeWriter, HeldRandomActions, collect
from telos.envs import make_vector_env
from telos.recipes import Recipe, default

RECIPE = f"{Path(__file__)}:tiny"
"""The recipe below, as the command line takes it."""
STEPS = (12, 8, 8)
"""Batches of each phase."""
TREE = Spaces(TreeSpace({"camera": PixelSpace(16, 16), "proprio": VectorSpace(3)}), VectorSpace(2, (-1.0, -1.0), (1.0, 1.0)))
CLIPS = Spaces(PixelSpace(16, 16, 6), VectorSpace(2, (-1, -1), (1, 1)))
DISCRETE = Spaces(VectorSpace(3), DiscreteSpace(4))


def tiny(logs: AbstractLogs) -> Recipe:
    """The default recipe, cut down to what takes a second."""
    return shrink(default(logs))


def longer(logs: AbstractLogs) -> Recipe:
    """The default recipe, cut down to what takes long enough to be killed on the way."""
    return shrink(default(logs), steps=(240, 120, 120), log_every=10, checkpoint_seconds=0.03)


def shrink(recipe: Recipe, *, steps: tuple[int, ...] = STEPS, log_every: int = 4, checkpoint_seconds: float = 0.0, grace: int = 10) -> Recipe:
    """A recipe with few small batches and a small planner; it takes more batches than these before the watch judges."""
    phases = tuple(
        replace(
            phase,
            num_steps=num,
            batch_size=24,
            windows_per_episode=min(phase.windows_per_episode, 4),
            window=min(phase.window, 4),
            seen=min(phase.seen, phase.window, 4),
        )
        for phase, num in zip(recipe.curriculum.phases, steps)
    )
    watch = replace(recipe.curriculum.watch, grace=grace)
    curriculum = replace(recipe.curriculum, phases=phases, log_every=log_every, checkpoint_seconds=checkpoint_seconds, watch=watch)
    kind = CategoricalCEM if isinstance(recipe.agent.planner, CategoricalCEM) else MPPI
    return replace(recipe, curriculum=curriculum, agent=replace(recipe.agent, planner=kind(horizon=5, num_candidates=24)))


def collect_logs(path: Path, name: str = "point-mass", *, episodes: int = 30, steps: int = 14, seed: int = 0, **args) -> Path:
    """Random logs of a world that ships with us."""
    env = make_vector_env(name, episodes, max_steps=steps, **args)
    about = {"spaces": env.world.spaces, "environment": {"name": name, "args": args}}
    collect(env, HeldRandomActions(), path, episodes=episodes, steps=steps, seed=seed, **about)
    return path


def walk_logs(path: Path, spaces: Spaces, *, episodes: int = 20, steps: int = 10, seed: int = 0) -> Path:
    """Logs of points that walk at random, in any kind of space: no environment stands behind them."""
    rng = np.random.default_rng(seed)
    with EpisodeWriter(path, spaces) as writer:
        for _ in range(episodes):
            pushes = rng.uniform(-1, 1, (steps, 2)).astype(np.float32)
            places = [rng.uniform(-1, 1, 2)]
            for push in pushes:
                places.append(np.clip(places[-1] + 0.7 * push, -1, 1))
            places = np.array(places)
            actions = _choices(pushes) if isinstance(spaces.action, DiscreteSpace) else pushes
            writer.add(_seen(spaces.observation, places), actions, info={"position": places})
    return path


def _choices(pushes: np.ndarray) -> np.ndarray:
    return ((pushes[:, :1] > 0) + 2 * (pushes[:, 1:] > 0)).astype(np.int64)


def _seen(space, places: np.ndarray):
    match space:
        case TreeSpace():
            return {name: _seen(part, places) for name, part in space.spaces.items()}
        case PixelSpace():
            rows, columns = np.mgrid[: space.height, : space.width]
            middles = (places[:, :, None, None] + 1) / 2 * (space.height - 1)
            shade = np.exp(-(np.square(rows - middles[:, 0]) + np.square(columns - middles[:, 1])) / 4)
            return np.broadcast_to((255 * shade).astype(np.uint8)[..., None], (len(places), *space.shape)).copy()
    return np.concatenate([places, places.prod(1, keepdims=True)], axis=1).astype(np.float32)
