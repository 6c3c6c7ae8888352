"""Where to go on after a crash, and the weights that stay."""

import hashlib
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from telos.core.errors import RunError
from telos.core.run import CHECKSUM, RESTORE, Run, atomic_file

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


def save_weights(path: Path, module: nn.Module) -> None:
    """All weights and buffers of a module as safetensors, with their checksum."""
    tensors = {name: value.detach().cpu().contiguous() for name, value in module.state_dict().items()}
    with atomic_file(path) as temporary:
        temporary.write_bytes(save(tensors, metadata={CHECKSUM: _checksum(tensors)}))


def load_weights(path: Path, module: nn.Module) -> None:
    """Fills a module with what `save_weights` wrote.

    Raises:
        RunError: the file is missing or damaged, or belongs to a model of another shape.
    """
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - the file is no mapping
            expected = (file.metadata() or {}).get(CHECKSUM)
    except (SafetensorError, OSError, RuntimeError, KeyError, ValueError) as error:
        raise _unusable(path, error) from error
    if expected is not None and expected != _checksum(tensors):
        raise RunError(f"The weights {path} are damaged: their checksum is not the one they were written with.", fix=RESTORE)
    try:
        module.load_state_dict(tensors)
    except RuntimeError as error:
        raise _unusable(path, error) from error


def _unusable(path: Path, error: Exception) -> RunError:
    reason = " ".join(str(error).split()).rstrip(".")
    return RunError(f"The weights {path} cannot be loaded: {reason[:200]}.", fix=RESTORE)


def _checksum(tensors: Mapping[str, Tensor]) -> str:
    checksum = hashlib.blake2b(digest_size=16)
    for name in sorted(tensors):
        value = tensors[name]
        checksum.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
        checksum.update(value.reshape(-1).view(torch.uint8).numpy().data)
    return checksum.hexdigest()
