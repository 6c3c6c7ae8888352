"""Environments of Gymnasium whose full state can be read and set: one file an environment, found by its id."""

from fnmatch import fnmatchcase

from telos.envs.gym_world import AbstractForeignWorld
from telos.envs.replay import ReplayWorld

ADAPTERS: dict[str, type[AbstractForeignWorld]] = {}
"""The adapter of every id that matches a pattern; the first match counts."""


def adapter_of(env: str) -> type[AbstractForeignWorld]:
    """The adapter for `gym:Name-v0` or `gym:module:Name-v0`; `ReplayWorld` where nobody wrote one."""
    short = env.rpartition(":")[2]
    return next((kind for pattern, kind in ADAPTERS.items() if fnmatchcase(short, pattern)), ReplayWorld)
