"""Worlds that ship with Telos, and any Gymnasium environment by name."""

from typing import Any

import gymnasium
from gymnasium.vector import VectorEnv

from telos.core.config import short_name
from telos.envs.flicker import Flicker
from telos.envs.four_rooms import FourRooms
from telos.envs.gym import WorldEnv, WorldVectorEnv
from telos.envs.local_view import LocalView
from telos.envs.locked_doors import LockedDoors
from telos.envs.maze import Maze
from telos.envs.names import WORLDS, make_env, make_vector_env, make_world, parse_args
from telos.envs.occluder import Occluder
from telos.envs.playroom import Playroom
from telos.envs.point_mass import PointMass
from telos.envs.push import Push
from telos.envs.two_rooms import TwoRooms
from telos.envs.windy_bridge import WindyBridge

__all__ = [
    "Flicker",
    "FourRooms",
    "LocalView",
    "LockedDoors",
    "Maze",
    "Occluder",
    "Playroom",
    "PointMass",
    "Push",
    "TwoRooms",
    "WindyBridge",
    "WorldEnv",
    "WorldVectorEnv",
    "make_env",
    "make_vector_env",
    "make_world",
    "parse_args",
    "register",
]


def register() -> None:
    """Makes every world known to Gymnasium, as `telos/TwoRooms-v0` and so on. Importing `telos.envs` calls it."""
    for name in WORLDS:
        if f"telos/{name}-v0" not in gymnasium.registry:
            entries = {"entry_point": "telos.envs:make_env", "vector_entry_point": "telos.envs:_make_registered"}
            gymnasium.register(id=f"telos/{name}-v0", kwargs={"name": short_name(WORLDS[name])}, **entries)


def _make_registered(name: str, num_envs: int, **args: Any) -> VectorEnv:
    return make_vector_env(name, num_envs, **args)


register()
