"""The training loop: pure steps, so that a run that was killed goes on as if nothing had happened."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor

from telos.core.contracts import AbstractWorldModel
from telos.core.errors import CollapseError
from telos.core.logs import AbstractLogs, Windows, map_tree
from telos.core.run import Run
from telos.core.seeding import derive_seed, numpy_generator, torch_generator
from telos.training.augmentations import augment
from telos.training.checkpoint import load_checkpoint, restore, save_checkpoint, save_weights
from telos.training.codes import CodeWindows
from telos.training.diagnostics import measure_health
from telos.training.learner import Learner
from telos.training.phases import Curriculum, Phase


@dataclass(frozen=True)
class Progress:
    """What a watcher of training is told."""

    step: int
    num_steps: int
    phase: str
    metrics: dict[str, Any] | None = None
    """A new line of metrics, now and then."""
    stage: str = "train"
    """`train`, or `features` while frozen features are computed."""
    warning: str = ""
    """What the collapse watch has to say."""


Watcher = Callable[[Progress], None]


@dataclass
class Trainer:
    """Trains a world model into a run folder, from where it stands.

    Every batch is a function of the seed and the step, and every checkpoint holds all that changes, so a resumed run gives
    the same curve as an uninterrupted one.
    """

    run: Run
    world_model: AbstractWorldModel
    logs: AbstractLogs
    held_out: AbstractLogs
    curriculum: Curriculum
    seed: int
    fabric: Fabric
    watcher: Watcher = lambda progress: None
    _verdicts: list[str] = field(default_factory=list)

    def fit(self) -> None:
        """Trains to the end, and writes the weights.

        Raises:
            CollapseError: the latents have collapsed and do not recover, or the gradient is no number any more.
            EpisodeTooShortError, ConfigError: as `Curriculum.check` says; then nothing was done.
            RunError: the checkpoint is damaged.
        """
        self.curriculum.check(self.logs, self.fabric.world_size)
        saved = load_checkpoint(self.run)
        done = 0
        if saved is not None:
            done, self._verdicts = saved["step"], list(saved["verdicts"])
            restore(self.run, self.world_model, saved["world_model"])
        if self.fabric.is_global_zero:
            self.run.sweep()
            self.run.forget_metrics_after(done)
        self.world_model.to(self.fabric.device)
        first = 0
        for phase in self.curriculum.phases:
            if done < first + phase.num_steps:
                self._run_phase(phase, first, max(done, first), saved if saved and done > first else None)
            first += phase.num_steps
        self.world_model.requires_grad_(True)
        if self.fabric.is_global_zero:
            save_weights(self.run.weights_file, self.world_model)
            self.run.checkpoint_file.unlink(missing_ok=True)
        self.fabric.barrier()

    def _run_phase(self, phase: Phase, first: int, start: int, saved: dict[str, Any] | None) -> None:
        torch.manual_seed(derive_seed(self.seed, "heads", first))
        self.world_model.perception.requires_grad_(phase.trains == "everything")
        learner = Learner(self.world_model, phase.objectives, from_codes=phase.trains == "dynamics")
        parameters = [parameter for parameter in learner.parameters() if parameter.requires_grad]
        optimizer = torch.optim.AdamW(parameters, lr=phase.learning_rate, weight_decay=phase.weight_decay)
        if saved is not None:
            restore(self.run, learner, saved["learner"])
        wrapped, optimizer = self.fabric.setup(learner, optimizer)
        if saved is not None:
            restore(self.run, optimizer, saved["optimizer"])
        batches, checks = self._sources(phase)
        last_checkpoint = time.monotonic()
        for step in range(start, first + phase.num_steps):
            self._set_rate(optimizer, phase, (step - first) / phase.num_steps)
            windows = batches(step)
            loss, terms = wrapped(windows.observations, windows.actions, windows.episodes, windows.frames, windows.starts)
            optimizer.zero_grad(set_to_none=True)
            self.fabric.backward(loss)
            norm = self.fabric.clip_gradients(wrapped, optimizer, max_norm=phase.clip_norm, error_if_nonfinite=False)
            _check_finite(norm, step + 1, phase)
            optimizer.step()
            self._after_step(step + 1, phase, learner, checks, loss, terms, first + phase.num_steps)
            if self._checkpoint_due(time.monotonic() - last_checkpoint) or step + 1 == first + phase.num_steps:
                self._save(step + 1, learner, optimizer)
                last_checkpoint = time.monotonic()

    def _sources(self, phase: Phase) -> tuple[Callable[[int], Windows], Windows]:
        """Batches by step, and fixed held-out windows for the health check."""
        rows = phase.batch_size // self.fabric.world_size
        rank = self.fabric.global_rank
        check_rng = numpy_generator(self.seed, "check")
        # Held-out episodes may all be shorter than the window; the health check does with what they have.
        check_window = min(phase.window, int(self.held_out.lengths.max()))
        if phase.trains == "dynamics":
            self.world_model.eval()
            codes, held_out = CodeWindows(self.world_model, self.logs), CodeWindows(self.world_model, self.held_out)
            self.world_model.train()
            return (
                lambda step: codes.windows(
                    numpy_generator(self.seed, "batch", step, rank), rows, phase.window, per_episode=phase.windows_per_episode
                ),
                held_out.windows(check_rng, 256, check_window),
            )

        def batch(step: int) -> Windows:
            rng = numpy_generator(self.seed, "batch", step, rank)
            windows = self._to_device(self.logs.windows(rng, rows, phase.window, per_episode=phase.windows_per_episode))
            if not phase.augmentations:
                return windows
            first = map_tree(lambda leaf: leaf[:, 0], windows.observations)
            return replace(windows, starts=augment(first, phase.augmentations, torch_generator(self.seed, "augment", step, rank)))

        return batch, self._to_device(self.held_out.windows(check_rng, 256, check_window))

    def _to_device(self, windows: Windows) -> Windows:
        def move(array: np.ndarray) -> Tensor:
            return torch.from_numpy(array).to(self.fabric.device, non_blocking=True)

        return Windows(observations=map_tree(move, windows.observations), actions=move(windows.actions), episodes=move(np.asarray(windows.episodes)))

    @staticmethod
    def _set_rate(optimizer: Any, phase: Phase, share: float) -> None:
        rising = min(1.0, (share + 1 / phase.num_steps) / phase.warmup) if phase.warmup else 1.0
        rate = phase.learning_rate * min(rising, 0.5 * (1 + math.cos(math.pi * share)))
        for group in optimizer.param_groups:
            group["lr"] = rate

    @torch.no_grad()
    def _after_step(self, step: int, phase: Phase, learner: Learner, checks: Windows, loss: Tensor, terms: dict[str, Tensor], end: int) -> None:
        total = self.curriculum.num_steps
        if step % self.curriculum.log_every and step != end:
            self.watcher(Progress(step, total, phase.name))
            return
        learner.eval()
        states = learner.states(checks)
        health = measure_health(states, self.world_model.rollout(states.at(0), checks.actions))
        learner.train()
        names = list(terms)
        means = self.fabric.all_reduce(torch.stack([loss.detach(), *(terms[name] for name in names)]), reduce_op="mean")
        assert isinstance(means, Tensor)
        metrics = {"step": step, "phase": phase.name, **dict(zip(["loss", *names], means.tolist(), strict=True)), **health.to_json()}
        if self.fabric.is_global_zero:
            self.run.append_metrics(metrics)
        warning = self.curriculum.watch.check(self._verdicts, health)
        self.watcher(Progress(step, total, phase.name, metrics, warning=warning))

    def _checkpoint_due(self, seconds: float) -> bool:
        # Every process must come to the same answer: the first one's clock decides.
        return bool(self.fabric.broadcast(seconds >= self.curriculum.checkpoint_seconds))

    def _save(self, step: int, learner: Learner, optimizer: Any) -> None:
        if self.fabric.is_global_zero:
            model = {"world_model": self.world_model.state_dict(), "learner": learner.state_dict(), "optimizer": optimizer.state_dict()}
            save_checkpoint(self.run, {"step": step, "verdicts": self._verdicts, **model})
        self.fabric.barrier()


def _check_finite(norm: Any, step: int, phase: Phase) -> None:
    if not math.isfinite(norm):
        raise CollapseError(
            f"Training was stopped at step {step}: the gradient is no finite number any more.",
            fix=f"lower the learning rate of phase '{phase.name}', or look for odd values in the logs: telos data inspect DATA",
        )
