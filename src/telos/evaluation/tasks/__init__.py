"""How well an agent does what it was asked to in words, by the true state."""

from telos.evaluation.tasks.contestants import ScriptedTaskContestant, TaskContestant
from telos.evaluation.tasks.evaluate import TaskEvaluation, evaluate_task
from telos.evaluation.tasks.judge import TaskJudge
from telos.evaluation.tasks.play import TaskOutcome, play_task

__all__ = ["ScriptedTaskContestant", "TaskContestant", "TaskEvaluation", "TaskJudge", "TaskOutcome", "evaluate_task", "play_task"]
