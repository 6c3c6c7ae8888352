"""Changed dynamics: whether an agent notices that its world no longer does what it did."""

from telos.evaluation.changes.measure import Noticing, changed, measure_noticing
from telos.evaluation.changes.worlds import AbstractChange, ChangedWorld, Drag, Mirrored, Wind

__all__ = ["AbstractChange", "ChangedWorld", "Drag", "Mirrored", "Noticing", "Wind", "changed", "measure_noticing"]
