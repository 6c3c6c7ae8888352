"""Costs: energy of an imagined future, per step. They add up and scale."""

from telos.agent.cost.action import ActionEffort, ActionSmoothness
from telos.agent.cost.disagreement import Disagreement
from telos.agent.cost.distance import FinalDistance, LeastDistance, PathDistance, RunningMinimum
from telos.agent.cost.drives import Drives

__all__ = ["ActionEffort", "ActionSmoothness", "Disagreement", "Drives", "FinalDistance", "LeastDistance", "PathDistance", "RunningMinimum"]
