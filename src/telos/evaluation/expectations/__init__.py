"""Violation of expectation: whether a model is surprised by what cannot happen."""

from telos.evaluation.expectations.pairs import ClipPairs, make_pairs
from telos.evaluation.expectations.pixels import PixelJudge, train_pixel_judge
from telos.evaluation.expectations.scoring import AbstractJudge, FrameDifference, Verdicts, WorldModelJudge, judge_pairs
from telos.evaluation.expectations.violations import VIOLATIONS, AbstractViolation

__all__ = [
    "VIOLATIONS",
    "AbstractJudge",
    "AbstractViolation",
    "ClipPairs",
    "FrameDifference",
    "PixelJudge",
    "Verdicts",
    "WorldModelJudge",
    "judge_pairs",
    "make_pairs",
    "train_pixel_judge",
]
