"""`telos train`: from logs to a run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

PRETRAINED = "pretrained"
"""The recipe that comes with its weights."""


@dataclass(frozen=True, kw_only=True)
class Train:
    """Train a world model on logged episodes; repeated after a crash, it goes on where it stopped."""

    data: Annotated[Positional[tuple[Path, ...]], arg(metavar="DATA [DATA ...]")]
    """One store, or several to be mixed."""
    out: Path
    """Folder of the run."""
    recipe: str = "default"
    """default (by the data), another one by its name, such as pixels, recurrent or walls (docs/reference/recipes.md), or file.py:function."""
    weights: Path | None = None
    """Safetensors file of a vision transformer as in DINOv2: perception is that, frozen, and a small head on top of it is trained."""
    from_run: Annotated[Path | None, arg(name="from")] = None
    """A finished run to fine-tune; its recipe is used again."""
    seed: int = 0
    """Of weights, batches and the held-out split."""
    held_out: float = 0.1
    """Share of the episodes that are never trained on."""
    devices: int = 1
    """Processes or GPUs on each machine."""
    nodes: int = 1
    """Machines; start one process on each with torchrun or fabric run."""
    strategy: str = "auto"
    """How several devices work together: auto, ddp: a copy of the model on each, or fsdp: a share of the model on each."""
    accelerator: str = "auto"
    """auto, cpu, cuda, mps."""
    precision: str | None = None
    """32-true, 64-true or bf16-mixed; by default the last where a GPU computes it natively, the first elsewhere."""
    compile: bool = False
    """Compile what the model computes: minutes at the start, for faster steps on a GPU; on a CPU it is slower."""
    threads: int | None = None
    """Processor threads; by default as many as torch takes."""
    json: bool = False
    """Print one JSON object on the last line."""

    def run(self) -> int:
        import time
        from functools import partial

        from telos.cli.terminal import bars, print_json, remark
        from telos.cli.threads import use_threads
        from telos.cli.worlds import absolute
        from telos.core.errors import ConfigError

        if not self.data:
            raise ConfigError("No data to train on.", fix="telos train DATA --out RUN")
        if self.from_run is not None and self.recipe != "default":
            raise ConfigError("--from uses the recipe of the run it starts from, so --recipe has no place.", fix="leave one of the two out")
        self._check_weights()
        from telos.recipes import pretrained
        from telos.recipes.experiment import make_fabric, train

        use_threads(self.threads)
        fabric = make_fabric(
            devices=self.devices, num_nodes=self.nodes, strategy=self.strategy, precision=self.precision, accelerator=self.accelerator
        )
        started = time.monotonic()
        with bars() as progress:
            run = train(
                list(self.data),
                self.out,
                recipe=absolute(self.recipe) if self.weights is None else partial(pretrained, weights=self.weights),
                from_run=self.from_run,
                seed=self.seed,
                held_out=self.held_out,
                watcher=show_training(progress),
                fabric=fabric,
                compiled=self.compile,
            )
        if not fabric.is_global_zero:
            return 0
        last = run.metrics()[-1] if run.metrics() else {}
        if self.json:
            print_json({"run": str(run.path), "seconds": time.monotonic() - started, "recipe": run.description["recipe"]["name"], "last": last})
        else:
            remark(f"{run.path}: {health_sentence(last)}")
            remark(f"  next   telos evaluate {run.path}")
        return 0

    def _check_weights(self) -> None:
        from telos.core.errors import ConfigError

        if self.recipe == PRETRAINED and self.weights is None:
            raise ConfigError(f"The recipe '{PRETRAINED}' needs weights.", fix="add --weights FILE.safetensors")
        if self.weights is not None and (self.recipe not in ("default", PRETRAINED) or self.from_run is not None):
            raise ConfigError(
                "--weights brings a recipe of its own, so another one, or --from, has no place beside it.",
                fix="leave one of the two out, or call telos.recipes.pretrained from a recipe of your own",
            )


def show_training(progress):
    """A watcher that moves the bar, and passes warnings on."""
    from telos.cli.terminal import Bars
    from telos.training.trainer import Progress

    assert isinstance(progress, Bars)
    warned: set[str] = set()

    def watch(event: Progress) -> None:
        progress.update(event.stage, event.step, event.num_steps, health_sentence(event.metrics) if event.metrics else "")
        if event.warning and event.warning not in warned:
            warned.add(event.warning)
            progress.remark(f"warning: {event.warning}")

    return watch


def health_sentence(metrics: dict) -> str:
    """`prediction 0.03 of "nothing moves" · rank 14 of 16`."""
    if not all(isinstance(metrics.get(key), (int, float)) for key in ("relative_error", "effective_rank", "latent_size")):
        return "unknown"
    return f'error {metrics["relative_error"]:.3f} of "nothing moves" · rank {metrics["effective_rank"]:.0f} of {metrics["latent_size"]}'
