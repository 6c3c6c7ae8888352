"""Teaching an agent how long things take (critics of time), from logs without rewards."""

from telos.teaching.time_to_go.teach import KINDS, TimeLesson, teach_time_to_go

__all__ = ["KINDS", "TimeLesson", "teach_time_to_go"]
