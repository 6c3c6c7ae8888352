"""Success against the CPU time of a plan, for every planner, and the knee that `auto` takes."""

from telos.evaluation.planner_curves.curves import PlannerCurves, PlannerPoint, measure_planners, read_curves
from telos.evaluation.planner_curves.knee import MARGIN, Knee, enough_episodes, find_knee
from telos.evaluation.planner_curves.ladder import ALL, LADDERS, choose_kinds, climb

__all__ = [
    "ALL",
    "LADDERS",
    "MARGIN",
    "Knee",
    "PlannerCurves",
    "PlannerPoint",
    "choose_kinds",
    "climb",
    "enough_episodes",
    "find_knee",
    "measure_planners",
    "read_curves",
]
