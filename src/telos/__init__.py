"""Telos: objective-driven agents. Learns how a world works from logged trajectories, and acts by minimising energy."""

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from telos.agent.loop import Agent, AgentSettings
    from telos.agent.moments import moments_of
    from telos.agent.tasks import ReachGoal
    from telos.core.run import Run
    from telos.data import Episodes, EpisodeWriter
    from telos.envs import make_env, make_world
    from telos.evaluation import evaluate, make_protocol
    from telos.recipes import Recipe
    from telos.recipes.experiment import load_agent, load_world_model, train
    from telos.teaching.readouts import teach_readout

# Imported when first used: `import telos` must not wait for torch.
_HOMES = {
    "Agent": "telos.agent.loop",
    "AgentSettings": "telos.agent.loop",
    "EpisodeWriter": "telos.data",
    "Episodes": "telos.data",
    "ReachGoal": "telos.agent.tasks",
    "Recipe": "telos.recipes",
    "Run": "telos.core.run",
    "evaluate": "telos.evaluation",
    "load_agent": "telos.recipes.experiment",
    "load_world_model": "telos.recipes.experiment",
    "make_env": "telos.envs",
    "make_protocol": "telos.evaluation",
    "make_world": "telos.envs",
    "moments_of": "telos.agent.moments",
    "teach_readout": "telos.teaching.readouts",
    "train": "telos.recipes.experiment",
}

__all__ = [
    "Agent",
    "AgentSettings",
    "EpisodeWriter",
    "Episodes",
    "ReachGoal",
    "Recipe",
    "Run",
    "evaluate",
    "load_agent",
    "load_world_model",
    "make_env",
    "make_protocol",
    "make_world",
    "moments_of",
    "teach_readout",
    "train",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'telos' has no attribute '{name}'")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
