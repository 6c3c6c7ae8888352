"""Whether weights are still those that an agent was built with: cheap enough to be asked before every action."""

import hashlib
import types
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from telos.core.weights import fingerprint

HOOKS = ("_forward_hooks", "_forward_pre_hooks")


@dataclass
class WatchedModule:
    """One module and all that is in it.

    `quick` finds every part that was exchanged and every change of a weight, whatever way it was made, but for one that was computed so as
    to keep a checksum (CRC-32); `full` finds that too.

    Args:
        thorough: whether `quick` takes a cryptographic fingerprint as well, for modules of a few thousand weights.
        light: whether `quick` asks torch whether a tensor was written to, and reads no bits, for modules of many megabytes. What is written
            past torch is then found by `full` alone.
    """

    module: nn.Module
    thorough: bool = False
    light: bool = False
    whole: str = field(init=False)
    """Fingerprint of all weights."""

    def __post_init__(self) -> None:
        self.whole = fingerprint(self.module)
        self._places = list(_places(self.module))
        self._objects = [(vars(part), methods_of(type(part)), [getattr(part, name) for name in HOOKS]) for part in self.module.modules()]
        self._before = self._in_front()
        tensors = [part for _, _, part in self._places if isinstance(part, Tensor)]
        self._tensors = tensors if self.light else []
        self._pointers = [(part, part.data_ptr(), part.shape) for part in tensors]
        held = [part.detach() for part in tensors if part.numel()]
        # Views: what is written into a tensor is seen here.
        self._bytes = [part.reshape(-1).view(torch.uint8).numpy().data for part in held if part.device.type == "cpu" and part.is_contiguous()]
        self._others = [part for part in held if part.device.type != "cpu" or not part.is_contiguous()]
        self._sum = self._checksum()

    def quick(self) -> bool:
        """Whether everything is as it was."""
        for holder, name, part in self._places:
            if holder.get(name) is not part:
                return False
        for part, pointer, shape in self._pointers:
            if part.data_ptr() != pointer or part.shape != shape:
                return False
        return self._in_front() == self._before and self._checksum() == self._sum

    def full(self) -> bool:
        """The same, bit by bit."""
        return self.quick() and fingerprint(self.module) == self.whole

    def _checksum(self) -> tuple[object, ...]:
        if self.light:
            return tuple(part._version for part in self._tensors)
        if self.thorough:
            digest = hashlib.sha256()
            for held in self._bytes:
                digest.update(held)
            return digest.digest(), *map(_sum_elsewhere, self._others)
        checksum = 0
        for held in self._bytes:
            checksum = zlib.crc32(held, checksum)
        return checksum, *map(_sum_elsewhere, self._others)

    def _in_front(self) -> list[object]:
        """What was put on single objects in front of the methods of their classes, and hooks."""
        found: list[object] = []
        for own, methods, hooks in self._objects:
            if not methods.isdisjoint(own):
                found += [(name, id(own[name])) for name in sorted(own.keys() & methods)]
            found += [len(hook) for hook in hooks if hook]
        return found


def methods_of(kind: type) -> frozenset[str]:
    """Names of what instances of a class are asked to do."""
    return frozenset(name for base in kind.__mro__ for name, value in vars(base).items() if isinstance(value, types.FunctionType))


def _places(module: nn.Module) -> Iterable[tuple[dict, str, object]]:
    """Every place that holds a part, and the part."""
    for part in module.modules():
        for holder in (part._parameters, part._buffers, part._modules):
            yield from ((holder, name, held) for name, held in holder.items())


def _sum_elsewhere(tensor: Tensor) -> tuple[int, ...]:
    """Of what lies on another device, or is a view of something else: the sum of its words, which swapping two of them keeps."""
    flat = tensor.detach().contiguous().reshape(-1).view(torch.uint8)
    kind = torch.int32 if flat.numel() % 4 == 0 else torch.uint8
    return (int(flat.view(kind).sum(dtype=torch.int64)),)
