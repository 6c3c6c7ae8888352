"""Environments of Gymnasium whose full state can be read and set: one file an environment, found by its id."""

from fnmatch import fnmatchcase

from telos.envs.adapters.acrobot import Acrobot
from telos.envs.adapters.minigrid import MiniGrid
from telos.envs.adapters.pendulum import Pendulum
from telos.envs.adapters.point_maze import PointMaze
from telos.envs.adapters.push_t import PushT
from telos.envs.gym_world import AbstractForeignWorld
from telos.envs.replay import ReplayWorld

__all__ = ["ADAPTERS", "Acrobot", "MiniGrid", "Pendulum", "PointMaze", "PushT", "ReplayWorld", "adapter_of"]

ADAPTERS: dict[str, type[AbstractForeignWorld]] = {
    "Acrobot-v*": Acrobot,
    "MiniGrid-Empty-*": MiniGrid,
    "MiniGrid-FourRooms-*": MiniGrid,
    "MiniGrid-DoorKey-*": MiniGrid,
    "MiniGrid-*Crossing*": MiniGrid,
    "MiniGrid-LavaGap*": MiniGrid,
    "MiniGrid-MultiRoom-*": MiniGrid,
    "Pendulum-v*": Pendulum,
    "PointMaze_*": PointMaze,
    "gym_pusht/*": PushT,
}
"""The adapter of every id that matches a pattern; the first match counts."""


def adapter_of(env: str) -> type[AbstractForeignWorld]:
    """The adapter for `gym:Name-v0` or `gym:module:Name-v0`; `ReplayWorld` where nobody wrote one."""
    short = env.rpartition(":")[2]
    return next((kind for pattern, kind in ADAPTERS.items() if fnmatchcase(short, pattern)), ReplayWorld)
