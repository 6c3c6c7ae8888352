"""Teaches an agent what people like: clips are compared, and a critic learns from the answers."""

from telos.teaching.ratings.answers import AnswerBook, Comparison, Score
from telos.teaching.ratings.fitting import begin_lesson, fit_critic
from telos.teaching.ratings.session import RatingSession

__all__ = ["AnswerBook", "Comparison", "RatingSession", "Score", "begin_lesson", "fit_critic"]
