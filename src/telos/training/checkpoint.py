"""Where to go on after a crash, and the weights that stay."""

import os
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from telos.core.errors import RunError
from telos.core.run import Run, atomic_file


def save_checkpoint(run: Run, checkpoint: dict[str, Any]) -> None:
    """Replaces the run's checkpoint, all of it or nothing: `kill -9` at any moment leaves a whole one behind."""
    with atomic_file(run.checkpoint_file) as temporary:
        torch.save(checkpoint, temporary)
    # Temporary files of a run that was killed while it wrote.
    for leftover in run.path.glob(f".{run.checkpoint_file.name}.*.tmp"):
        if f".{os.getpid()}." not in leftover.name:
            leftover.unlink(missing_ok=True)


def load_checkpoint(run: Run, device: torch.device | str = "cpu") -> dict[str, Any] | None:
    """The last checkpoint, or None if there is none yet. Nothing is unpickled but tensors and plain values.

    Raises:
        RunError: the file is damaged.
    """
    if not run.checkpoint_file.is_file():
        return None
    try:
        return torch.load(run.checkpoint_file, map_location=device, weights_only=True)
    except Exception as error:
        raise RunError(f"The checkpoint {run.checkpoint_file} is damaged.", fix="remove it to train this run from its beginning") from error


def save_weights(path: Path, module: nn.Module) -> None:
    """All weights and buffers of a module as safetensors."""
    with atomic_file(path) as temporary:
        save_file({name: value.detach().cpu().contiguous() for name, value in module.state_dict().items()}, temporary)


def load_weights(path: Path, module: nn.Module) -> None:
    """Fills a module with what `save_weights` wrote.

    Raises:
        RunError: the file is missing or damaged, or belongs to a model of another shape.
    """
    try:
        module.load_state_dict(load_file(path))
    except (SafetensorError, OSError, RuntimeError, KeyError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise RunError(f"The weights {path} cannot be loaded: {reason}", fix="restore the file, or train again") from error
