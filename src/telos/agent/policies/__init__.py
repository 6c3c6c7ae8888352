"""Mode 1: acting at once, and knowing when that is not enough."""

from telos.agent.policies.arbiter import ArbiterConfig, CalibratedArbiter
from telos.agent.policies.goal_policy import GoalPolicy, GoalPolicyConfig

__all__ = ["ArbiterConfig", "CalibratedArbiter", "GoalPolicy", "GoalPolicyConfig"]
