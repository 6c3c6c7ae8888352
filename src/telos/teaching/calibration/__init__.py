"""Margins that make guardrails hold, and the proof that they do."""

from telos.teaching.calibration.bounds import binomial_cdf, episodes_needed, logs_needed, proves, upper_bound
from telos.teaching.calibration.calibrate import CalibrationResult, calibrate, calibrate_on_logs, check_guardrails
from telos.teaching.calibration.margins import MULTIPLES, margins_from, margins_given
from telos.teaching.calibration.open_loop import NOT_COVERED, OpenLoopErrors, open_loop_errors
from telos.teaching.calibration.sequence import Seen, Trial, choose, try_in_order

__all__ = [
    "MULTIPLES",
    "NOT_COVERED",
    "CalibrationResult",
    "OpenLoopErrors",
    "Seen",
    "Trial",
    "binomial_cdf",
    "calibrate",
    "calibrate_on_logs",
    "check_guardrails",
    "choose",
    "episodes_needed",
    "logs_needed",
    "margins_from",
    "margins_given",
    "open_loop_errors",
    "proves",
    "try_in_order",
    "upper_bound",
]
