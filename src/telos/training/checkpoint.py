"""Where to go on after a crash."""

import zipfile
from collections.abc import Mapping
from typing import Any

import torch

from telos.core.errors import RunError
from telos.core.run import Run, atomic_file

PARTS = {"step": int, "verdicts": list, "world_model": Mapping, "learner": Mapping, "optimizer": Mapping}
"""What a checkpoint holds."""


def save_checkpoint(run: Run, checkpoint: dict[str, Any]) -> None:
    """Replaces the run's checkpoint, all of it or nothing: `kill -9` at any moment leaves a whole one behind."""
    assert set(checkpoint) == set(PARTS)
    with atomic_file(run.checkpoint_file) as temporary:
        torch.save(checkpoint, temporary)


def load_checkpoint(run: Run, device: torch.device | str = "cpu") -> dict[str, Any] | None:
    """The last checkpoint, or None if there is none yet. Nothing is unpickled but tensors and plain values.

    Raises:
        RunError: the file is damaged.
    """
    if not run.checkpoint_file.is_file():
        return None
    try:
        with zipfile.ZipFile(run.checkpoint_file) as archive:
            # torch reads on over altered bytes; the archive's own checksums find them.
            whole = archive.testzip() is None
        checkpoint = torch.load(run.checkpoint_file, map_location=device, weights_only=True) if whole else None
    except Exception as error:
        raise damaged_checkpoint(run) from error
    if not isinstance(checkpoint, dict) or not all(isinstance(checkpoint.get(name), kind) for name, kind in PARTS.items()):
        raise damaged_checkpoint(run)
    return checkpoint


def restore(run: Run, part: Any, saved: dict[str, Any]) -> None:
    """Puts a part of the checkpoint back into a module or an optimizer. Raises RunError if it belongs to another one."""
    try:
        part.load_state_dict(saved)
    except (RuntimeError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise damaged_checkpoint(run) from error


def damaged_checkpoint(run: Run) -> RunError:
    return RunError(f"The checkpoint {run.checkpoint_file} is damaged.", fix="remove it to train this run from its beginning")
