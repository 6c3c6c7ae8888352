"""Actions over HTTP: a session for each robot, a deadline for each plan, and limits on everything that is sent."""

from telos.serving.limits import ActionLimits
from telos.serving.session import Session, StaleFrameError
from telos.serving.settings import Answer, ServingSettings
from telos.serving.worker import PlanningThread

__all__ = ["ActionLimits", "Answer", "PlanningThread", "ServingSettings", "Session", "StaleFrameError"]
