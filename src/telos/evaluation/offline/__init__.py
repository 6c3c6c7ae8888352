"""Evaluation from logs alone: how far the model sees, whether actions are recovered, and what the logs support."""

from telos.evaluation.offline.evaluation import OfflineEvaluation, evaluate_offline
from telos.evaluation.offline.verdict import Verdict

__all__ = ["OfflineEvaluation", "Verdict", "evaluate_offline"]
