"""What an agent can be asked to do: small values, which add up."""

from telos.agent.tasks.avoid import Avoid
from telos.agent.tasks.goal import ReachGoal
from telos.agent.tasks.optimise import Optimise
from telos.agent.tasks.prefer import Prefer, StayNearData
from telos.agent.tasks.quantity import AbstractQuantityTask
from telos.agent.tasks.reach import ReachRegion, ReachValue
from telos.agent.tasks.several import ReachAny, VisitAll, VisitInOrder
from telos.agent.tasks.timed import FollowPath, Hold, ReachBy

__all__ = [
    "AbstractQuantityTask",
    "Avoid",
    "FollowPath",
    "Hold",
    "Optimise",
    "Prefer",
    "ReachAny",
    "ReachBy",
    "ReachGoal",
    "ReachRegion",
    "ReachValue",
    "StayNearData",
    "VisitAll",
    "VisitInOrder",
]
