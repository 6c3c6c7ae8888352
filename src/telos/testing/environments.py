"""What every environment promises that is to be logged or acted in."""

import copy
import warnings
from typing import Any

import gymnasium
import numpy as np
from gymnasium.utils.env_checker import check_env as check_env_of_gymnasium

from telos.core.errors import SpaceError
from telos.core.logs import map_tree
from telos.core.spaces import TreeSpace, space_from_gym
from telos.testing.promises import Promises
from telos.testing.trees import same


def check_env(env: gymnasium.Env, *, steps: int = 20, seed: int = 0) -> None:
    """Gymnasium's own check, and what Telos needs beside it: spaces it can read, one seed one episode, frames that stay as they are.

    Args:
        env: The environment; it is reset.
        steps: Actions tried in a row.
        seed: Seed of the episode.

    Raises:
        ConformanceError: for the first promise that the environment breaks.
    """
    promises = Promises.of(env.unwrapped)
    try:
        with warnings.catch_warnings():
            # Gymnasium's advice; what must hold, it asserts.
            warnings.simplefilter("ignore")
            check_env_of_gymnasium(env, skip_render_check=True, skip_close_check=True)
    except AssertionError as error:
        raise promises.broken("it passes gymnasium.utils.env_checker.check_env", error) from error
    try:
        space = space_from_gym(env.observation_space, what="The observation")
        space_from_gym(env.action_space, what="The action")
    except SpaceError as error:
        raise promises.broken("its observations are boxes, pictures or dictionaries of them, its actions a box or choices", error) from error
    actions = _actions(env, steps, seed)
    frames, kept = _episode(env, actions, seed)
    promises(same(frames, kept), "an observation stays as it was once it is handed out; return copies, not a buffer that is written again")
    promises(same(kept, _episode(env, actions, seed)[1]), "one seed and the same actions give the same episode; take all chance from self.np_random")
    for frame in kept:
        promises.fits(space, frame if isinstance(space, TreeSpace) else np.reshape(frame, space.shape), "An observation")


def _actions(env: gymnasium.Env, steps: int, seed: int) -> list[Any]:
    env.action_space.seed(seed)
    return [env.action_space.sample() for _ in range(steps)]


def _episode(env: gymnasium.Env, actions: list[Any], seed: int) -> tuple[list[Any], list[Any]]:
    """What was seen, until the actions or the episode ended: as handed out, and copied at once."""
    seen, _ = env.reset(seed=seed)
    frames, kept = [seen], [copy.deepcopy(seen)]
    for action in actions:
        seen, _, terminated, truncated, _ = env.step(action)
        frames.append(seen)
        kept.append(map_tree(np.array, seen))
        if terminated or truncated:
            break
    return frames, kept
