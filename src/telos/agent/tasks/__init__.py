"""What an agent can be asked to do: small values, which add up."""

from telos.agent.tasks.goal import ReachGoal

__all__ = ["ReachGoal"]
