"""Learning curves: the error of models that saw growing parts of the logs, and what more logs would do."""

from telos.evaluation.learning_curve.curve import LearningCurve, draw_curve
from telos.evaluation.learning_curve.page import write_curve_page
from telos.evaluation.learning_curve.points import Point, measure_point

__all__ = ["LearningCurve", "Point", "draw_curve", "measure_point", "write_curve_page"]
