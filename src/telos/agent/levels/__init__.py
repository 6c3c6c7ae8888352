"""World models of world models, each with a slower clock."""

from telos.agent.levels.level import Level, LevelConfig

__all__ = ["Level", "LevelConfig"]
