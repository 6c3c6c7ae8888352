"""A curriculum is a list of phases; a phase says what is trained, on what, and for how long."""

from dataclasses import dataclass
from typing import Literal

from telos.core.contracts import AbstractObjective
from telos.core.errors import ConfigError
from telos.training.diagnostics import CollapseWatch
from telos.training.objectives import Prediction


@dataclass(frozen=True, kw_only=True)
class Phase:
    """Some steps of training with one set of objectives."""

    name: str
    """Shown while it runs."""
    trains: Literal["everything", "dynamics"] = "everything"
    """`everything` from raw frames; `dynamics`: perception is frozen, the codes of all frames are computed once and kept."""
    num_steps: int = 1000
    """Batches."""
    batch_size: int = 64
    """Windows per batch, over all processes."""
    windows_per_episode: int = 1
    """Windows that share an episode within a batch; several are needed by objectives that look within episodes."""
    window: int = 6
    """Actions in a window."""
    objectives: tuple[AbstractObjective, ...] = (Prediction(),)
    """Terms of the loss."""
    learning_rate: float = 1e-3
    """Peak, reached after `warmup` and brought to zero along a cosine."""
    weight_decay: float = 1e-5
    """Of AdamW."""
    warmup: float = 0.05
    """Share of the steps in which the learning rate rises."""
    clip_norm: float = 1.0
    """Largest norm of the gradient."""

    def __post_init__(self) -> None:
        for name in ("num_steps", "batch_size", "windows_per_episode", "window"):
            if getattr(self, name) < 1:
                raise ConfigError(f"Phase '{self.name}' has {name} = {getattr(self, name)}.", expected="1 or more")
        if self.batch_size % self.windows_per_episode:
            raise ConfigError(
                f"Phase '{self.name}' has {self.batch_size} windows a batch, {self.windows_per_episode} per episode.",
                expected="a batch that divides evenly",
            )


@dataclass(frozen=True, kw_only=True)
class Curriculum:
    """How a world model is trained."""

    phases: tuple[Phase, ...]
    """One after the other."""
    watch: CollapseWatch = CollapseWatch()
    """When to warn and when to stop."""
    log_every: int = 50
    """Steps between two lines of metrics, each with a health check on held-out windows."""
    checkpoint_seconds: float = 20.0
    """Wall-clock time between two checkpoints; a crash loses no more than this."""

    def __post_init__(self) -> None:
        if not self.phases:
            raise ConfigError("A curriculum needs at least one phase.")

    @property
    def num_steps(self) -> int:
        return sum(phase.num_steps for phase in self.phases)

    @property
    def longest_window(self) -> int:
        return max(phase.window for phase in self.phases)
