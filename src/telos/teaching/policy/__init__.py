"""Teaching an agent to act at once (Mode 1), and to know when that is not enough."""

from telos.teaching.policy.teach import Course, PolicyLesson, distil, teach_policy

__all__ = ["Course", "PolicyLesson", "distil", "teach_policy"]
