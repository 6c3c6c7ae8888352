"""Teaches an agent to read quantities that people speak of."""

from telos.teaching.readouts.picture import draw_reading
from telos.teaching.readouts.teach import Taught, teach_readout

__all__ = ["Taught", "draw_reading", "teach_readout"]
