"""A curriculum is a list of phases; a phase says what is trained, on what, and for how long."""

import math
from dataclasses import dataclass
from typing import Literal

from telos.core.contracts import AbstractObjective
from telos.core.errors import ConfigError, EpisodeTooShortError
from telos.core.logs import AbstractLogs
from telos.core.spaces import PixelSpace, TreeSpace
from telos.training.augmentations import AbstractAugmentation
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
    seen: int = 1
    """Frames at the beginning of a window that are seen before anything is imagined; more than one for models that remember, which
    learn to see motion in them, and to keep what later frames hide."""
    imagines: Literal["rollouts", "each step"] = "rollouts"
    """`rollouts`: from the last frame of a window that is `seen` to its end; `each step`: from every frame one step ahead, all at once (teacher
    forcing), which is what a predictor that reads a history of frames is trained on."""
    objectives: tuple[AbstractObjective, ...] = (Prediction(),)
    """Terms of the loss."""
    augmentations: tuple[AbstractAugmentation, ...] = ()
    """Other looks of the first frame of a window, one after the other. From it the future is imagined; what it is compared with
    is encoded from the frames as they were logged, so that nothing of the look is worth remembering."""
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
        if self.trains not in ("everything", "dynamics"):
            raise ConfigError(f"Phase '{self.name}' trains '{self.trains}'.", expected="everything or dynamics")
        if self.imagines not in ("rollouts", "each step"):
            raise ConfigError(f"Phase '{self.name}' imagines '{self.imagines}'.", expected="rollouts or each step")
        if not 1 <= self.seen <= self.window:
            raise ConfigError(
                f"Phase '{self.name}' sees {self.seen} frames of windows of {self.window} actions before it imagines.",
                expected=f"1 to {self.window}, so that at least one step is left",
            )
        if self.seen > 1 and (self.augmentations or self.imagines == "each step"):
            raise ConfigError(
                f"Phase '{self.name}' sees {self.seen} frames before it imagines, which neither augmentations nor single steps make use of.",
                fix='let it imagine "rollouts" without augmentations, or set seen=1',
            )
        if self.augmentations and self.imagines == "each step":
            raise ConfigError(
                f"Phase '{self.name}' augments the first frame of a window, and imagines from every frame.",
                fix='let it imagine "rollouts", or leave the augmentations out',
            )
        if self.augmentations and self.trains == "dynamics":
            raise ConfigError(
                f"Phase '{self.name}' trains dynamics alone, from codes that were made once, and augments frames.",
                fix="give the augmentations to the phase that trains everything",
            )
        if not self.objectives:
            raise ConfigError(f"Phase '{self.name}' has no objectives.", expected="at least one, such as Prediction()")
        for name in ("learning_rate", "clip_norm"):
            if not 0 < getattr(self, name) < math.inf:
                raise ConfigError(f"Phase '{self.name}' has {name} = {getattr(self, name)}.", expected="a number above 0")
        if not (0 <= self.warmup <= 1 and 0 <= self.weight_decay < math.inf):
            raise ConfigError(
                f"Phase '{self.name}' has a warmup of {self.warmup} and a weight decay of {self.weight_decay}.",
                expected="a share of the steps from 0 to 1, and a number of 0 or more",
            )
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
        if self.log_every < 1 or self.checkpoint_seconds < 0:
            raise ConfigError(
                f"A curriculum logs every {self.log_every} steps and saves every {self.checkpoint_seconds} seconds.",
                expected="1 step or more, and 0 seconds or more",
            )

    @property
    def num_steps(self) -> int:
        return sum(phase.num_steps for phase in self.phases)

    def check(self, logs: AbstractLogs, num_processes: int) -> None:
        """Whether it can be carried out, before anything is.

        Raises:
            EpisodeTooShortError: no episode of the training logs is as long as a window.
            ConfigError: a batch does not divide evenly among the processes, or pictures are to be augmented where there are none.
        """
        window, longest = max(phase.window for phase in self.phases), int(logs.lengths.max())
        if longest < window:
            raise EpisodeTooShortError(
                f"The longest episode has {longest} steps, and training needs windows of {window}.",
                fix="log longer episodes, or choose a recipe with shorter windows",
            )
        space = logs.spaces.observation
        seen = space.spaces.values() if isinstance(space, TreeSpace) else [space]
        for phase in self.phases:
            if phase.augmentations and not any(isinstance(part, PixelSpace) for part in seen):
                raise ConfigError(
                    f"Phase '{phase.name}' augments pictures, and is given {space.describe()}.", fix="take a recipe without augmentations"
                )
            if phase.batch_size % (num_processes * phase.windows_per_episode):
                raise ConfigError(
                    f"Phase '{phase.name}' has {phase.batch_size} windows a batch, {phase.windows_per_episode} per episode, "
                    f"which {num_processes} processes cannot share evenly.",
                    expected=f"a batch that is a multiple of {num_processes * phase.windows_per_episode}",
                    fix="choose another number of devices, or a recipe with another batch_size",
                )
