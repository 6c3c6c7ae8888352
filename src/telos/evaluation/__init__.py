"""The evaluation kit: protocols, floors, closed and open loop, probes, and the report."""

from telos.evaluation.evaluate import Evaluation, evaluate
from telos.evaluation.intervals import Rate, paired_difference, wilson
from telos.evaluation.open_loop import OpenLoop, one_step_tolerance, open_loop
from telos.evaluation.probe import Probe, probe
from telos.evaluation.protocols import Pairs, Protocol, draw_pairs, make_protocol

__all__ = [
    "Evaluation",
    "OpenLoop",
    "Pairs",
    "Probe",
    "Protocol",
    "Rate",
    "draw_pairs",
    "evaluate",
    "make_protocol",
    "one_step_tolerance",
    "open_loop",
    "paired_difference",
    "probe",
    "wilson",
]
