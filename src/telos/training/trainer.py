"""The training loop: pure steps, so that a run that was killed goes on as if nothing had happened."""

import copy
import math
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import torch
from lightning_fabric import Fabric
from lightning_fabric.strategies import ModelParallelStrategy
from torch import Tensor

from telos.core.contracts import AbstractWorldModel
from telos.core.errors import CollapseError
from telos.core.heap import keep_heap
from telos.core.logs import AbstractLogs, Windows
from telos.core.run import Run
from telos.core.seeding import derive_seed
from telos.core.weights import save_weights
from telos.training.checkpoint import load_checkpoint, restore, save_checkpoint
from telos.training.diagnostics import health_of
from telos.training.learner import Learner
from telos.training.optimizer import make_optimizer, set_rate
from telos.training.phases import Curriculum, Phase
from telos.training.prefetch import batches_of
from telos.training.sharding import is_sharded, put_together, shares_of_optimizer, whole
from telos.training.sources import on_device, source_of


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
    compiled: bool = False
    """Whether what the model computes is compiled; where nothing can compile, it runs plainly, with a warning."""
    _verdicts: list[str] = field(default_factory=list)

    def fit(self) -> None:
        """Trains to the end, and writes the weights.

        Raises:
            CollapseError: the latents have collapsed and do not recover, or the gradient is no number any more.
            EpisodeTooShortError, ConfigError: as `Curriculum.check` says; then nothing was done.
            RunError: the checkpoint is damaged.
        """
        keep_heap()
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
        end = first + phase.num_steps
        torch.manual_seed(derive_seed(self.seed, "heads", first))
        self.world_model.perception.requires_grad_(phase.trains == "everything")
        source = source_of(phase, self.world_model, self.logs, self.held_out, self.seed, self.fabric)
        learner = Learner(self.world_model, phase.objectives, from_codes=phase.trains == "dynamics", imagines=phase.imagines, seen=phase.seen)
        if saved is not None:
            restore(self.run, learner, saved["learner"])
        wrapped, learner, optimizer = self._set_up(learner, phase, saved)
        last_checkpoint = time.monotonic()
        with closing(batches_of(source.draw, range(start, end), ahead=None if source.from_frames else False)) as batches:
            for step, windows in enumerate(batches, start):
                set_rate(optimizer, phase, (step - first) / phase.num_steps)
                loss, terms = self._learn(on_device(windows, self.fabric.device), wrapped, optimizer, phase, step + 1)
                self._after_step(step + 1, phase, learner, source.checks, loss, terms, end)
                if self._checkpoint_due(time.monotonic() - last_checkpoint) or step + 1 == end:
                    self._save(step + 1, learner, optimizer)
                    last_checkpoint = time.monotonic()
        if is_sharded(learner):
            self.world_model.load_state_dict(whole(learner.world_model.state_dict()))

    def _set_up(self, learner: Learner, phase: Phase, saved: dict[str, Any] | None) -> tuple[Any, Learner, Any]:
        """The learner as it is called and as it is asked, and its optimizer."""
        if isinstance(self.fabric.strategy, ModelParallelStrategy):
            # What is cut into shares cannot be put together in place, and the next phase starts from a whole model.
            learner = copy.deepcopy(learner)
        wrapped = self.fabric.setup_module(learner)
        learner.compile_parts(self.compiled)
        optimizer = make_optimizer(learner, phase)
        if saved is not None:
            kept = saved["optimizer"]
            restore(self.run, optimizer, shares_of_optimizer(optimizer, kept) if is_sharded(learner) else kept)
        return wrapped, learner, self.fabric.setup_optimizers(optimizer)

    def _learn(self, windows: Windows, wrapped: Any, optimizer: Any, phase: Phase, step: int) -> tuple[Tensor, dict[str, Tensor]]:
        loss, terms = wrapped(windows.observations, windows.actions, windows.episodes, windows.frames, windows.starts)
        optimizer.zero_grad(set_to_none=True)
        self.fabric.backward(loss)
        norm = self.fabric.clip_gradients(wrapped, optimizer, max_norm=phase.clip_norm, error_if_nonfinite=False)
        _check_finite(norm, step, phase)
        optimizer.step()
        return loss, terms

    @torch.no_grad()
    def _after_step(self, step: int, phase: Phase, learner: Learner, checks: Windows, loss: Tensor, terms: dict[str, Tensor], end: int) -> None:
        total = self.curriculum.num_steps
        if step % self.curriculum.log_every and step != end:
            self.watcher(Progress(step, total, phase.name))
            return
        put_together(learner)
        learner.eval()
        states = learner.states(checks)._map(lambda tensor: tensor[:, phase.seen - 1 :])
        health = health_of(learner.world_model, states, checks.actions[:, phase.seen - 1 :])
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
        model = {"world_model": learner.world_model.state_dict(), "learner": learner.state_dict(), "optimizer": optimizer.state_dict()}
        if is_sharded(learner):
            model = whole(model)
        if self.fabric.is_global_zero:
            save_checkpoint(self.run, {"step": step, "verdicts": self._verdicts, **model})
        self.fabric.barrier()


def _check_finite(norm: Any, step: int, phase: Phase) -> None:
    norm = whole(norm)
    if not math.isfinite(norm):
        raise CollapseError(
            f"Training was stopped at step {step}: the gradient is no finite number any more.",
            fix=f"lower the learning rate of phase '{phase.name}', or look for odd values in the logs: telos data inspect DATA",
        )
