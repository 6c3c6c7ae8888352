"""Levels above a run's world model: how they are trained, and kept."""

from telos.teaching.levels.curriculum import LevelRecipe
from telos.teaching.levels.teach import LevelLesson, forget_levels, teach_levels

__all__ = ["LevelLesson", "LevelRecipe", "forget_levels", "teach_levels"]
