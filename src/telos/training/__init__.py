"""Training: objectives, phases, the loop, and what it leaves behind."""

from telos.training.diagnostics import CollapseWatch, Health
from telos.training.phases import Curriculum, Phase

__all__ = ["CollapseWatch", "Curriculum", "Health", "Phase"]
