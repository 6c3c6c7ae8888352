"""What people teach an agent beside its world model, on disk: a description as JSON, and weights as safetensors beside it.

A description is a frozen dataclass that says all that the module is but its weights, and builds it. Readouts, critics and the sense of
what is familiar are kept so. Each was taught on the beliefs of one world model, and is worth nothing on those of another:
the description carries that model's fingerprint, and another model is refused.
"""

import json
from abc import ABC, abstractmethod
from pathlib import Path
from typing import TypeVar

import torch
from torch import nn

from telos.core import config
from telos.core.errors import RunError, TelosError
from telos.core.run import CHECKSUM, atomic_file, checksum_of
from telos.core.taught_files import DESCRIPTION, FORMAT_VERSION, TEACH_AGAIN, WEIGHTS, read_taught, with_suffix
from telos.core.weights import load_weights, save_weights

Kind = TypeVar("Kind")


class AbstractDescription(ABC):
    """All that a taught module is, but for its weights. A frozen dataclass of what JSON can carry."""

    @abstractmethod
    def build(self) -> nn.Module:
        """The module, its weights still to be filled in."""


def save_taught(path: Path, description: AbstractDescription, module: nn.Module, *, tie: str) -> None:
    """Writes `path`.json and `path`.safetensors, in place of what was there.

    A process that is killed on the way leaves what was there, nothing, or all of it: never a description beside other weights.

    Args:
        path: without a suffix, such as RUN/readouts/position.
        tie: fingerprint of the world model that it was taught on.

    Raises:
        ConfigError: the description holds what JSON cannot carry.
        RunError: the folder cannot be written.
    """
    content = {"format": FORMAT_VERSION, "description": config.to_json(description), "world_model": tie}
    file = with_suffix(path, DESCRIPTION)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file.unlink(missing_ok=True)
        content["weights"] = save_weights(with_suffix(path, WEIGHTS), module)
        with atomic_file(file) as temporary:
            temporary.write_text(json.dumps({**content, CHECKSUM: checksum_of(content)}, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise RunError(f"{file} cannot be written: {error.strerror or error}.", fix="check the permissions of the folder") from error


def load_taught(path: Path, kind: type[Kind], *, tie: str, device: torch.device | str = "cpu") -> Kind:
    """The module that `save_taught` wrote, frozen and in evaluation mode.

    Args:
        path: without a suffix.
        kind: what it must be beside a module.
        tie: fingerprint of the world model that it is to be used with.

    Raises:
        RunError: a file is missing or damaged, is not of this kind, or was taught on other weights.
        RunVersionError: a newer Telos wrote it.
    """
    content = read_taught(path)
    file = with_suffix(path, DESCRIPTION)
    if content["world_model"] != tie:
        raise RunError(
            f"{file} was taught on other weights than the run has now; what it says of their beliefs means nothing.",
            fix="teach it again, or bring the old weights back",
        )
    try:
        description = config.from_json(content["description"])
        module = description.build() if isinstance(description, AbstractDescription) else None
    except (TelosError, TypeError, ValueError, KeyError, AttributeError, RuntimeError, MemoryError) as error:
        raise RunError(f"{file} cannot be read: {str(getattr(error, 'what', error)).rstrip('.')}.", fix=TEACH_AGAIN) from error
    if not isinstance(module, kind) or not isinstance(module, nn.Module):
        raise RunError(f"{file} does not describe a {kind.__name__}.", fix=TEACH_AGAIN)
    load_weights(with_suffix(path, WEIGHTS), module, expected=content["weights"], fix=TEACH_AGAIN)
    module.requires_grad_(False).eval().to(device)
    return module
