"""What a server may be told, and what it answers."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from telos.core.errors import ConfigError

Source = Literal["plan", "policy", "previous plan", "last action", "fallback"]


@dataclass(frozen=True, kw_only=True)
class ServingSettings:
    """Times and limits, in milliseconds where they are times."""

    deadline_ms: float = 100.0
    """From the arrival of a request to its answer."""
    stale_ms: float = 250.0
    """Oldest frame that is planned from."""
    watchdog_ms: float = 1000.0
    """Silence after which the session falls back."""
    max_bytes: int = 1 << 20
    """Largest body of a request."""
    max_sessions: int = 8
    """Sessions at once."""
    forget_ms: float = 600_000.0
    """Silence after which a session makes room for another, if it has to."""

    def __post_init__(self) -> None:
        for name in ("deadline_ms", "stale_ms", "watchdog_ms", "forget_ms"):
            if not 0 < getattr(self, name) < 1e9:
                raise ConfigError(f"The server's {name} is {getattr(self, name)}.", expected="milliseconds, more than 0")
        if self.max_bytes < 1 or self.max_sessions < 1:
            raise ConfigError(f"The server allows {self.max_bytes} bytes and {self.max_sessions} sessions.", expected="1 or more of each")


@dataclass(frozen=True)
class Answer:
    """What is sent back."""

    action: np.ndarray
    """`[action]`, within bounds and slew limit."""
    source: Source
    """Where it comes from."""
    frame: int
    """The last frame that was taken; if `source` is `plan` or `policy`, the one that was decided from."""
    restarted: bool = False
    """Whether the agent began afresh: after a reset, or since the watchdog had fired."""

    def to_json(self) -> dict[str, Any]:
        return {"action": self.action.tolist(), "source": self.source, "frame": self.frame, "restarted": self.restarted}
