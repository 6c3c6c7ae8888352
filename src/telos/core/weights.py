"""Weights on disk: safetensors with a checksum, written whole or not at all."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from telos.core.errors import RunError
from telos.core.run import CHECKSUM, RESTORE, atomic_file


def save_weights(path: Path, module: nn.Module) -> str:
    """All weights and buffers of a module as safetensors, with their checksum, which is returned."""
    tensors = _tensors(module)
    checksum = _checksum(tensors)
    with atomic_file(path) as temporary:
        temporary.write_bytes(save(tensors, metadata={CHECKSUM: checksum}))
    return checksum


def load_weights(path: Path, module: nn.Module, *, expected: str | None = None, fix: str = RESTORE) -> None:
    """Fills a module with what `save_weights` wrote.

    Args:
        expected: the checksum that they must have; None: the one they were written with.
        fix: what to do about a file that cannot be used.

    Raises:
        RunError: the file is missing or damaged, or belongs to a model of another shape.
    """
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - the file is no mapping
            written = (file.metadata() or {}).get(CHECKSUM)
    except (SafetensorError, OSError, RuntimeError, KeyError, ValueError) as error:
        raise _unusable(path, error, fix) from error
    found = _checksum(tensors)
    if written is not None and written != found:
        raise RunError(f"The weights {path} are damaged: their checksum is not the one they were written with.", fix=fix)
    if expected is not None and expected != found:
        raise RunError(f"The weights {path} are not those that their description was written with.", fix=fix)
    try:
        module.load_state_dict(tensors)
    except RuntimeError as error:
        raise _unusable(path, error, fix) from error


def fingerprint(module: nn.Module) -> str:
    """Of all weights and buffers: differs as soon as one bit of them does."""
    return _checksum(_tensors(module))


def _tensors(module: nn.Module) -> dict[str, Tensor]:
    return {name: value.detach().cpu().contiguous() for name, value in module.state_dict().items()}


def _unusable(path: Path, error: Exception, fix: str) -> RunError:
    reason = " ".join(str(error).split()).rstrip(".")
    return RunError(f"The weights {path} cannot be loaded: {reason[:200]}.", fix=fix)


def _checksum(tensors: Mapping[str, Tensor]) -> str:
    checksum = hashlib.blake2b(digest_size=16)
    for name in sorted(tensors):
        value = tensors[name]
        checksum.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
        checksum.update(value.reshape(-1).view(torch.uint8).numpy().data)
    return checksum.hexdigest()
