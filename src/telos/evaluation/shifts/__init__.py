"""Visual shift: the same worlds in another guise, and what that costs."""

from telos.evaluation.shifts.base import AbstractPictureShift, AbstractShift, ShiftedWorld
from telos.evaluation.shifts.kit import GROUPS, choose_shifts
from telos.evaluation.shifts.looks import Blur, Brightness, Contrast, Hue, Lighting, Noise, Parameter, Scaled
from telos.evaluation.shifts.measure import ShiftReport, measure_shifts

__all__ = [
    "GROUPS",
    "AbstractPictureShift",
    "AbstractShift",
    "Blur",
    "Brightness",
    "Contrast",
    "Hue",
    "Lighting",
    "Noise",
    "Parameter",
    "Scaled",
    "ShiftReport",
    "ShiftedWorld",
    "choose_shifts",
    "measure_shifts",
]
