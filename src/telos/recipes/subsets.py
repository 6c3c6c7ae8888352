"""Runs on growing parts of the same logs, judged on the same held-out episodes: the points of a learning curve."""

from pathlib import Path

import numpy as np
from lightning_fabric import Fabric

import telos
from telos.core import config
from telos.core.errors import DataError
from telos.core.run import Run
from telos.core.seeding import numpy_generator
from telos.data import AbstractEpisodes, Episodes, Selection, split
from telos.recipes.experiment import describe, fit
from telos.recipes.recipe import Recipe
from telos.training.trainer import Watcher


def nested_subset(logs: AbstractEpisodes, num: int, *, seed: int) -> Selection:
    """`num` episodes drawn by lot; under the same seed, more of them contain fewer of them.

    Raises:
        DataError: there are not so many.
    """
    if not 1 <= num <= logs.num_episodes:
        raise DataError(f"{num} episodes cannot be taken from {logs.num_episodes}.", expected=f"1 to {logs.num_episodes}")
    return Selection(logs, np.sort(numpy_generator(seed, "nested subsets").permutation(logs.num_episodes)[:num]))


def train_subset(
    store: Episodes, out: Path, *, recipe: Recipe, num_episodes: int, seed: int, held_out: float, watcher: Watcher | None = None, fabric: Fabric
) -> Run:
    """Trains on some of the training episodes; goes on where a killed run stopped.

    Args:
        num_episodes: of the training episodes, drawn by `seed`.
        seed: of the choice of episodes, of weights and of batches; which episodes are held out does not hang on it.

    Raises what `telos.recipes.experiment.train` raises.
    """
    training, fixed = split(store, held_out=held_out, seed=0)
    chosen = nested_subset(training, num_episodes, seed=seed)
    description = {
        "telos": telos.__version__,
        "recipe": config.to_json(recipe),
        "spaces": store.spaces.to_json(),
        # The seed of the split, by which others find the held-out episodes.
        "seed": 0,
        "held_out": held_out,
        "from_run": None,
        "data": [describe(store)],
        "subset": {"episodes": num_episodes, "steps": chosen.num_steps, "seed": seed},
    }
    return fit(chosen, fixed, out, recipe, description, seed=seed, watcher=watcher, fabric=fabric)
