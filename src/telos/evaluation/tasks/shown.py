"""When a goal that was shown is reached: by what was true when it was seen, or else by a calibrated latent distance."""

from collections.abc import Callable

import numpy as np

from telos.agent.tasks import ReachGoal
from telos.core.contracts import AbstractWorldModel
from telos.core.errors import ConfigError
from telos.core.logs import AbstractLogs, first_leaf, map_tree
from telos.core.world import AbstractWorld, WorldState
from telos.evaluation.protocols import join_rows
from telos.evaluation.success import calibrate

Reached = Callable[[WorldState], np.ndarray]
"""Whether each of the states `[batch]` is the goal."""


def true_goal(world: AbstractWorld, goal: ReachGoal) -> WorldState | None:
    """The true state `[1 ...]` that a goal shows; None where nobody kept it."""
    usual = world.truth(world.sample(np.random.default_rng(0), 1))
    if goal.truth is None or not set(usual) <= set(goal.truth):
        return None
    return world.recall(goal.truth, np.empty((0, *world.spaces.action.shape), world.spaces.action.dtype))


def shown_judge(world: AbstractWorld, goal: ReachGoal, world_model: AbstractWorldModel, logs: AbstractLogs | None, seed: int) -> tuple[Reached, str]:
    """Whether states are what the goal shows, and who says so.

    Args:
        logs: held-out logs, for a goal of which the true state is not known.

    Raises:
        ConfigError: then there are none.
    """
    known = true_goal(world, goal)
    if known is not None:

        def by_distance(states: WorldState) -> np.ndarray:
            return world.distance(states, join_rows([known] * len(next(iter(states.values()))))) <= world.rules.radius

        return by_distance, f"within {world.rules.radius:g} ({world.rules.unit}) of where the goal was seen"
    if logs is None:
        raise ConfigError(
            "Nothing says when the goal that is shown is reached.",
            expected="a frame of a store, which keeps what was true: data = ..., episode = ... and frame = ...; or the logs of the run",
        )
    success = calibrate(world, world_model, logs, seed=seed)
    one = world.spaces.observation.batch_shape(goal.observation, what="The goal") == ()

    def by_latent(states: WorldState) -> np.ndarray:
        seen = world.observe(states)
        num = len(first_leaf(seen))
        goals = map_tree(lambda leaf: np.broadcast_to(leaf, (num, *np.shape(leaf))) if one else leaf, goal.observation)
        return success.near(seen, goals)

    return by_latent, success.to_json()["says"]
